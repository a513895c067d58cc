//! The one writer: a thread that owns the only connection that writes, and commits in groups.
//!
//! Owns the queue, the transaction and the replies. Does not own what a job does. A disk makes a few hundred commits a second but
//! thousands of rows per commit, so jobs that wait while one commit is synced share the next. Each job runs in a savepoint: one that
//! fails does not spoil the others. Nobody is answered before the commit, and when it fails everybody is told so.
//!
//! Bounds: the queue (a full one is refused at once where the caller has somebody to tell, or waited for where it holds a lease) and the
//! number of jobs in a group (what a reply may wait for).

use std::time::Duration;

use passerelle_flow::store::{StoreError, StoreResult};
use passerelle_sqlite::{Connection, Fault};
use tokio::sync::{mpsc, oneshot};

use super::connection::Lent;

/// What a full queue means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// New work from outside: better a 503 now than an answer after the caller has gone.
    Refuse,
    /// The end of work that was begun: throwing it away would only make it be done again.
    Wait,
}

type Reply = Box<dyn FnOnce(StoreResult<()>) + Send>;
type Work = Box<dyn FnOnce(Result<&dyn Connection, &StoreError>) -> Ran + Send>;

/// A job that has run, and waits for the commit.
struct Ran {
    reply: Reply,
    /// Its savepoint could not be undone: nothing of the group may be committed.
    spoiled: bool,
}

enum Message {
    Work(Work),
    /// Move the log into the file, so that what was deleted leaves the disk.
    Checkpoint,
    Close(oneshot::Sender<()>),
}

pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

impl Writer {
    /// Starts the thread. It ends after [`Writer::close`], or when the writer is dropped and the queue is empty.
    pub(super) fn start(conn: rusqlite::Connection, queue: usize, group: usize) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(conn, receiver, group.max(1)))?;
        Ok(Self { queue: sender })
    }

    /// Runs `work` in a transaction of its own, as far as it can tell, and answers when it is on the disk.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        full: WhenFull,
        work: impl FnOnce(&dyn Connection) -> Result<T, Fault> + Send + 'static,
    ) -> StoreResult<T> {
        let (sender, receiver) = oneshot::channel();
        let work: Work = Box::new(move |conn| {
            let (outcome, spoiled) = match conn {
                Ok(conn) => in_savepoint(conn, work),
                Err(error) => (Err(error.clone()), false),
            };
            // A caller that has gone away has no use for the answer; what was committed stays committed.
            let reply = Box::new(move |commit: StoreResult<()>| drop(sender.send(commit.and(outcome))));
            Ran { reply, spoiled }
        });
        match full {
            WhenFull::Refuse => self.queue.try_send(Message::Work(work)).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Unavailable("too many writes are waiting".to_owned()),
                mpsc::error::TrySendError::Closed(_) => closed(),
            })?,
            WhenFull::Wait => self.queue.send(Message::Work(work)).await.map_err(|_| closed())?,
        }
        receiver.await.map_err(|_| closed())?
    }

    /// Asks for a checkpoint, and does not wait for it.
    pub(super) async fn checkpoint(&self) {
        // A closed writer has made its checkpoint.
        drop(self.queue.send(Message::Checkpoint).await);
    }

    /// Finishes what waits, checkpoints, closes the file. What comes later is refused.
    pub(super) async fn close(&self) {
        let (sender, receiver) = oneshot::channel();
        if self.queue.send(Message::Close(sender)).await.is_ok() {
            // An error means that another close was faster.
            drop(receiver.await);
        }
    }
}

fn in_savepoint<T>(
    conn: &dyn Connection,
    work: impl FnOnce(&dyn Connection) -> Result<T, Fault>,
) -> (StoreResult<T>, bool) {
    if let Err(fault) = conn.run("SAVEPOINT job", &[]) {
        return (Err(fault.into()), false);
    }
    let outcome = work(conn).and_then(|value| conn.run("RELEASE job", &[]).map(|_| value));
    let spoiled =
        outcome.is_err() && conn.run("ROLLBACK TO job", &[]).and_then(|_| conn.run("RELEASE job", &[])).is_err();
    (outcome.map_err(StoreError::from), spoiled)
}

