//! The tables of a query, as subselects over the store's: of one tenant, and of `Logs` the last 45 days.
//!
//! Columns are `c0`, `c1`, … in the order of `passerelle_flow::insights::schema`. Every `?` is a number that is put in by the builder: the tenant, and
//! for `Logs` the time before which nothing is told.

use passerelle_flow::insights::schema::Table;

/// The subselect; `tenant` and `since` are parameters (`?1`).
pub(super) fn subselect(table: Table, tenant: &str, since: &str) -> String {
    match table {
        Table::Events => format!(
            "(SELECT id AS c0, at AS c1, tenant AS c2, type AS c3, coalesce(operation, '') AS c4, properties AS c5 \
             FROM happening WHERE tenant = {tenant})"
        ),
        Table::Metrics => format!(
            "(SELECT id AS c0, tenant AS c1, type AS c2, value AS c3, properties AS c4, at AS c5 FROM metric WHERE tenant = {tenant})"
        ),
        Table::Logs => logs(tenant, since),
    }
}

/// What came in, what was run, what was delivered. No text of SecuTix or of an endpoint is in it: states, codes, identifiers and numbers.
fn logs(tenant: &str, since: &str) -> String {
    // The newest notification that a run answered.
    let operation = "(SELECT n.correlation FROM notification n WHERE n.tenant = r.tenant AND n.task = r.task AND n.gen <= r.gen \
         ORDER BY n.gen DESC, n.received_at DESC, n.id DESC LIMIT 1)";
    format!(
        "(SELECT n.id AS c0, n.received_at AS c1, n.tenant AS c2, 'Notification:Received' AS c3, n.correlation AS c4, \
         json_object('taskId', n.task, 'state', n.state, 'movementId', n.movement, 'ticketId', n.ticket) AS c5, \
         'Information' AS c6, n.state AS c7 FROM notification n WHERE n.tenant = {tenant} AND n.received_at >= {since} \
         UNION ALL \
         SELECT r.id, r.finished_at, r.tenant, 'Run:Finished', coalesce({operation}, ''), \
         json_object('taskId', r.task, 'outcome', r.outcome, 'error', r.error, 'secutixCalls', r.secutix_calls, \
         'durationMs', r.finished_at - r.fetch_started_at), \
         CASE WHEN r.outcome IN ({GOOD}) THEN 'Information' WHEN r.outcome IN ({BROKEN}) THEN 'Error' ELSE 'Warning' END, r.outcome \
         FROM run r WHERE r.tenant = {tenant} AND r.finished_at >= {since} \
         UNION ALL \
         SELECT a.webhook || '/' || a.happening || '/' || a.n, a.at, a.tenant, 'Delivery:Attempted', \
         coalesce((SELECT h.operation FROM happening h WHERE h.tenant = a.tenant AND h.id = a.happening), ''), \
         json_object('webhookId', a.webhook, 'eventId', a.happening, 'attempt', a.n, 'status', a.status, 'error', a.error, 'tookMs', a.took_ms), \
         CASE WHEN a.error IS NULL AND a.status BETWEEN 200 AND 299 THEN 'Information' ELSE 'Warning' END, \
         coalesce(a.error, CAST(a.status AS TEXT), '') \
         FROM delivery_attempt a WHERE a.tenant = {tenant} AND a.at >= {since})"
    )
}

/// Outcomes of a run (`passerelle_flow::run`) after which nothing is amiss.
const GOOD: &str = "'done', 'unchanged', 'merged', 'absence-unconfirmed', 'between-tickets', 'not-ready'";
/// Those that only a person ends.
const BROKEN: &str = "'void-limit', 'pass-not-built', 'credentials-refused', 'no-such-tenant', 'token-unreadable', \
     'sealed-part-unreadable', 'not-planned', 'sandbox', 'unreadable', 'no-file'";
