//! What was kept long enough goes: data keys with what they sealed, and records of the past.
//!
//! Owns what may go; how long each is kept is the caller's. Bounded by the batch, so that no caller waits behind a stadium's worth of rows. Never
//! goes: what no run has answered, what no fold has counted, what nobody has been told yet, runs of a task that is not at rest, and the last change of each pass.

use passerelle_flow::identity::DAY;
use passerelle_flow::store::{Erased, Erasure};

use crate::{Connection, Fault, params, statement};

pub fn erase(conn: &dyn Connection, erasure: &Erasure) -> Result<Erased, Fault> {
    let batch = i64::from(erasure.batch);
    let gone = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    // Key by key, along the index; the key itself when nothing is left under it, so that a part always has its key.
    let due = "SELECT tenant, id FROM data_key WHERE erase_at <= ?1 ORDER BY erase_at LIMIT ?2";
    let due = statement::all(conn, due, params![erasure.now, batch], |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?))
    })?;
    let mut keys: u64 = 0;
    let mut left = batch;
    let mut more = gone(due.len()) >= batch;
    for (tenant, key) in due {
        let parts = conn.run(
            "DELETE FROM sealed_part WHERE (tenant, pass) IN \
             (SELECT tenant, pass FROM sealed_part WHERE tenant = ?1 AND data_key = ?2 LIMIT ?3)",
            params![&tenant, &key, left],
        )?;
        left = left.saturating_sub(gone(parts));
        if left <= 0 {
            more = true;
            break;
        }
        conn.run("DELETE FROM data_key WHERE tenant = ?1 AND id = ?2", params![&tenant, &key])?;
        keys = keys.saturating_add(1);
    }
    let mut records: u64 = 0;
    for (sql, before) in [
        (NOTIFICATIONS, erasure.notifications_before),
        (SIGNALS, erasure.notifications_before),
        (ATTEMPTS, erasure.notifications_before),
        (DELIVERIES, erasure.notifications_before),
        (PLUGIN_REQUESTS, erasure.notifications_before),
        (IDENTIFIERS, erasure.notifications_before),
        (INSTANCES, erasure.notifications_before),
        (RUNS, erasure.runs_before),
        (CHANGES, erasure.changes_before),
        // First who got it: a message goes with its last pass.
        (MESSAGES_OF_PASSES, erasure.changes_before),
        (MESSAGES, erasure.changes_before),
    ] {
        let rows = conn.run(sql, params![before, batch])?;
        more |= gone(rows) >= batch;
        records = records.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
    }
    // No record of anything, so it is not counted.
    more |= gone(conn.run(SPENDING, params![erasure.now.saturating_sub(DAY), batch])?) >= batch;
    Ok(Erased { keys, records, more })
}

/// Of budgets that nobody has asked for a day, which is longer than any of their windows: one that is asked forgets by itself.
const SPENDING: &str =
    "DELETE FROM spending WHERE (scope, at) IN (SELECT scope, at FROM spending WHERE at < ?1 ORDER BY at LIMIT ?2)";
const NOTIFICATIONS: &str = "DELETE FROM notification WHERE (tenant, id) IN (SELECT n.tenant, n.id FROM notification n \
     WHERE n.received_at < ?1 AND NOT EXISTS (SELECT 1 FROM task t WHERE t.tenant = n.tenant AND t.id = n.task AND t.done < n.gen) \
     ORDER BY n.received_at LIMIT ?2)";

const SIGNALS: &str = "DELETE FROM signal WHERE (tenant, source, event) IN (SELECT tenant, source, event FROM signal \
     WHERE at < ?1 AND folded = 1 ORDER BY at LIMIT ?2)";

const ATTEMPTS: &str = "DELETE FROM delivery_attempt WHERE (tenant, webhook, happening, n) IN (SELECT tenant, webhook, happening, n \
     FROM delivery_attempt WHERE at < ?1 ORDER BY at LIMIT ?2)";