fn serve(conn: rusqlite::Connection, mut queue: mpsc::Receiver<Message>, group: usize) {
    let mut leaving = Vec::new();
    while let Some(message) = queue.blocking_recv() {
        let mut next = Some(message);
        while let Some(message) = next.take() {
            match message {
                Message::Work(first) => next = commit_group(&conn, first, &mut queue, group),
                Message::Checkpoint => truncate_log(&conn),
                Message::Close(done) => {
                    // From here on nothing more comes in, and the loop ends when the queue is empty.
                    queue.close();
                    leaving.push(done);
                }
            }
        }
    }
    truncate_log(&conn);
    drop(conn);
    for done in leaving {
        // Whoever asked and went away needs no answer.
        let _ = done.send(());
    }
}

/// Runs the first job and those that wait, commits, answers. Returns the message that ended the group, if it was no job.
fn commit_group(
    conn: &rusqlite::Connection,
    first: Work,
    queue: &mut mpsc::Receiver<Message>,
    group: usize,
) -> Option<Message> {
    let lent = Lent(conn);
    if let Err(fault) = lent.run("BEGIN IMMEDIATE", &[]) {
        let error = StoreError::from(fault);
        (first(Err(&error)).reply)(Err(error.clone()));
        return None;
    }
    let mut replies = Vec::new();
    let mut next = Some(first);
    let mut other = None;
    let mut whole = true;
    while let Some(work) = next.take() {
        let ran = work(Ok(&lent));
        replies.push(ran.reply);
        // SQLite ends the whole transaction by itself when the disk is full or fails.
        if ran.spoiled || conn.is_autocommit() {
            whole = false;
            break;
        }
        if replies.len() < group {
            match queue.try_recv() {
                Ok(Message::Work(work)) => next = Some(work),
                Ok(message) => other = Some(message),
                Err(_) => {}
            }
        }
    }
    let outcome = if whole {
        lent.run("COMMIT", &[]).map(drop).map_err(StoreError::from)
    } else {
        Err(StoreError::Unavailable("the transaction was rolled back".to_owned()))
    };
    if outcome.is_err()
        && !conn.is_autocommit()
        && let Err(error) = conn.execute_batch("ROLLBACK")
    {
        // Nothing was committed, and nothing will be until the connection recovers: every later BEGIN fails and is reported.
        tracing::error!(%error, "the store could not roll back");
    }
    for reply in replies {
        reply(outcome.clone());
    }
    other
}

