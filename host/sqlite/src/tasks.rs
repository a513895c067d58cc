//! The inbox and its tasks: what makes a task due.
//!
//! Owns coalescing: which task a notification joins, when that runs, which generation answers it. Does not own who may run it
//! (`leases`) nor what a run writes (`finish`).
//!
//! Generations: `done <= claimed <= wanted`. A task that rests has all three equal; any other has `done < wanted`.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{
    Accept, Accepted, Depth, Hint, LoggedNotification, LoggedRun, Priority, RunRecord, StuckTask, SubjectLog,
    TaskSubject,
};

use crate::{Connection, Fault, Row, column, params, sent, statement};

/// The columns that decide when a task runs.
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) wanted: i64,
    pub(crate) claimed: i64,
    pub(crate) done: i64,
    pub(crate) priority: i64,
    pub(crate) next_priority: Option<i64>,
    pub(crate) run_at: Millis,
    pub(crate) due_by: Option<Millis>,
    pub(crate) not_before: Option<Millis>,
    pub(crate) attempts: i64,
    pub(crate) lease_token: i64,
    /// The void limit stopped it, and nobody has released it since.
    pub(crate) held: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Leased,
    Idle,
    Dead,
    Held,
}

impl State {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Idle => "idle",
            Self::Dead => "dead",
            Self::Held => "held",
        }
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        [Self::Ready, Self::Leased, Self::Idle, Self::Dead, Self::Held]
            .into_iter()
            .find(|state| state.text() == text)
            .ok_or(Fault::Corrupt("task.state"))
    }
}

/// `SELECT` of a [`Task`], ended by the given condition.
macro_rules! select_task {
    ($condition:literal) => {
        concat!(
            "SELECT id, state, wanted, claimed, done, priority, next_priority, run_at, due_by, not_before, attempts, ",
            "lease_token, held FROM task WHERE ",
            $condition
        )
    };
}

fn read(row: &dyn Row) -> Result<Task, Fault> {
    Ok(Task {
        id: row.get(0)?,
        state: State::parse(row.get(1)?)?,
        wanted: row.get(2)?,
        claimed: row.get(3)?,
        done: row.get(4)?,
        priority: row.get(5)?,
        next_priority: row.get(6)?,
        run_at: row.get(7)?,
        due_by: row.get(8)?,
        not_before: row.get(9)?,
        attempts: row.get(10)?,
        lease_token: row.get(11)?,
        held: row.get(12)?,
    })
}

pub(crate) fn by_id(conn: &dyn Connection, tenant: &TenantId, id: &str) -> Result<Option<Task>, Fault> {
    statement::one(conn, select_task!("tenant = ?1 AND id = ?2"), params![tenant.as_str(), id], read)
}

pub(crate) fn by_subject(
    conn: &dyn Connection,
    tenant: &TenantId,
    subject: &TaskSubject,
) -> Result<Option<Task>, Fault> {
    let (kind, subject) = column::of_task_subject(subject);
    let sql = select_task!("tenant = ?1 AND kind = ?2 AND subject = ?3");
    statement::one(conn, sql, params![tenant.as_str(), kind, subject], read)
}

pub(crate) fn save(conn: &dyn Connection, tenant: &TenantId, task: &Task) -> Result<(), Fault> {
    let changed = conn.run(
        "UPDATE task SET state = ?3, wanted = ?4, claimed = ?5, done = ?6, priority = ?7, next_priority = ?8, run_at = ?9, \
         due_by = ?10, not_before = ?11, attempts = ?12, lease_token = ?13, held = ?14 WHERE tenant = ?1 AND id = ?2",
        params![
            tenant.as_str(),
            &task.id,
            task.state.text(),
            task.wanted,
            task.claimed,
            task.done,
            task.priority,
            task.next_priority,
            task.run_at,
            task.due_by,
            task.not_before,
            task.attempts,
            task.lease_token,
            task.held
        ],
    )?;
    (changed == 1).then_some(()).ok_or(Fault::Corrupt("a task vanished inside a transaction"))
}

