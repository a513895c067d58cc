//! Who calls: the other end of the socket, or whom a trusted proxy names.
//!
//! Owns when `X-Forwarded-For` is believed: from a proxy that the configuration names, and no further than the first address that is none of them.
//! Whatever stands before that was written by a stranger. Does not own what an address is good for (`passerelle_flow::http`).

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED: &str = "x-forwarded-for";

/// The caller, where `socket` is the connection's other end.
pub fn caller(socket: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let trusted = |address: &IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    let mut caller = socket.to_canonical();
    // Each proxy adds the address that called it at the end, to the last header of that name.
    let values = headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
    let mut named: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    while trusted(&caller) {
        // What is no address was not written by a proxy of ours.
        let Some(Ok(before)) = named.pop().map(|text| address(text).ok_or(())) else { break };
        caller = before.to_canonical();
    }
    caller
}

/// With a port, as some proxies write it, or without.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(socket: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let headers = forwarded.iter().map(|value| (http::HeaderName::from_static(FORWARDED), value.parse().unwrap()));
        let headers: HeaderMap = {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value);
            }
            map
        };
        let proxies: Vec<IpNet> = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
        caller(socket.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn nobody_is_believed_but_the_proxies_that_are_named() {
        assert_eq!(seen("198.51.100.9", &["192.0.2.1"], &[]), "198.51.100.9");
        assert_eq!(seen("198.51.100.9", &["192.0.2.1"], &["10.0.0.0/8"]), "198.51.100.9");
        assert_eq!(seen("10.0.0.2", &[], &["10.0.0.0/8"]), "10.0.0.2");
    }

    #[test]
    fn a_proxy_is_believed_about_who_called_it_and_not_about_what_that_one_said() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.2", &["192.0.2.1"], &proxies), "192.0.2.1");
        assert_eq!(seen("10.0.0.2", &["6.6.6.6, 192.0.2.1"], &proxies), "192.0.2.1");
        // Two proxies, and a header of each.
        assert_eq!(seen("10.0.0.2", &["6.6.6.6, 192.0.2.1", "10.0.0.7"], &proxies), "192.0.2.1");
        assert_eq!(seen("10.0.0.2", &["192.0.2.1:4711"], &proxies), "192.0.2.1");
        assert_eq!(seen("::ffff:10.0.0.2", &["[2001:db8::1]:4711"], &proxies), "2001:db8::1");
    }

    #[test]
    fn what_is_no_address_leaves_the_last_one_that_was() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.2", &["192.0.2.1, unknown"], &proxies), "10.0.0.2");
        assert_eq!(seen("10.0.0.2", &["192.0.2.1, "], &proxies), "10.0.0.2");
    }
}
