//! What a person does with passes: a message to holders, a card that ends.
//!
//! Owns the rows of messages and their results. Does not own versions and tags (`passes`) nor effects (`effects`): it raises and wants through them.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{
    AppleNotice, Audience, Change, Deactivated, EffectKind, GoogleNotice, Happening, NoticeReport, NoticeResult,
    NoticeWrite, PassNotice, PassState,
};

use crate::{Connection, Fault, column, effects, happenings, params, passes, statement};

const NONE: &str = "none";
const WAITING: &str = "waiting";
const NOTIFIED: &str = "notified";
const SILENT: &str = "silent";

fn of_google(state: GoogleNotice) -> &'static str {
    match state {
        GoogleNotice::None => NONE,
        GoogleNotice::Waiting => WAITING,
        GoogleNotice::Notified => NOTIFIED,
        GoogleNotice::Silent => SILENT,
    }
}

fn google(text: &str) -> Result<GoogleNotice, Fault> {
    match text {
        NONE => Ok(GoogleNotice::None),
        WAITING => Ok(GoogleNotice::Waiting),
        NOTIFIED => Ok(GoogleNotice::Notified),
        SILENT => Ok(GoogleNotice::Silent),
        _ => Err(Fault::Corrupt("notice_pass.google")),
    }
}

pub fn audience(conn: &dyn Connection, tenant: &TenantId, audience: &Audience) -> Result<Vec<PassId>, Fault> {
    let tenant = tenant.as_str();
    let ids =
        |sql: &str, value: &str| statement::all(conn, sql, params![tenant, value], |row| column::pass_id(row.get(0)?));
    match audience {
        // Also as a part of a product: then the product stands behind an @ (which is the letter before A).
        Audience::Performance(event) => ids(
            "SELECT DISTINCT p.id FROM pass_event s JOIN pass p ON p.tenant = s.tenant AND p.id = s.pass \
             WHERE s.tenant = ?1 AND (s.event = ?2 OR (s.event >= ?2 || '@' AND s.event < ?2 || 'A')) AND p.state = 'live' \
             ORDER BY p.id",
            event,
        ),
        Audience::Template(template) => {
            ids("SELECT id FROM pass WHERE tenant = ?1 AND template = ?2 AND state = 'live' ORDER BY id", template)
        }
        Audience::Passes(listed) => {
            let mut found = Vec::new();
            for pass in listed {
                found.extend(ids(
                    "SELECT id FROM pass WHERE tenant = ?1 AND id = ?2 AND state = 'live'",
                    pass.as_str(),
                )?);
            }
            found.sort();
            found.dedup();
            Ok(found)
        }
    }
}

pub fn post(conn: &dyn Connection, write: &NoticeWrite) -> Result<u64, Fault> {
    let tenant = write.tenant.as_str();
    conn.run(
        "INSERT INTO notice(tenant, id, created_at, body_sealed) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![tenant, &write.id, write.now, &write.body_sealed],
    )?;
    let mut told = 0;
    for pass in &write.passes {
        let sql = "SELECT 1 FROM notice_pass WHERE tenant = ?1 AND notice = ?2 AND pass = ?3";
        let known = statement::one(conn, sql, params![tenant, &write.id, pass.as_str()], |_| Ok(()))?;
        let sql = "SELECT 1 FROM pass WHERE tenant = ?1 AND id = ?2 AND state = 'live'";
        let lives = statement::one(conn, sql, params![tenant, pass.as_str()], |_| Ok(()))?;
        if known.is_some() || lives.is_none() {
            continue;
        }
        let (_, tag) = passes::raise(conn, &write.tenant, pass, PassState::Live, write.now)?;
        effects::want_pushes(conn, &write.tenant, pass, tag, write.now)?;
        let saved = effects::level(conn, &write.tenant, EffectKind::GoogleObject, pass.as_str())?.unwrap_or(0) > 0;
        let sql = "SELECT coalesce(max(seq), 0) + 1 FROM notice_pass WHERE tenant = ?1 AND pass = ?2";
        let seq = statement::number(conn, sql, params![tenant, pass.as_str()])?;
        let google = if saved { WAITING } else { NONE };
        conn.run(
            "INSERT INTO notice_pass(tenant, notice, pass, seq, tag, google) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            params![tenant, &write.id, pass.as_str(), seq, tag, google],
        )?;
        if saved {
            // The row's first level is what was told before, so that the first message is wanted.
            effects::reached(conn, &write.tenant, EffectKind::GoogleMessage, pass.as_str(), 0, write.now)?;
            effects::want_known(conn, &write.tenant, EffectKind::GoogleMessage, pass.as_str(), Some(seq), write.now)?;
        }
        passes::remember(conn, &write.tenant, pass, None, write.now, &write.change)?;
        told += 1;
    }
    Ok(told)
}