/// The reason for which a task is to run.
pub(crate) struct Call<'a> {
    pub(crate) priority: i64,
    /// When it would like to run...
    pub(crate) run_at: Millis,
    /// ...and when it must at the latest, however many others join.
    pub(crate) due_by: Millis,
    /// A notification may push a waiting task's time back, up to `due_by`; anything else only forward.
    pub(crate) trailing: bool,
    /// How many generations it asks for.
    pub(crate) generations: i64,
    pub(crate) token_sealed: Option<&'a [u8]>,
}

impl Task {
    /// It is wanted again.
    pub(crate) fn called(&mut self, call: &Call<'_>) {
        self.wanted = self.wanted.saturating_add(call.generations);
        match self.state {
            State::Leased => {
                self.due_by = Some(self.due_by.map_or(call.due_by, |by| by.min(call.due_by)));
                self.next_priority = Some(self.next_priority.map_or(call.priority, |p| p.min(call.priority)));
            }
            State::Ready => {
                // What waits for its turn (not for a failure to pass) lets a more urgent call through.
                if call.priority < self.priority && self.attempts == 0 {
                    self.not_before = None;
                }
                let due_by = self.due_by.map_or(call.due_by, |by| by.min(call.due_by));
                let wish = if call.trailing { call.run_at } else { call.run_at.min(self.run_at) };
                self.due_by = Some(due_by);
                self.run_at = wish.min(due_by).max(self.not_before.unwrap_or(Millis::MIN));
                self.priority = self.priority.min(call.priority);
            }
            State::Idle | State::Dead | State::Held => {
                // Something unanswered still waits in a task that was given up, with the urgency that it had.
                let rests = self.state == State::Idle;
                self.priority = if rests { call.priority } else { self.priority.min(call.priority) };
                self.ready(call.run_at.min(call.due_by));
                self.due_by = Some(call.due_by);
                self.attempts = 0;
            }
        }
    }

    /// Waits for a worker from `at` on.
    pub(crate) fn ready(&mut self, at: Millis) {
        self.state = State::Ready;
        self.run_at = at;
        self.due_by = None;
        self.not_before = None;
        self.next_priority = None;
    }
}

struct Called {
    task: String,
    generation: i64,
    joined: bool,
}

/// Calls the subject's task, and makes it first if need be.
fn call(
    conn: &dyn Connection,
    tenant: &TenantId,
    subject: &TaskSubject,
    id: &str,
    call: &Call<'_>,
) -> Result<Called, Fault> {
    let Some(mut task) = by_subject(conn, tenant, subject)? else {
        let (kind, subject) = column::of_task_subject(subject);
        conn.run(
            "INSERT INTO task(tenant, id, kind, subject, token_sealed, wanted, claimed, done, state, priority, run_at, due_by, \
             lease_until, lease_token, attempts, expiries, held, released) \
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 'ready', ?7, ?8, ?9, 0, 0, 0, 0, 0, 0)",
            params![
                tenant.as_str(),
                id,
                kind,
                subject,
                call.token_sealed,
                call.generations,
                call.priority,
                call.run_at.min(call.due_by),
                call.due_by
            ],
        )?;
        return Ok(Called { task: id.to_owned(), generation: call.generations, joined: false });
    };
    let joined = matches!(task.state, State::Ready | State::Leased);
    task.called(call);
    save(conn, tenant, &task)?;
    if let Some(token) = call.token_sealed {
        let sql = "UPDATE task SET token_sealed = ?3 WHERE tenant = ?1 AND id = ?2";
        conn.run(sql, params![tenant.as_str(), &task.id, token])?;
    }
    Ok(Called { generation: task.wanted, task: task.id, joined })
}

pub fn accept(conn: &dyn Connection, accept: &Accept) -> Result<Accepted, Fault> {
    let subject = resolved(conn, &accept.tenant, TaskSubject::Token(accept.token_mac.clone()))?;
    // A file's own number is all that its runs need.
    let token_sealed = matches!(subject, TaskSubject::Token(_)).then_some(accept.token_sealed.as_slice());
    let called = call(
        conn,
        &accept.tenant,
        &subject,
        &accept.id,
        &Call {
            priority: column::of_priority(accept.priority),
            run_at: accept.now.saturating_add(accept.debounce),
            due_by: accept.now.saturating_add(accept.max_wait),
            trailing: true,
            generations: 1,
            token_sealed,
        },
    )?;
    conn.run(
        "INSERT INTO notification(tenant, id, task, gen, received_at, correlation, traceparent, state, movement, ticket, unknown_fields) \
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            accept.tenant.as_str(),
            &accept.id,
            &called.task,
            called.generation,
            accept.now,
            &accept.correlation,
            &accept.traceparent,
            &accept.state,
            &accept.movement,
            &accept.ticket,
            &column::of_names(&accept.unknown_fields)?
        ],
    )?;
    Ok(Accepted { task: called.task, joined: called.joined, generation: called.generation })
}

