//! The loop over a store of a few lists and a clock that moves when it is waited for.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use passerelle_flow::store::StoreError;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Job {
    due: Millis,
    /// Time that it takes.
    takes: Millis,
    /// An effect that its end makes due.
    then: bool,
    unrecorded: bool,
}

fn job(due: Millis, takes: Millis) -> Job {
    Job { due, takes, then: false, unrecorded: false }
}

/// Everything that the loop sees. Sleepers and runs say when they end; when nobody can go on, the clock goes to the earliest of them.
#[derive(Default)]
struct World {
    now: Cell<Millis>,
    tasks: RefCell<Vec<Job>>,
    effects: RefCell<Vec<Job>>,
    deliveries: RefCell<Vec<Job>>,
    /// Ends of what is waited for.
    waits: RefCell<Vec<(Millis, Waker)>>,
    running: Cell<usize>,
    most_running: Cell<usize>,
    claims: Cell<usize>,
    down: Cell<bool>,
    turns: Cell<usize>,
    slept_in_turn: Cell<bool>,
}

struct Turn<'a>(&'a World);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.turns.set(self.0.turns.get() - 1);
    }
}

impl World {
    fn of(tasks: &[Job], effects: &[Job]) -> Self {
        Self { tasks: tasks.to_vec().into(), effects: effects.to_vec().into(), ..Self::default() }
    }

