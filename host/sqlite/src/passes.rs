//! Pass rows: read as views, written by the end of a run.
//!
//! Owns versions, update tags, `Last-Modified`, the shown events, the sealed part's place and the history. Does not own who is told
//! (`effects`) nor when a sealed part may no longer be read (`data_keys`).

use std::collections::BTreeSet;

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{
    Change, DataKey, FileView, Finish, PassState, PassSubject, PassView, PassWrite, Reissued, Sealed, StoredChange,
    StoredPass,
};

use crate::{Connection, Fault, Row, attributes, column, effects, events, params, statement, tally};

/// `SELECT` of a [`StoredPass`] without its events, ended by the given condition on `p`.
macro_rules! select_pass {
    ($condition:literal) => {
        concat!(
            "SELECT p.id, p.kind, p.subject, p.version, p.file, p.order_id, p.ticket, p.state, p.successor, p.template, ",
            "p.template_digest, p.google_class, p.ticket_mac, p.apple_mac, p.google_mac, p.tag, p.modified_s, ",
            "p.absent_since, p.created_at, p.updated_at, s.nonce, s.body, k.id, k.wrapped, k.wrapped_by, k.erase_at ",
            "FROM pass p LEFT JOIN sealed_part s ON s.tenant = p.tenant AND s.pass = p.id ",
            "LEFT JOIN data_key k ON k.tenant = s.tenant AND k.id = s.data_key WHERE ",
            $condition
        )
    };
}

fn read(row: &dyn Row) -> Result<StoredPass, Fault> {
    let successor: Option<String> = row.get(8)?;
    let key: Option<String> = row.get(22)?;
    let sealed = match key {
        None => None,
        Some(key) => Some((
            Sealed { data_key: key.clone(), nonce: row.get(20)?, body: row.get(21)? },
            DataKey { id: key, wrapped: row.get(23)?, wrapped_by: row.get(24)?, erase_at: row.get(25)? },
        )),
    };
    Ok(StoredPass {
        id: column::pass_id(row.get(0)?)?,
        subject: column::pass_subject(row.get(1)?, row.get(2)?)?,
        version: row.get(3)?,
        file: row.get(4)?,
        order: row.get(5)?,
        ticket: row.get(6)?,
        state: column::pass_state(row.get(7)?)?,
        successor: successor.map(column::pass_id).transpose()?,
        template: row.get(9)?,
        template_digest: row.get(10)?,
        google_class: row.get(11)?,
        ticket_mac: row.get(12)?,
        apple_mac: row.get(13)?,
        google_mac: row.get(14)?,
        tag: row.get(15)?,
        modified_s: row.get(16)?,
        absent_since: row.get(17)?,
        created_at: row.get(18)?,
        updated_at: row.get(19)?,
        sealed,
        events: Vec::new(),
    })
}