pub fn enqueue(
    conn: &dyn Connection,
    tenant: &TenantId,
    subject: TaskSubject,
    id: &str,
    priority: Priority,
    at: Millis,
) -> Result<String, Fault> {
    let subject = resolved(conn, tenant, subject)?;
    let priority = column::of_priority(priority);
    let wish = Call { priority, run_at: at, due_by: at, trailing: false, generations: 1, token_sealed: None };
    Ok(call(conn, tenant, &subject, id, &wish)?.task)
}

/// A token whose file is known stands for its file.
fn resolved(conn: &dyn Connection, tenant: &TenantId, subject: TaskSubject) -> Result<TaskSubject, Fault> {
    match &subject {
        TaskSubject::Token(mac) => Ok(file_of_token(conn, tenant, mac)?.map_or(subject, TaskSubject::File)),
        TaskSubject::File(_) | TaskSubject::Contact(_) => Ok(subject),
    }
}

pub fn file_of_token(conn: &dyn Connection, tenant: &TenantId, token_mac: &str) -> Result<Option<String>, Fault> {
    let sql = "SELECT file FROM order_alias WHERE tenant = ?1 AND token_mac = ?2";
    statement::one(conn, sql, params![tenant.as_str(), token_mac], |row| row.get(0))
}

/// The newest word wins; an order that is not told now keeps the one that was.
pub(crate) fn save_alias(
    conn: &dyn Connection,
    tenant: &TenantId,
    token_mac: &str,
    order: Option<&str>,
    file: &str,
) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO order_alias(tenant, token_mac, order_id, file) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(tenant, token_mac) \
         DO UPDATE SET order_id = coalesce(excluded.order_id, order_alias.order_id), file = excluded.file",
        params![tenant.as_str(), token_mac, order, file],
    )
    .map(drop)
}

pub fn runs(
    conn: &dyn Connection,
    tenant: &TenantId,
    subject: TaskSubject,
    limit: u32,
) -> Result<Vec<RunRecord>, Fault> {
    let Some(task) = by_subject(conn, tenant, &resolved(conn, tenant, subject)?)? else {
        return Ok(Vec::new());
    };
    Ok(logged_runs(conn, tenant, &task.id, limit)?.into_iter().map(|run| run.record).collect())
}

/// Newest first.
fn logged_runs(conn: &dyn Connection, tenant: &TenantId, task: &str, limit: u32) -> Result<Vec<LoggedRun>, Fault> {
    statement::all(
        conn,
        "SELECT id, fetch_started_at, outcome, error, findings, secutix_calls, finished_at, gen FROM run \
         WHERE tenant = ?1 AND task = ?2 ORDER BY finished_at DESC, lease_token DESC, id DESC LIMIT ?3",
        params![tenant.as_str(), task, limit],
        |row| {
            let record = RunRecord {
                id: row.get(0)?,
                fetch_started_at: row.get(1)?,
                outcome: row.get(2)?,
                error: row.get(3)?,
                findings: row.get(4)?,
                secutix_calls: row.get(5)?,
            };
            Ok(LoggedRun { record, finished_at: row.get(6)?, generation: row.get(7)? })
        },
    )
}

pub fn log(conn: &dyn Connection, tenant: &TenantId, subject: TaskSubject, limit: u32) -> Result<SubjectLog, Fault> {
    let Some(task) = by_subject(conn, tenant, &resolved(conn, tenant, subject)?)? else {
        return Ok(SubjectLog::default());
    };
    let notifications = statement::all(
        conn,
        "SELECT id, correlation, traceparent, state, movement, ticket, received_at, gen FROM notification \
         WHERE tenant = ?1 AND task = ?2 ORDER BY gen DESC, received_at DESC, id DESC LIMIT ?3",
        params![tenant.as_str(), &task.id, limit],
        |row| Ok(LoggedNotification { hint: hint(row)?, generation: row.get(7)? }),
    )?;
    Ok(SubjectLog { runs: logged_runs(conn, tenant, &task.id, limit)?, notifications })
}

