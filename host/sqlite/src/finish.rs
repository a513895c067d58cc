//! The end of a run: everything that it changed, in one transaction under its lease.
//!
//! Owns the order of the checks (lease, versions, void limit: nothing is written before all of them have passed) and what becomes of the
//! task. The rows themselves are written by `passes`, `events` and `effects`.

use std::collections::BTreeSet;

use passerelle_flow::store::{EffectKind, Finish, Finished, Next, PassState};

use crate::tasks::{self, State, Task};
use crate::{Connection, Fault, effects, events, happenings, params, passes, statement};

pub fn finish(conn: &dyn Connection, finish: &Finish) -> Result<Finished, Fault> {
    let Some(task) = tasks::by_id(conn, &finish.tenant, &finish.task)?.filter(|task| holds(task, finish)) else {
        return Ok(Finished::LeaseLost);
    };
    let Some(known) = passes::known(conn, &finish.tenant, &finish.passes)? else {
        return Ok(Finished::Conflict);
    };
    if let Some(voids) = too_many_voids(conn, finish, &task, &known)? {
        return Ok(Finished::VoidLimit { voids });
    }

    let mut risen = Vec::new();
    for event in &finish.events {
        if events::save(conn, &finish.tenant, event)? {
            risen.push(event.key.as_str());
        }
    }
    let mut changed = Vec::new();
    for (write, known) in finish.passes.iter().zip(&known) {
        if let Some((version, tag)) = passes::save(conn, finish, write, known.as_ref())? {
            effects::want_pushes(conn, &finish.tenant, &write.id, tag, finish.now)?;
            if write.object_changed {
                let pass = write.id.as_str();
                effects::want_known(conn, &finish.tenant, EffectKind::GoogleObject, pass, Some(version), finish.now)?;
            }
            changed.push((write.id.clone(), version));
        }
        // Where SecuTix was told of an installation, it is told of the ticket or the template that the pass is of now.
        let secutix = known.iter().flat_map(|known| {
            let printed = known.ticket != write.ticket;
            let references = known.template != write.template;
            [(printed, EffectKind::SecutixPrinted), (references, EffectKind::SecutixReferences)]
        });
        for (_, kind) in secutix.filter(|(differs, _)| *differs) {
            effects::want_known(conn, &finish.tenant, kind, write.id.as_str(), None, finish.now)?;
        }
    }
    // After the passes: one that shows the event from this run on counts too. A class that shows two risen events is patched once.
    let mut classes = BTreeSet::new();
    for event in risen {
        classes.extend(events::classes(conn, &finish.tenant, event)?);
    }
    for class in classes {
        effects::want_known(conn, &finish.tenant, EffectKind::GoogleClass, &class, None, finish.now)?;
    }

    for alias in &finish.aliases {
        tasks::save_alias(conn, &finish.tenant, &alias.token_mac, Some(&alias.order), &alias.file)?;
    }
    happenings::record(conn, &finish.tenant, &finish.happenings, finish.now)?;
    record(conn, finish)?;
    settle(conn, finish, task)?;
    Ok(Finished::Committed { changed })
}

/// A lease that has run out still holds until somebody else claims the task: the token tells.
fn holds(task: &Task, finish: &Finish) -> bool {
    task.state == State::Leased && task.lease_token == finish.lease_token && task.claimed == finish.generation
}

/// How many voids there would be in the window, when this run may not add its own: there are more than allowed, or the task was stopped by
/// the limit before and waits for a person since, however empty the window is by now. A run that voids nothing is never stopped.
fn too_many_voids(
    conn: &dyn Connection,
    finish: &Finish,
    task: &Task,
    known: &[Option<passes::Known>],
) -> Result<Option<i64>, Fault> {
    let voided = finish.passes.iter().zip(known).filter(|(write, known)| {
        write.state == PassState::Void && known.as_ref().is_some_and(|known| known.state == PassState::Live)
    });
    let mine = i64::try_from(voided.count()).unwrap_or(i64::MAX);
    let Some(limit) = finish.void_limit.filter(|_| mine > 0) else {
        return Ok(None);
    };
    let sql = "SELECT count(*) FROM pass WHERE voided_of = ?1 AND voided_at >= ?2";
    let others = statement::number(conn, sql, params![&finish.institution, limit.since])?;
    let voids = others.saturating_add(mine);
    Ok((task.held || voids > limit.most).then_some(voids))
}