/// What a pass shows: (event key, digest shown), in order.
fn shown(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<Vec<(String, String)>, Fault> {
    let sql = "SELECT event, shown FROM pass_event WHERE tenant = ?1 AND pass = ?2 ORDER BY position";
    statement::all(conn, sql, params![tenant.as_str(), pass.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn view(conn: &dyn Connection, tenant: &TenantId, pass: Option<StoredPass>) -> Result<Option<PassView>, Fault> {
    let Some(mut pass) = pass else {
        return Ok(None);
    };
    pass.events = shown(conn, tenant, &pass.id)?;
    let events = events::of_pass(conn, tenant, &pass.id)?;
    Ok(Some(PassView { pass, events }))
}

pub fn file_view(conn: &dyn Connection, tenant: &TenantId, file: &str) -> Result<FileView, Fault> {
    let sql = select_pass!("p.tenant = ?1 AND p.file = ?2 ORDER BY p.created_at, p.id");
    let mut passes = statement::all(conn, sql, params![tenant.as_str(), file], read)?;
    for pass in &mut passes {
        pass.events = shown(conn, tenant, &pass.id)?;
    }
    Ok(FileView { passes, events: events::of_file(conn, tenant, file)? })
}

pub fn by_id(conn: &dyn Connection, tenant: &TenantId, id: &PassId) -> Result<Option<PassView>, Fault> {
    let sql = select_pass!("p.tenant = ?1 AND p.id = ?2");
    view(conn, tenant, statement::one(conn, sql, params![tenant.as_str(), id.as_str()], read)?)
}

pub fn by_subject(conn: &dyn Connection, tenant: &TenantId, subject: &PassSubject) -> Result<Option<PassView>, Fault> {
    let (kind, subject) = column::of_pass_subject(subject);
    let sql = select_pass!("p.tenant = ?1 AND p.kind = ?2 AND p.subject = ?3");
    view(conn, tenant, statement::one(conn, sql, params![tenant.as_str(), kind, subject], read)?)
}

/// A live one when there is one: a void pass may show what its event was long ago.
pub fn of_class(conn: &dyn Connection, tenant: &TenantId, class: &str) -> Result<Option<PassView>, Fault> {
    for state in [PassState::Live, PassState::Void] {
        let sql = select_pass!("p.tenant = ?1 AND p.google_class = ?2 AND p.state = ?3 LIMIT 1");
        let params = params![tenant.as_str(), class, column::of_pass_state(state)];
        if let Some(pass) = statement::one(conn, sql, params, read)? {
            return view(conn, tenant, Some(pass));
        }
    }
    Ok(None)
}

pub fn history(conn: &dyn Connection, tenant: &TenantId, id: &PassId) -> Result<Vec<StoredChange>, Fault> {
    statement::all(
        conn,
        "SELECT seq, at, run, action, use_case, reason, fields, correlations FROM pass_change \
         WHERE tenant = ?1 AND pass = ?2 ORDER BY seq",
        params![tenant.as_str(), id.as_str()],
        |row| {
            Ok(StoredChange {
                seq: row.get(0)?,
                at: row.get(1)?,
                run: row.get(2)?,
                change: Change {
                    action: row.get(3)?,
                    use_case: row.get(4)?,
                    reason: row.get(5)?,
                    fields: column::names(row.get(6)?)?,
                    correlations: column::names(row.get(7)?)?,
                },
            })
        },
    )
}

/// The pass has changed since it was made: what somebody has downloaded may be older than what it is.
pub(crate) fn has_changed(conn: &dyn Connection, tenant: &TenantId, id: &PassId) -> Result<bool, Fault> {
    let sql = "SELECT version > 1 FROM pass WHERE tenant = ?1 AND id = ?2";
    Ok(statement::one(conn, sql, params![tenant.as_str(), id.as_str()], |row| row.get::<bool>(0))?.unwrap_or(false))
}

/// What a write must know of the row that it replaces.
pub(crate) struct Known {
    pub(crate) state: PassState,
    version: i64,
    modified_s: i64,
    google_class: Option<String>,
    pub(crate) ticket: Option<String>,
    pub(crate) template: String,
}

/// The rows behind the writes; none when one of the writes was made for another state of the store than this.
pub(crate) fn known(
    conn: &dyn Connection,
    tenant: &TenantId,
    writes: &[PassWrite],
) -> Result<Option<Vec<Option<Known>>>, Fault> {
    let mut ids = BTreeSet::new();
    let mut subjects = BTreeSet::new();
    let mut list = Vec::new();
    for write in writes {
        let twice = !ids.insert(&write.id) || !subjects.insert(&write.subject);
        if twice || !key_is_there(conn, tenant, write)? {
            return Ok(None);
        }
        let (kind, subject) = column::of_pass_subject(&write.subject);
        let rows = statement::all(
            conn,
            "SELECT id, kind, subject, state, version, modified_s, google_class, ticket, template FROM pass \
             WHERE tenant = ?1 AND (id = ?2 OR (kind = ?3 AND subject = ?4))",
            params![tenant.as_str(), write.id.as_str(), kind, subject],
            |row| {
                let same = row.get::<&str>(0)? == write.id.as_str()
                    && row.get::<&str>(1)? == kind
                    && row.get::<&str>(2)? == subject;
                let state = column::pass_state(row.get(3)?)?;
                let known = Known {
                    state,
                    version: row.get(4)?,
                    modified_s: row.get(5)?,
                    google_class: row.get(6)?,
                    ticket: row.get(7)?,
                    template: row.get(8)?,
                };
                Ok((same, known))
            },
        )?;
        let mut rows = rows.into_iter();
        match (rows.next(), rows.next(), write.expected) {
            (None, None, None) => list.push(None),
            (Some((true, known)), None, Some(expected)) if known.version == expected => list.push(Some(known)),
            _ => return Ok(None),
        }
    }
    Ok(Some(list))
}

/// A part that was sealed under a key which has been erased meanwhile could never be read.
fn key_is_there(conn: &dyn Connection, tenant: &TenantId, write: &PassWrite) -> Result<bool, Fault> {
    let Some(sealed) = &write.sealed else {
        return Ok(true);
    };
    let sql = "SELECT 1 FROM data_key WHERE tenant = ?1 AND id = ?2";
    Ok(statement::one(conn, sql, params![tenant.as_str(), &sealed.data_key], |_| Ok(()))?.is_some())
}

/// Writes one pass. Its new version and tag, when the holder sees a difference.
pub(crate) fn save(
    conn: &dyn Connection,
    finish: &Finish,
    write: &PassWrite,
    known: Option<&Known>,
) -> Result<Option<(i64, i64)>, Fault> {
    let tenant = &finish.tenant;
    let before = match known {
        Some(_) => tally::standing(conn, tenant, &write.id)?,
        None => None,
    };
    let risen = match known {
        Some(_) if !write.visible => None,
        _ => Some((known.map_or(1, |known| known.version.saturating_add(1)), next_tag(conn, tenant)?)),
    };
    match known {
        None => insert(conn, finish, write)?,
        Some(_) => update(conn, finish, write)?,
    }
    if let Some((version, tag)) = risen {
        let second = finish.now.div_euclid(1000);
        let modified_s = known.map_or(second, |known| second.max(known.modified_s.saturating_add(1)));
        conn.run(
            "UPDATE pass SET version = ?3, tag = ?4, modified_s = ?5, updated_at = ?6 WHERE tenant = ?1 AND id = ?2",
            params![tenant.as_str(), write.id.as_str(), version, tag, modified_s, finish.now],
        )?;
    }
    if write.state == PassState::Void && known.is_some_and(|known| known.state == PassState::Live) {
        let sql = "UPDATE pass SET voided_at = ?3, voided_of = ?4 WHERE tenant = ?1 AND id = ?2";
        conn.run(sql, params![tenant.as_str(), write.id.as_str(), finish.now, &finish.institution])?;
    }
    show(conn, tenant, write, known)?;
    let given = attributes::write(conn, tenant, &write.id, &write.attributes, &[])?;
    match before {
        None => tally::enter(conn, tenant, &write.id, finish.now)?,
        Some(before) => tally::moved(conn, tenant, &write.id, &before, risen.is_some() || given, finish.now)?,
    }
    if let Some(sealed) = &write.sealed {
        conn.run(
            "INSERT INTO sealed_part(tenant, pass, data_key, nonce, body) VALUES(?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT(tenant, pass) DO UPDATE SET data_key = excluded.data_key, nonce = excluded.nonce, body = excluded.body",
            params![tenant.as_str(), write.id.as_str(), &sealed.data_key, &sealed.nonce, &sealed.body],
        )?;
    }
    if let Some(change) = &write.change {
        remember(conn, tenant, &write.id, Some(&finish.run.id), finish.now, change)?;
    }
    Ok(risen)
}

fn insert(conn: &dyn Connection, finish: &Finish, write: &PassWrite) -> Result<(), Fault> {
    let (kind, subject) = column::of_pass_subject(&write.subject);
    conn.run(
        "INSERT INTO pass(tenant, id, kind, subject, version, file, order_id, ticket, state, successor, template, \
         template_digest, google_class, ticket_mac, apple_mac, google_mac, tag, modified_s, absent_since, created_at, \
         updated_at, born, touched) \
         VALUES(?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, 0, ?16, ?17, ?17, 0, 0)",
        params![
            finish.tenant.as_str(),
            write.id.as_str(),
            kind,
            subject,
            &write.file,
            &write.order,
            &write.ticket,
            column::of_pass_state(write.state),
            write.successor.as_ref().map(PassId::as_str),
            &write.template,
            &write.template_digest,
            &write.google_class,
            &write.ticket_mac,
            &write.apple_mac,
            &write.google_mac,
            write.absent_since,
            finish.now
        ],
    )
    .map(drop)
}

fn update(conn: &dyn Connection, finish: &Finish, write: &PassWrite) -> Result<(), Fault> {
    conn.run(
        "UPDATE pass SET file = ?3, order_id = ?4, ticket = ?5, state = ?6, successor = ?7, template = ?8, \
         template_digest = ?9, google_class = ?10, ticket_mac = ?11, apple_mac = ?12, google_mac = ?13, absent_since = ?14 \
         WHERE tenant = ?1 AND id = ?2",
        params![
            finish.tenant.as_str(),
            write.id.as_str(),
            &write.file,
            &write.order,
            &write.ticket,
            column::of_pass_state(write.state),
            write.successor.as_ref().map(PassId::as_str),
            &write.template,
            &write.template_digest,
            &write.google_class,
            &write.ticket_mac,
            &write.apple_mac,
            &write.google_mac,
            write.absent_since
        ],
    )
    .map(drop)
}

/// The next update tag of the tenant. There is one writer, so tags rise in the order in which they are committed.
pub(crate) fn next_tag(conn: &dyn Connection, tenant: &TenantId) -> Result<i64, Fault> {
    let sql = "INSERT INTO tag(tenant, value) VALUES(?1, 1) ON CONFLICT(tenant) DO UPDATE SET value = value + 1 RETURNING value";
    statement::one(conn, sql, params![tenant.as_str()], |row| row.get(0))?
        .ok_or(Fault::Corrupt("a tag was not counted"))
}

/// Records which events are shown. Most changes show the same: then nothing is written.
fn show(conn: &dyn Connection, tenant: &TenantId, write: &PassWrite, known: Option<&Known>) -> Result<(), Fault> {
    let same_class = known.is_some_and(|known| known.google_class == write.google_class);
    if same_class && shown(conn, tenant, &write.id)? == write.events {
        return Ok(());
    }
    let sql = "DELETE FROM pass_event WHERE tenant = ?1 AND pass = ?2";
    conn.run(sql, params![tenant.as_str(), write.id.as_str()])?;
    for (position, (event, digest)) in (0_i64..).zip(&write.events) {
        conn.run(
            "INSERT INTO pass_event(tenant, pass, position, event, shown, google_class) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            params![tenant.as_str(), write.id.as_str(), position, event, digest, &write.google_class],
        )?;
    }
    Ok(())
}

/// The holder sees a difference that no run has made: another state, or none (`state` is that of now). The pass's new version and tag.
pub(crate) fn raise(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    state: PassState,
    now: Millis,
) -> Result<(i64, i64), Fault> {
    let tag = next_tag(conn, tenant)?;
    let before = tally::standing(conn, tenant, pass)?.ok_or(Fault::PASS_VANISHED)?;
    let version = statement::one(
        conn,
        "UPDATE pass SET version = version + 1, tag = ?3, modified_s = max(?4, modified_s + 1), updated_at = ?5, state = ?6 \
         WHERE tenant = ?1 AND id = ?2 RETURNING version",
        params![tenant.as_str(), pass.as_str(), tag, now.div_euclid(1000), now, column::of_pass_state(state)],
        |row| row.get(0),
    )?;
    tally::moved(conn, tenant, pass, &before, true, now)?;
    Ok((version.ok_or(Fault::PASS_VANISHED)?, tag))
}

/// A line of the history. `run`: none where a person did it.
pub(crate) fn remember(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    run: Option<&str>,
    at: Millis,
    change: &Change,
) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO pass_change(tenant, pass, seq, at, run, action, use_case, reason, fields, correlations) \
         SELECT ?1, ?2, coalesce(max(seq), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM pass_change WHERE tenant = ?1 AND pass = ?2",
        params![
            tenant.as_str(),
            pass.as_str(),
            at,
            run,
            &change.action,
            &change.use_case,
            &change.reason,
            &column::of_names(&change.fields)?,
            &column::of_names(&change.correlations)?
        ],
    )
    .map(drop)
}

/// Raises passes that a phone has and that show what they showed: see `Store::reissue`.
pub fn reissue(
    conn: &dyn Connection,
    tenant: &TenantId,
    until: Option<i64>,
    limit: u32,
    now: Millis,
) -> Result<Reissued, Fault> {
    let until = match until {
        Some(until) => until,
        None => {
            statement::one(conn, "SELECT value FROM tag WHERE tenant = ?1", params![tenant.as_str()], |row| row.get(0))?
                .unwrap_or(0)
        }
    };
    let passes = statement::all(
        conn,
        "SELECT id FROM pass p WHERE tenant = ?1 AND tag <= ?2 AND EXISTS \
         (SELECT 1 FROM registration r WHERE r.tenant = p.tenant AND r.pass = p.id) ORDER BY tag LIMIT ?3",
        params![tenant.as_str(), until, limit],
        |row| column::pass_id(row.get(0)?),
    )?;
    for pass in &passes {
        let tag = next_tag(conn, tenant)?;
        conn.run(
            "UPDATE pass SET tag = ?3, modified_s = max(?4, modified_s + 1) WHERE tenant = ?1 AND id = ?2",
            params![tenant.as_str(), pass.as_str(), tag, now.div_euclid(1000)],
        )?;
        effects::want_pushes(conn, tenant, pass, tag, now)?;
    }
    let left = statement::number(
        conn,
        "SELECT count(*) FROM pass p WHERE tenant = ?1 AND tag <= ?2 AND EXISTS \
         (SELECT 1 FROM registration r WHERE r.tenant = p.tenant AND r.pass = p.id)",
        params![tenant.as_str(), until],
    )?;
    let raised = u32::try_from(passes.len()).map_err(|_| Fault::Corrupt("a count of passes"))?;
    Ok(Reissued { until, raised, left: u64::try_from(left).unwrap_or(0) })
}

/// Passes that a device has, with a tag above `tag` (of the last change, or of the registration), in the order of their tags.
pub(crate) fn of_device_since(
    conn: &dyn Connection,
    tenant: &TenantId,
    device: &str,
    tag: i64,
) -> Result<Vec<(PassId, i64)>, Fault> {
    statement::all(
        conn,
        "SELECT p.id, max(p.tag, r.tag) FROM registration r JOIN pass p ON p.tenant = r.tenant AND p.id = r.pass \
         WHERE r.tenant = ?1 AND r.device = ?2 AND max(p.tag, r.tag) > ?3 ORDER BY 2",
        params![tenant.as_str(), device, tag],
        |row| Ok((column::pass_id(row.get(0)?)?, row.get(1)?)),
    )
}