/// Best effort: a reader that is in the way is not waited for, the next checkpoint does the rest.
fn truncate_log(conn: &rusqlite::Connection) {
    let ran = conn
        .busy_timeout(Duration::ZERO)
        .and_then(|()| conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
        .and_then(|()| conn.busy_timeout(super::schema::BUSY_TIMEOUT));
    if let Err(error) = ran {
        tracing::warn!(%error, "the store's log could not be checkpointed");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use passerelle_sqlite::{params, statement};

    use super::*;

    fn scratch(queue: usize, group: usize) -> (tempfile::TempDir, Writer, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("scratch.db");
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.execute_batch("CREATE TABLE n(v BIGINT NOT NULL UNIQUE)").unwrap();
        (dir, Writer::start(conn, queue, group).unwrap(), path)
    }

    fn insert(v: i64) -> impl FnOnce(&dyn Connection) -> Result<(), Fault> + Send {
        move |conn| conn.run("INSERT INTO n(v) VALUES(?1)", params![v]).map(drop)
    }

    fn values(path: &std::path::Path) -> Vec<i64> {
        let conn = rusqlite::Connection::open(path).unwrap();
        statement::all(&Lent(&conn), "SELECT v FROM n ORDER BY v", &[], |row| row.get(0)).unwrap()
    }

    /// Holds the writer inside a job until the returned sender is used.
    async fn hold(writer: &std::sync::Arc<Writer>) -> (std_mpsc::Sender<()>, tokio::task::JoinHandle<StoreResult<()>>) {
        let (go, wait) = std_mpsc::channel::<()>();
        let (entered, inside) = oneshot::channel();
        let writer = writer.clone();
        let held = tokio::spawn(async move {
            writer
                .call(WhenFull::Wait, move |_| {
                    entered.send(()).unwrap();
                    wait.recv().unwrap();
                    Ok(())
                })
                .await
        });
        inside.await.unwrap();
        (go, held)
    }

    #[tokio::test]
    async fn a_failing_job_does_not_spoil_the_others_of_its_group() {
        let (_dir, writer, path) = scratch(16, 16);
        let writer = std::sync::Arc::new(writer);
        let (go, held) = hold(&writer).await;
        // Everything below waits in the queue, so it is one group.
        let before = insert(1);
        let (a, b, c) = (
            writer.call(WhenFull::Refuse, before),
            writer.call(WhenFull::Refuse, |conn| {
                conn.run("INSERT INTO n(v) VALUES(2)", &[])?;
                conn.run("INSERT INTO n(v) VALUES(1)", &[]).map(drop)
            }),
            writer.call(WhenFull::Refuse, insert(3)),
        );
        let release = async {
            go.send(()).unwrap();
        };
        let (a, b, c, ()) = tokio::join!(a, b, c, release);
        held.await.unwrap().unwrap();
        assert!(a.is_ok());
        assert!(matches!(b, Err(StoreError::Unavailable(_))));
        assert!(c.is_ok());
        assert_eq!(values(&path), [1, 3], "the failing job left nothing, not even its first statement");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_new_work_and_makes_the_end_of_old_work_wait() {
        let (_dir, writer, path) = scratch(1, 1);
        let writer = std::sync::Arc::new(writer);
        let (go, held) = hold(&writer).await;
        let mut filler = Box::pin(writer.call(WhenFull::Refuse, insert(1)));
        assert!(poll_once(&mut filler).is_none(), "it waits for its commit");
        let refused = writer.call(WhenFull::Refuse, insert(2)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
        let mut patient = Box::pin(writer.call(WhenFull::Wait, insert(3)));
        assert!(poll_once(&mut patient).is_none());
        go.send(()).unwrap();
        held.await.unwrap().unwrap();
        filler.await.unwrap();
        patient.await.unwrap();
        assert_eq!(values(&path), [1, 3]);
    }

    #[tokio::test]
    async fn when_the_transaction_is_lost_everyone_in_the_group_is_told() {
        let (_dir, writer, path) = scratch(16, 16);
        let writer = std::sync::Arc::new(writer);
        let (go, held) = hold(&writer).await;
        let good = writer.call(WhenFull::Refuse, insert(1));
        // What SQLite does by itself on a full disk.
        let fatal = writer.call(WhenFull::Refuse, |conn| {
            conn.run("ROLLBACK", &[])?;
            Err::<(), _>(Fault::Refused("the disk is full"))
        });
        let release = async { go.send(()).unwrap() };
        let (good, fatal, ()) = tokio::join!(good, fatal, release);
        assert!(held.await.unwrap().is_err());
        assert!(good.is_err(), "it had run, but nothing was committed");
        assert!(fatal.is_err());
        assert_eq!(values(&path), [0_i64; 0]);
        writer.call(WhenFull::Refuse, insert(4)).await.unwrap();
        assert_eq!(values(&path), [4], "the writer goes on");
    }

    #[tokio::test]
    async fn a_locked_file_is_an_error_and_not_a_hang_or_a_loss() {
        let (_dir, writer, path) = scratch(16, 16);
        writer.call(WhenFull::Refuse, |conn| conn.rows("PRAGMA busy_timeout=0", &[], &mut |_| Ok(()))).await.unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(matches!(writer.call(WhenFull::Refuse, insert(1)).await, Err(StoreError::Unavailable(_))));
        other.execute_batch("ROLLBACK").unwrap();
        writer.call(WhenFull::Refuse, insert(2)).await.unwrap();
        assert_eq!(values(&path), [2]);
    }

    #[tokio::test]
    async fn closing_finishes_what_waits_and_refuses_what_comes_later() {
        let (_dir, writer, path) = scratch(16, 2);
        let writer = std::sync::Arc::new(writer);
        let (go, held) = hold(&writer).await;
        let mut waiting: Vec<_> = (0..8).map(|v| Box::pin(writer.call(WhenFull::Refuse, insert(v)))).collect();
        for call in &mut waiting {
            assert!(poll_once(call).is_none());
        }
        let mut close = Box::pin(writer.close());
        assert!(poll_once(&mut close).is_none());
        go.send(()).unwrap();
        held.await.unwrap().unwrap();
        close.await;
        for call in waiting {
            call.await.unwrap();
        }
        assert!(writer.call(WhenFull::Refuse, insert(99)).await.is_err());
        assert_eq!(values(&path), (0..8).collect::<Vec<_>>());
    }

    /// Polls once.
    fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(future).poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