fn record(conn: &dyn Connection, finish: &Finish) -> Result<(), Fault> {
    let run = &finish.run;
    if matches!(finish.next, Next::Wait { .. }) {
        // One of thousands that wait for the budget says the same thing every minute: the last word replaces the one before.
        conn.run(
            "DELETE FROM run WHERE tenant = ?1 AND outcome = ?3 AND error IS ?4 AND secutix_calls = 0 AND id = (SELECT id FROM run \
             WHERE tenant = ?1 AND task = ?2 ORDER BY finished_at DESC, lease_token DESC, id DESC LIMIT 1)",
            params![finish.tenant.as_str(), &finish.task, &run.outcome, &run.error],
        )?;
    }
    conn.run(
        "INSERT INTO run(tenant, id, task, gen, lease_token, fetch_started_at, finished_at, outcome, error, findings, \
         secutix_calls) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            finish.tenant.as_str(),
            &run.id,
            &finish.task,
            finish.generation,
            finish.lease_token,
            run.fetch_started_at,
            finish.now,
            &run.outcome,
            &run.error,
            &run.findings,
            run.secutix_calls
        ],
    )
    .map(drop)
}

/// What becomes of the task.
fn settle(conn: &dyn Connection, finish: &Finish, mut task: Task) -> Result<(), Fault> {
    let newer = task.wanted > task.claimed;
    let (due_by, next_priority) = (task.due_by, task.next_priority);
    let both = next_priority.map_or(task.priority, |next| next.min(task.priority));
    let answered = matches!(finish.next, Next::Done | Next::Again { .. });
    match finish.next {
        Next::Held => task.held = true,
        // SecuTix was heard, and nothing ends any more without a word: such a run would have been stopped above.
        _ if answered => task.held = false,
        _ => {}
    }
    match finish.next {
        Next::Done if newer => {
            task.done = task.claimed;
            task.attempts = 0;
            task.priority = next_priority.unwrap_or(task.priority);
            task.ready(finish.now);
            task.due_by = due_by;
        }
        Next::Done => {
            task.done = task.claimed;
            task.attempts = 0;
            task.state = State::Idle;
        }
        Next::Again { at } => {
            task.done = task.claimed;
            task.wanted = task.wanted.saturating_add(1);
            task.attempts = 0;
            task.priority = both;
            task.ready(if newer { finish.now } else { at });
            // The second look may not be put off by notifications.
            task.due_by = Some(due_by.map_or(at, |by| by.min(at)));
        }
        Next::Retry { at } => {
            task.attempts = task.attempts.saturating_add(1);
            wait(&mut task, at, both);
            task.due_by = due_by;
        }
        Next::Wait { at } => {
            wait(&mut task, at, both);
            task.due_by = due_by;
        }
        // A notification that came during the run does what it would have done a moment later: it wakes the task. (It releases nothing.)
        Next::Dead | Next::Held if newer => {
            task.attempts = 0;
            task.priority = both;
            task.ready(finish.now);
            task.due_by = due_by;
        }
        Next::Dead => {
            task.attempts = task.attempts.saturating_add(1);
            task.state = State::Dead;
        }
        Next::Held => task.state = State::Held,
    }
    tasks::save(conn, &finish.tenant, &task)?;
    let error = (!answered).then(|| finish.run.error.as_deref().unwrap_or(&finish.run.outcome));
    conn.run(
        "UPDATE task SET expiries = 0, released = CASE WHEN ?3 THEN 0 ELSE released END, last_error = ?4, \
         stuck_at = CASE WHEN held = 1 THEN coalesce(stuck_at, ?5) WHEN state = 'dead' THEN ?5 END WHERE tenant = ?1 AND id = ?2",
        params![finish.tenant.as_str(), &task.id, finish.next == Next::Done, error, finish.now],
    )
    .map(drop)
}

fn wait(task: &mut Task, at: i64, priority: i64) {
    task.priority = priority;
    task.ready(at);
    task.not_before = Some(at);
}