    async fn wait(&self, time: Millis) {
        let end = self.now.get() + time;
        poll_fn(|context| {
            if self.now.get() >= end {
                return Poll::Ready(());
            }
            self.waits.borrow_mut().push((end, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        struct Woken(AtomicBool);
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return value;
            }
            if !woken.0.swap(false, Ordering::Relaxed) {
                let mut waits = self.waits.borrow_mut();
                self.now.set(waits.iter().map(|(end, _)| *end).min().expect("somebody waits for nothing"));
                let over: Vec<_> = waits.extract_if(.., |(end, _)| *end <= self.now.get()).collect();
                drop(waits);
                over.into_iter().for_each(|(_, waker)| waker.wake());
            }
        }
    }

    fn take(&self, list: &RefCell<Vec<Job>>, limit: u32) -> StoreResult<Vec<Job>> {
        self.claims.set(self.claims.get() + 1);
        if self.down.get() {
            return Err(StoreError::Unavailable("down".to_owned()));
        }
        let mut list = list.borrow_mut();
        let (due, later): (Vec<Job>, Vec<Job>) = list.iter().partition(|job| job.due <= self.now.get());
        let (taken, left) = due.split_at(due.len().min(limit as usize));
        *list = [left, &later].concat();
        Ok(taken.to_vec())
    }

    async fn work(&self, job: Job) -> StoreResult<()> {
        self.running.set(self.running.get() + 1);
        self.most_running.set(self.most_running.get().max(self.running.get()));
        self.wait(job.takes).await;
        self.running.set(self.running.get() - 1);
        if job.then {
            self.effects.borrow_mut().push(super::tests::job(self.now.get(), 10));
        }
        if job.unrecorded { Err(StoreError::Unavailable("gone".to_owned())) } else { Ok(()) }
    }

    fn sweep(&self, until: Millis, effects: bool) -> StoreResult<Report> {
        self.drive(sweep(&self, Patience { until, effects }))
    }
}

impl<'a> Work for &'a World {
    type Task = Job;
    type Effect = Job;
    type Delivery = Job;
    type Turn = Turn<'a>;

    fn now(&self) -> Millis {
        self.now.get()
    }
    async fn sleep(&self, time: Duration) {
        // Asleep with nothing running, and still in the way of others?
        if self.turns.get() > 0 && self.running.get() == 0 {
            self.slept_in_turn.set(true);
        }
        self.wait(time.as_millis() as Millis).await;
    }
    async fn turn(&self) -> Turn<'a> {
        self.turns.set(self.turns.get() + 1);
        Turn(self)
    }
    async fn claim(&self, limit: u32) -> StoreResult<Vec<Job>> {
        self.take(&self.tasks, limit)
    }
    async fn run(&self, task: Job) -> StoreResult<()> {
        self.work(task).await
    }
    async fn claim_effects(&self, limit: u32) -> StoreResult<Vec<Job>> {
        self.take(&self.effects, limit)
    }
    async fn send(&self, effect: Job) -> StoreResult<()> {
        self.work(effect).await
    }
    async fn claim_deliveries(&self, limit: u32) -> StoreResult<Vec<Job>> {
        self.take(&self.deliveries, limit)
    }
    async fn deliver(&self, delivery: Job) -> StoreResult<()> {
        self.work(delivery).await
    }
    async fn depth(&self) -> StoreResult<Depth> {
        let tasks = self.tasks.borrow();
        let oldest_due = tasks.iter().map(|job| job.due).min();
        let effects = self.effects.borrow();
        let (effects_waiting, next_effect) = (effects.len() as i64, effects.iter().map(|job| job.due).min());
        let deliveries = self.deliveries.borrow();
        Ok(Depth {
            tasks_ready: tasks.len() as i64,
            oldest_due,
            effects_waiting,
            next_effect,
            deliveries_waiting: deliveries.len() as i64,
            next_delivery: deliveries.iter().map(|job| job.due).min(),
            ..Depth::default()
        })
    }
}

#[test]
fn all_that_is_due_is_done_with_what_it_leads_to_and_no_time_is_wasted() {
    let tasks: Vec<Job> = (0..10).map(|_| Job { then: true, ..job(0, 1_000) }).collect();
    let world = World::of(&tasks, &[]);
    let report = world.sweep(60_000, true).unwrap();
    assert_eq!((report.tasks, report.effects, report.unrecorded), (10, 10, 0));
    assert!(report.drained && report.tasks_waiting == 0 && report.effects_waiting == 0);
    // Four at once: three rounds of a second.
    assert!(world.now.get() < 3_500, "{}", world.now.get());
}

#[test]
fn no_more_run_at_once_than_one_thread_can_look_after() {
    let world = World::of(&vec![job(0, 500); 40], &vec![job(0, 500); 40]);
    let report = world.sweep(60_000, true).unwrap();
    assert_eq!((report.tasks, report.effects), (40, 40));
    assert_eq!(world.most_running.get(), TASKS + EFFECTS);
}

#[test]
fn webhooks_go_out_beside_the_rest_and_are_counted_apart() {
    let world = World::of(&[job(0, 500)], &[job(0, 500)]);
    *world.deliveries.borrow_mut() = vec![job(0, 500); 20];
    world.deliveries.borrow_mut().push(job(3_000, 10));
    let report = world.sweep(60_000, true).unwrap();
    assert_eq!((report.tasks, report.effects, report.deliveries, report.deliveries_waiting), (1, 1, 21, 0));
    assert_eq!(world.most_running.get(), 2 + DELIVERIES as usize);
}

#[test]
fn what_becomes_due_within_the_budget_is_waited_for_and_what_comes_later_is_not() {
    let world = World::of(&[job(2_000, 10), job(30_000, 10)], &[]);
    let report = world.sweep(10_000, true).unwrap();
    assert_eq!((report.tasks, report.tasks_waiting, report.drained), (1, 1, true));
    assert!(world.now.get() < 2_500, "{}", world.now.get());
    assert!(!world.slept_in_turn.get(), "others were kept out while nothing ran");
}

#[test]
fn effects_that_come_later_are_waited_for_by_who_was_asked_to_and_not_by_a_bonus() {
    let effects = [job(3_000, 10)];
    let bonus = World::of(&[], &effects);
    assert_eq!(bonus.sweep(10_000, false).unwrap().effects, 0);
    assert_eq!(bonus.now.get(), 0);
    let asked = World::of(&[], &effects);
    let report = asked.sweep(10_000, true).unwrap();
    assert_eq!((report.effects, report.effects_waiting), (1, 0));
    // What waits longer than the sweep does not keep it.
    let far = World::of(&[], &[job(300_000, 10)]);
    assert_eq!(far.sweep(10_000, true).unwrap().effects_waiting, 1);
    assert_eq!(far.now.get(), 0);
}

#[test]
fn nothing_is_claimed_after_the_budget_and_what_runs_is_finished() {
    let world = World::of(&[job(0, 5_000); 8], &[]);
    let report = world.sweep(1_000, true).unwrap();
    assert_eq!((report.tasks, report.tasks_waiting), (4, 4));
    assert!(!report.drained);
    assert_eq!(world.now.get(), 5_000);
    let none = World::of(&[job(0, 10)], &[]);
    let report = none.sweep(0, true).unwrap();
    assert_eq!((report.tasks, report.drained, none.claims.get()), (0, false, 0));
}

#[test]
fn the_next_sweep_goes_on_where_one_ended() {
    let world = World::of(&[job(0, 5_000); 8], &[]);
    world.sweep(1_000, true).unwrap();
    let report = world.sweep(60_000, true).unwrap();
    assert_eq!((report.tasks, report.tasks_waiting, report.drained), (4, 0, true));
}

#[test]
fn a_run_whose_end_was_not_recorded_is_counted_apart_and_stops_nobody() {
    let world = World::of(&[Job { unrecorded: true, ..job(0, 10) }, job(0, 10)], &[]);
    let report = world.sweep(1_000, true).unwrap();
    assert_eq!((report.tasks, report.unrecorded), (1, 1));
}

#[test]
fn a_store_that_is_down_ends_the_sweep_with_its_error() {
    let world = World::of(&[job(0, 10)], &[]);
    world.down.set(true);
    assert!(world.sweep(60_000, true).is_err());
    assert_eq!(world.now.get(), 0);
}
