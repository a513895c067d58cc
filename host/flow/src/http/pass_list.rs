//! `GET /api/{tenantId}/passes`: the tenant's passes, filtered, sorted, page by page.
//!
//! Owns the route and its headers: `x-pagination-total`, the cursor behind the page, and the link to the next one. Does not own how the
//! parameters are read (`query`, `filter`), what an item is (`item`), nor what an order promises (`store`).

mod cursor;
mod filter;
mod query;

use http::{HeaderName, HeaderValue, header};

use self::query::ListQuery;
use super::item::item;
use super::{Answer, Call, Problem, caller, json};
use crate::access::Scope;
use crate::attribute::email_mac;
use crate::flow::Flow;
use crate::ports::Host;
use crate::store::{Count, PassLists as _, PassQuery, Start};
use crate::tenant::Tenant;

/// How many passes the list has (domain.md 1.15).
const TOTAL: HeaderName = HeaderName::from_static("x-pagination-total");
/// The place behind the last pass of the page: to go on from, also where there is nothing more yet.
const CURSOR: HeaderName = HeaderName::from_static("x-pagination-cursor");

pub async fn list<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    caller::authorise(flow, tenant, call, Scope::PassRead).await?;
    let mac = |email: &str| email_mac(&tenant.keys, email);
    let ListQuery { conditions, order, descending, start, limit, list } =
        query::parse(&call.query, &mac).map_err(Problem::invalid)?;
    // Whoever follows a cursor has been told the total, if it was dear to count.
    let count = match start {
        Start::Offset(_) => Count::Always,
        Start::After(_) => Count::IfKept,
    };
    let given = call.query("after").map(str::to_owned);
    let query = PassQuery { tenant: tenant.id.clone(), conditions, order, descending, start, limit, count };
    let page = flow.host.store().list_passes(query).await.map_err(caller::unavailable)?;
    let behind = page.passes.last().map(|(position, _)| cursor::write(position, &list)).or(given);
    let items: Vec<_> = page.passes.iter().map(|(_, pass)| item(tenant, pass)).collect();
    let mut response = json(&items)?;
    let headers = response.headers_mut();
    if let Some(total) = page.total {
        headers.insert(TOTAL, HeaderValue::from(total));
    }
    if let Some(cursor) = behind {
        if page.more
            && let Ok(link) = HeaderValue::from_str(&format!("<{}>; rel=\"next\"", next(tenant, call, &cursor)))
        {
            headers.insert(header::LINK, link);
        }
        if let Ok(cursor) = HeaderValue::from_str(&cursor) {
            headers.insert(CURSOR, cursor);
        }
    }
    Ok(response)
}

/// This request's address, from that place on. Without a host: it is the one that the caller has used, whatever stands in between.
fn next(tenant: &Tenant, call: &Call, cursor: &str) -> String {
    let mut address = format!("/api/{}/passes?", tenant.id);
    let kept = |name: &str| !name.eq_ignore_ascii_case("pageIndex") && !name.eq_ignore_ascii_case("after");
    for (name, value) in call.query.iter().filter(|(name, _)| kept(name)) {
        address.push_str(&format!("{}={}&", escaped(name), escaped(value)));
    }
    address.push_str("after=");
    address.push_str(cursor);
    address
}

/// Percent-encoded but for unreserved characters (RFC 3986, 2.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
