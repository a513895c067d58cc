//! What a request names before the flow sees it: the sweep, a tenant, and headers that are nobody's to send.
//!
//! Owns the reading of path, query and header names that only this host needs. Does not own the routes (`passerelle_flow::http`).

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use passerelle_flow::identity::Millis;

/// The one route of this host's own.
pub const SWEEP: &str = "/internal/sweep";

/// Time of a sweep whose caller names none: what fits into the minute of an ordinary cron, with a fetch of 30 s that may have just begun.
pub const DEFAULT_BUDGET: Millis = 20_000;

/// More than ten minutes is a worker, and there is the server for that.
pub const LONGEST_BUDGET: Millis = 600_000;

/// The other end of the connection, as the host says: it adds its header *after* whatever a caller sent under that name, so the last value is the
/// host's. Behind a proxy it is the proxy.
pub fn peer(headers: &HeaderMap) -> Option<IpAddr> {
    let told = headers.get_all("spin-client-addr").iter().next_back()?.to_str().ok()?;
    told.parse::<SocketAddr>().map(|address| address.ip()).ok().or_else(|| told.parse().ok())
}

/// Removes `spin-*`: the host adds its own *after* the caller's, so whoever reads the first value reads the caller's word for the host's.
/// Nothing after [`peer`] reads any of them.
pub fn drop_forged(headers: &mut HeaderMap) {
    let forged: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with("spin-")).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}

/// `budget_ms` of a sweep's query; none when it is no number within its bounds.
pub fn budget(query: Option<&str>) -> Option<Millis> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    match pairs.filter(|(name, _)| *name == "budget_ms").map(|(_, value)| value).next_back() {
        None => Some(DEFAULT_BUDGET),
        Some(value) => value.parse().ok().filter(|millis| (0..=LONGEST_BUDGET).contains(millis)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_is_the_hosts_word_and_not_the_callers() {
        let name = http::HeaderName::from_static("spin-client-addr");
        let seen = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(name.clone(), http::HeaderValue::from_static(value));
            }
            peer(&headers).map(|peer| peer.to_string())
        };
        assert_eq!(seen(&["6.6.6.6:1", "192.0.2.1:4711"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(seen(&["[2001:db8::1]:4711"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(seen(&["192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        // What the host did not write is not looked for before it.
        assert_eq!(seen(&["192.0.2.1:1", "unknown"]), None);
        assert_eq!(seen(&[]), None);
    }

    #[test]
    fn what_a_caller_says_in_the_hosts_name_is_not_heard() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("spin-client-addr", "6.6.6.6:1"),
            ("spin-client-addr", "127.0.0.1:80"),
            ("spin-full-url", "http://evil.example"),
            ("spinning", "stays"),
            ("x-api-key", "stays"),
        ] {
            headers.append(http::HeaderName::from_static(name), http::HeaderValue::from_static(value));
        }
        drop_forged(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(http::HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["spinning", "x-api-key"]);
    }

    #[test]
    fn a_budget_is_a_number_within_its_bounds_or_the_default() {
        assert_eq!(budget(None), Some(DEFAULT_BUDGET));
        assert_eq!(budget(Some("x=1")), Some(DEFAULT_BUDGET));
        assert_eq!(budget(Some("budget_ms=0")), Some(0));
        assert_eq!(budget(Some("a=b&budget_ms=1500")), Some(1_500));
        for wrong in ["budget_ms=", "budget_ms=-1", "budget_ms=600001", "budget_ms=soon", "budget_ms=1.5"] {
            assert_eq!(budget(Some(wrong)), None, "{wrong}");
        }
    }
}