const DELIVERIES: &str = "DELETE FROM delivery WHERE (tenant, webhook, happening) IN (SELECT tenant, webhook, happening FROM delivery \
     WHERE ended_at IS NOT NULL AND ended_at < ?1 ORDER BY ended_at LIMIT ?2)";

/// With their delivery, and not before it has ended.
const PLUGIN_REQUESTS: &str = "DELETE FROM plugin_request WHERE (tenant, happening, name) IN (SELECT p.tenant, p.happening, p.name \
     FROM plugin_request p WHERE p.decided_at < ?1 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.tenant = p.tenant \
     AND d.webhook = 'plugin' AND d.happening = p.happening AND d.ended_at IS NULL) ORDER BY p.decided_at LIMIT ?2)";

/// What happened stays; who it happened to goes, once everybody was told.
const IDENTIFIERS: &str = "UPDATE happening SET sealed = NULL WHERE (tenant, id) IN (SELECT h.tenant, h.id FROM happening h \
     WHERE h.sealed IS NOT NULL AND h.recorded_at < ?1 AND NOT EXISTS (SELECT 1 FROM webhook w \
     JOIN delivery d ON d.tenant = w.tenant AND d.webhook = w.id AND d.happening = h.id WHERE w.tenant = h.tenant AND d.ended_at IS NULL) \
     ORDER BY h.recorded_at LIMIT ?2)";

/// A device is forgotten when it has let go of its pass, or when what the pass showed is erased: nobody counts it then, and a word about it that
/// comes so late is none.
const INSTANCES: &str = "DELETE FROM vibes_instance WHERE (tenant, pass, wallet, instance) IN \
     (SELECT v.tenant, v.pass, v.wallet, v.instance FROM vibes_instance v WHERE v.at < ?1 AND (v.installed = 0 OR NOT EXISTS \
     (SELECT 1 FROM sealed_part s WHERE s.tenant = v.tenant AND s.pass = v.pass)) ORDER BY v.at LIMIT ?2)";

const RUNS: &str = "DELETE FROM run WHERE (tenant, id) IN (SELECT r.tenant, r.id FROM run r \
     WHERE r.finished_at < ?1 AND NOT EXISTS (SELECT 1 FROM task t WHERE t.tenant = r.tenant AND t.id = r.task AND t.state <> 'idle') \
     ORDER BY r.finished_at LIMIT ?2)";

const CHANGES: &str = "DELETE FROM pass_change WHERE (tenant, pass, seq) IN (SELECT c.tenant, c.pass, c.seq FROM pass_change c \
     WHERE c.at < ?1 AND EXISTS (SELECT 1 FROM pass_change n WHERE n.tenant = c.tenant AND n.pass = c.pass AND n.seq > c.seq) \
     ORDER BY c.at, c.seq LIMIT ?2)";

/// What a pass still shows is its newest message, and stays as long as the pass lives.
const MESSAGES_OF_PASSES: &str = "DELETE FROM notice_pass WHERE (tenant, notice, pass) IN (SELECT p.tenant, p.notice, p.pass FROM notice_pass p \
     JOIN notice n ON n.tenant = p.tenant AND n.id = p.notice WHERE n.created_at < ?1 AND (EXISTS (SELECT 1 FROM notice_pass l \
     WHERE l.tenant = p.tenant AND l.pass = p.pass AND l.seq > p.seq) OR NOT EXISTS (SELECT 1 FROM sealed_part s \
     WHERE s.tenant = p.tenant AND s.pass = p.pass)) ORDER BY n.created_at, p.pass LIMIT ?2)";

const MESSAGES: &str = "DELETE FROM notice WHERE (tenant, id) IN (SELECT n.tenant, n.id FROM notice n WHERE n.created_at < ?1 \
     AND NOT EXISTS (SELECT 1 FROM notice_pass p WHERE p.tenant = n.tenant AND p.notice = n.id) ORDER BY n.created_at LIMIT ?2)";