/// The first seven columns of a notification that is read.
pub(crate) fn hint(row: &dyn Row) -> Result<Hint, Fault> {
    Ok(Hint {
        notification: row.get(0)?,
        correlation: row.get(1)?,
        traceparent: row.get(2)?,
        state: row.get(3)?,
        movement: row.get(4)?,
        ticket: row.get(5)?,
        received_at: row.get(6)?,
    })
}

pub fn stuck(conn: &dyn Connection, tenant: Option<&TenantId>) -> Result<Vec<StuckTask>, Fault> {
    statement::all(
        conn,
        "SELECT tenant, id, kind, subject, CASE WHEN state = 'dead' THEN 'dead' ELSE 'held' END, attempts, last_error, stuck_at \
         FROM task WHERE (state = 'dead' OR held = 1) AND (?1 IS NULL OR tenant = ?1) ORDER BY stuck_at, tenant, id",
        params![tenant.map(TenantId::as_str)],
        |row| {
            Ok(StuckTask {
                tenant: column::tenant(row.get(0)?)?,
                task: row.get(1)?,
                subject: column::task_subject(row.get(2)?, row.get(3)?)?,
                state: row.get(4)?,
                attempts: row.get(5)?,
                error: row.get(6)?,
                since: row.get(7)?,
            })
        },
    )
}

pub fn replay(conn: &dyn Connection, tenant: &TenantId, task: &str, now: Millis) -> Result<bool, Fault> {
    let Some(mut task) = by_id(conn, tenant, task)? else {
        return Ok(false);
    };
    let held = std::mem::take(&mut task.held);
    match task.state {
        State::Dead | State::Held => {}
        // A notification woke it, and its run could not come to an end yet.
        State::Ready if held => {}
        State::Ready | State::Leased | State::Idle => return Ok(false),
    }
    task.ready(now);
    task.due_by = Some(now);
    task.attempts = 0;
    save(conn, tenant, &task)?;
    let sql =
        "UPDATE task SET expiries = 0, stuck_at = NULL, released = max(released, ?3) WHERE tenant = ?1 AND id = ?2";
    conn.run(sql, params![tenant.as_str(), &task.id, held])?;
    Ok(true)
}

/// Each state by itself, since each has an index of its own.
pub fn effects_waiting(conn: &dyn Connection) -> Result<i64, Fault> {
    let sql = "SELECT (SELECT count(*) FROM effect WHERE state = 'ready') + (SELECT count(*) FROM effect WHERE state = 'leased')";
    statement::number(conn, sql, &[])
}

pub fn depth(conn: &dyn Connection) -> Result<Depth, Fault> {
    let mut depth = Depth::default();
    let tasks = "SELECT state, count(*) FROM task WHERE state <> 'idle' GROUP BY state";
    for (state, count) in statement::all(conn, tasks, &[], |row| Ok((State::parse(row.get(0)?)?, row.get(1)?)))? {
        match state {
            State::Ready => depth.tasks_ready = count,
            State::Leased => depth.tasks_leased = count,
            State::Dead => depth.tasks_dead = count,
            State::Held => depth.tasks_held = count,
            State::Idle => {}
        }
    }
    depth.effects_waiting = effects_waiting(conn)?;
    depth.effects_dead = statement::number(conn, "SELECT count(*) FROM effect WHERE state = 'dead'", &[])?;
    let oldest = "SELECT min(run_at) FROM task WHERE state = 'ready'";
    depth.oldest_due = statement::one(conn, oldest, &[], |row| row.get(0))?.flatten();
    let next = "SELECT min(CASE state WHEN 'ready' THEN run_at ELSE lease_until END) FROM effect WHERE state IN ('ready', 'leased')";
    depth.next_effect = statement::one(conn, next, &[], |row| row.get(0))?.flatten();
    sent::depth(conn, &mut depth)?;
    Ok(depth)
}
