//! Hourly figures: counted by a reader, kept by the writer.
//!
//! Owns what is counted. A venue's passes are counted beside the writer, which then adds a few rows; what it adds is of the hour, not of the
//! moment, so two nodes that count at once keep one of the two.

use std::collections::BTreeSet;

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::Figure;

use crate::{Connection, Fault, Value, column, params, statement};

/// A kind of figure: its name, the names of its dimensions, and how it is counted: tenant, number, dimensions.
struct Count {
    kind: &'static str,
    dimensions: &'static [&'static str],
    sql: &'static str,
}

/// Passes are counted already (`tally`), each once on either line: a few rows per stretch, and not every pass of a stadium.
const PASSES: &str =
    "SELECT tenant, sum(passes), template, state FROM pass_tally WHERE line = 'born' GROUP BY tenant, template, state";
const WALLETS: &str = "SELECT tenant, sum(passes), wallets FROM pass_tally WHERE line = 'born' AND state = 'live' \
                       GROUP BY tenant, wallets";

const COUNTS: [Count; 8] = [
    Count { kind: "Passes:Count", dimensions: &["template", "state"], sql: PASSES },
    Count { kind: "Passes:Wallets", dimensions: &["wallets"], sql: WALLETS },
    Count {
        kind: "Tasks:Waiting",
        dimensions: &[],
        sql: "SELECT tenant, count(*) FROM task WHERE state = 'ready' GROUP BY tenant",
    },
    Count {
        kind: "Tasks:Dead",
        dimensions: &[],
        sql: "SELECT tenant, count(*) FROM task WHERE state = 'dead' GROUP BY tenant",
    },
    Count {
        kind: "Tasks:Held",
        dimensions: &[],
        sql: "SELECT tenant, count(*) FROM task WHERE held = 1 GROUP BY tenant",
    },
    Count {
        kind: "Effects:Waiting",
        dimensions: &[],
        sql: "SELECT tenant, count(*) FROM effect WHERE state = 'ready' GROUP BY tenant",
    },
    Count {
        kind: "Deliveries:Waiting",
        dimensions: &[],
        sql: "SELECT tenant, count(*) FROM delivery WHERE state IN ('ready', 'queued', 'leased') GROUP BY tenant",
    },
    Count {
        kind: "Deliveries:Dead",
        dimensions: &[],
        sql: "SELECT tenant, count(*) FROM delivery WHERE state = 'dead' GROUP BY tenant",
    },
];

/// Who has anything to be counted: from one tenant to the next along a key, and not over every pass of a stadium.
const TENANTS: [&str; 3] = [
    "WITH RECURSIVE t(x) AS (SELECT min(tenant) FROM task UNION ALL SELECT (SELECT min(tenant) FROM task WHERE tenant > x) FROM t \
     WHERE x IS NOT NULL) SELECT x FROM t WHERE x IS NOT NULL",
    "WITH RECURSIVE t(x) AS (SELECT min(tenant) FROM pass UNION ALL SELECT (SELECT min(tenant) FROM pass WHERE tenant > x) FROM t \
     WHERE x IS NOT NULL) SELECT x FROM t WHERE x IS NOT NULL",
    "WITH RECURSIVE t(x) AS (SELECT min(tenant) FROM webhook UNION ALL SELECT (SELECT min(tenant) FROM webhook WHERE tenant > x) FROM t \
     WHERE x IS NOT NULL) SELECT x FROM t WHERE x IS NOT NULL",
];

pub fn figures(conn: &dyn Connection, hour: Millis) -> Result<Vec<Figure>, Fault> {
    let mut due = BTreeSet::new();
    for sql in TENANTS {
        let tenants: Vec<String> = statement::all(conn, sql, &[], |row| row.get(0))?;
        for tenant in tenants {
            if !is_kept(conn, &tenant, hour)? {
                due.insert(tenant);
            }
        }
    }
    let mut list = Vec::new();
    if due.is_empty() {
        return Ok(list);
    }
    for Count { kind, dimensions, sql } in COUNTS {
        let mut without: BTreeSet<&String> = due.iter().collect();
        let rows = statement::all(conn, sql, &[], |row| {
            let mut properties = serde_json::Map::new();
            for (at, name) in dimensions.iter().enumerate() {
                properties.insert((*name).to_owned(), row.get::<String>(at + 2)?.into());
            }
            Ok((row.get::<String>(0)?, row.get::<i64>(1)?, properties))
        })?;
        for (tenant, value, properties) in rows {
            let Some(known) = due.get(&tenant) else { continue };
            without.remove(known);
            list.push(figure(&tenant, kind, serde_json::Value::Object(properties).to_string(), value)?);
        }
        // Nothing waits: that is a figure, too, or a chart would have holes. Of templates that have no pass nobody asks.
        if dimensions.is_empty() {
            for tenant in without {
                list.push(figure(tenant, kind, "{}".to_owned(), 0)?);
            }
        }
    }
    Ok(list)
}

fn figure(tenant: &str, kind: &str, properties: String, value: i64) -> Result<Figure, Fault> {
    Ok(Figure { tenant: column::tenant(tenant.to_owned())?, kind: kind.to_owned(), properties, value })
}

pub fn keep(conn: &dyn Connection, hour: Millis, figures: &[Figure]) -> Result<u64, Fault> {
    let tenants: BTreeSet<&TenantId> = figures.iter().map(|figure| &figure.tenant).collect();
    let mut kept = 0;
    for tenant in tenants {
        if is_kept(conn, tenant.as_str(), hour)? {
            continue;
        }
        for figure in figures.iter().filter(|figure| figure.tenant == *tenant) {
            // Names the row among all of the tenant, also to somebody who has the answer alone.
            let id = format!("{}/{hour}/{}", figure.kind, figure.properties);
            conn.run(
                "INSERT INTO metric(tenant, at, type, id, value, properties) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                params![tenant.as_str(), hour, &figure.kind, &id, figure.value, &figure.properties],
            )?;
            kept += 1;
        }
    }
    Ok(kept)
}

fn is_kept(conn: &dyn Connection, tenant: &str, hour: Millis) -> Result<bool, Fault> {
    let params: &[Value<'_>] = params![tenant, hour];
    let found = statement::one(conn, "SELECT 1 FROM metric WHERE tenant = ?1 AND at = ?2 LIMIT 1", params, |_| Ok(()))?;
    Ok(found.is_some())
}