pub fn notice(conn: &dyn Connection, tenant: &TenantId, id: &str) -> Result<Option<NoticeReport>, Fault> {
    let sql = "SELECT created_at FROM notice WHERE tenant = ?1 AND id = ?2";
    let Some(at) = statement::one(conn, sql, params![tenant.as_str(), id], |row| row.get::<Millis>(0))? else {
        return Ok(None);
    };
    let push = column::of_effect_kind(EffectKind::ApplePush);
    let message = column::of_effect_kind(EffectKind::GoogleMessage);
    let results = statement::all(
        conn,
        "SELECT n.pass, n.google, \
           (SELECT count(*) FROM registration r WHERE r.tenant = n.tenant AND r.pass = n.pass), \
           (SELECT count(*) FROM registration r JOIN effect e ON e.tenant = r.tenant AND e.kind = ?3 AND e.target = r.device \
              WHERE r.tenant = n.tenant AND r.pass = n.pass AND e.have < n.tag), \
           (SELECT count(*) FROM registration r JOIN effect e ON e.tenant = r.tenant AND e.kind = ?3 AND e.target = r.device \
              WHERE r.tenant = n.tenant AND r.pass = n.pass AND e.have < n.tag AND e.state = 'dead') \
            + (SELECT count(*) FROM effect e WHERE e.tenant = n.tenant AND e.kind = ?4 AND e.target = n.pass AND e.have < n.seq \
              AND e.state = 'dead'), \
           (SELECT max(m.seq) FROM notice_pass m WHERE m.tenant = n.tenant AND m.pass = n.pass) > n.seq \
         FROM notice_pass n WHERE n.tenant = ?1 AND n.notice = ?2 ORDER BY n.pass",
        params![tenant.as_str(), id, push, message],
        |row| {
            let (phones, waiting): (i64, i64) = (row.get(2)?, row.get(3)?);
            Ok(NoticeResult {
                pass: column::pass_id(row.get(0)?)?,
                google: google(row.get(1)?)?,
                apple: match (phones, waiting) {
                    (0, _) => AppleNotice::None,
                    (_, 0) => AppleNotice::Pushed,
                    _ => AppleNotice::Waiting,
                },
                failed: row.get::<i64>(4)? > 0,
                superseded: row.get(5)?,
            })
        },
    )?;
    Ok(Some(NoticeReport { at, results }))
}

pub fn newest(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<Option<PassNotice>, Fault> {
    let sql = "SELECT n.id, n.body_sealed, p.seq, p.google FROM notice_pass p \
               JOIN notice n ON n.tenant = p.tenant AND n.id = p.notice \
               WHERE p.tenant = ?1 AND p.pass = ?2 ORDER BY p.seq DESC LIMIT 1";
    statement::one(conn, sql, params![tenant.as_str(), pass.as_str()], |row| {
        Ok(PassNotice { id: row.get(0)?, body_sealed: row.get(1)?, seq: row.get(2)?, google: google(row.get(3)?)? })
    })
}

pub fn settle(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    seq: i64,
    state: GoogleNotice,
) -> Result<(), Fault> {
    let sql = "UPDATE notice_pass SET google = ?4 WHERE tenant = ?1 AND pass = ?2 AND seq = ?3";
    conn.run(sql, params![tenant.as_str(), pass.as_str(), seq, of_google(state)]).map(drop)
}

pub fn deactivate(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    change: &Change,
    happening: Option<Happening>,
    now: Millis,
) -> Result<Deactivated, Fault> {
    let sql = "SELECT state = 'live' FROM pass WHERE tenant = ?1 AND id = ?2";
    match statement::one(conn, sql, params![tenant.as_str(), pass.as_str()], |row| row.get::<bool>(0))? {
        None => return Ok(Deactivated::Unknown),
        Some(false) => return Ok(Deactivated::Already),
        Some(true) => {}
    }
    let (version, tag) = passes::raise(conn, tenant, pass, PassState::Void, now)?;
    effects::want_pushes(conn, tenant, pass, tag, now)?;
    effects::want_known(conn, tenant, EffectKind::GoogleObject, pass.as_str(), Some(version), now)?;
    passes::remember(conn, tenant, pass, None, now, change)?;
    happenings::record(conn, tenant, happening.as_slice(), now)?;
    Ok(Deactivated::Done)
}
