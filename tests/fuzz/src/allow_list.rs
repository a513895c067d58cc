//! Addresses and allow-lists, over any text.
//!
//! Owns the rules that tie them to a second reading (`origin`). Records: addresses (`u`), entries of a list (`a`), and entries of a tenant that may have
//! plain HTTP (`p`). Every address is asked of the list of all entries.

use passerelle_flow::address::Address;
use passerelle_flow::plugin::allow::{Destination, permits};
use url::Host;

use crate::origin::{Origin, is_punycode};
use crate::{Held, holds, script};

pub fn check(data: &[u8]) -> Held {
    let mut entries = Vec::new();
    for (kind, rest) in script::records(data).filter(|(kind, _)| matches!(kind, b'a' | b'p')) {
        let (text, plain_http) = (script::text(rest), kind == b'p');
        if let Ok(destination) = Destination::parse(&text, plain_http) {
            entry(&text, plain_http, &destination)?;
            entries.push((text, destination));
        }
    }
    for (_, rest) in script::records(data).filter(|(kind, _)| *kind == b'u') {
        let text = script::text(rest);
        if let Ok(address) = Address::parse(&text) {
            leads_where_it_says(&text, &address)?;
            listed(&entries, &text, &address)?;
        }
    }
    Ok(())
}

/// The one reading and the other, of an address that ours takes for one.
pub fn leads_where_it_says(text: &str, address: &Address) -> Held {
    holds!(address.as_str() == text, "{text:?} is kept as {:?}", address.as_str());
    let behind = text.split_once("://").map_or("", |(_, rest)| rest);
    let path = behind.find(['/', '?']).and_then(|at| behind.get(at..)).unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    holds!(address.path == path, "{text:?} has the path {:?}", address.path);
    let again = Address::parse(&address.origin()).map_err(|error| format!("the origin of {text:?}: {error}"))?;
    let same = (again.encrypted, &again.host, again.port) == (address.encrypted, &address.host, address.port);
    holds!(same, "{text:?} has the origin {}", address.origin());
    match Origin::read(text) {
        None => holds!(is_punycode(&address.host), "{text:?} is an address here, and none elsewhere"),
        Some(origin) => {
            holds!(
                origin.is_of(address),
                "{text:?} leads to {} here, and to {} elsewhere",
                address.origin(),
                origin.url
            );
            let plain = origin.url.username().is_empty() && origin.url.password().is_none();
            holds!(plain && origin.url.fragment().is_none(), "{text:?} is more than an address");
        }
    }
    Ok(())
}

/// An entry is an origin and nothing else, and says again what it says.
fn entry(text: &str, plain_http: bool, destination: &Destination) -> Held {
    let shown = destination.to_string();
    holds!(Destination::parse(&shown, plain_http).as_ref() == Ok(destination), "{text:?} is shown as {shown:?}");
    let plain = text.replacen("://*.", "://", 1);
    let wild = plain != text;
    let address =
        Address::parse(&plain).map_err(|error| format!("{text:?} is an entry, and without its star: {error}"))?;
    let Some(origin) = Origin::read(&plain) else {
        holds!(is_punycode(&address.host), "{text:?} is an entry here, and no address elsewhere");
        return Ok(());
    };
    holds!(origin.encrypted || plain_http, "{text:?} is not encrypted");
    holds!(origin.url.path() == "/" && origin.url.query().is_none(), "{text:?} is more than an origin");
    let below = matches!(&origin.host, Host::Domain(name) if name.contains('.'));
    holds!(!wild || below, "{text:?} is a whole top-level domain, or no name");
    Ok(())
}

/// What the list permits is on it, and what is on it is permitted.
fn listed(entries: &[(String, Destination)], text: &str, address: &Address) -> Held {
    let list: Vec<Destination> = entries.iter().map(|(_, destination)| destination.clone()).collect();
    let permitted = permits(&list, address);
    let Some(origin) = Origin::read(text) else { return Ok(()) };
    let found = entries.iter().any(|(entry, _)| origin.is_listed(entry));
    holds!(found || !permitted, "{text:?} is permitted by {list:?}");
    // One IPv6 address has many spellings; ours compares them as they are written, which permits less.
    holds!(permitted || !found || matches!(origin.host, Host::Ipv6(_)), "{text:?} is not permitted by {list:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_leads_elsewhere_is_found() {
        let text = "https://crm.example:8443/a?b";
        let good = Address::parse(text).unwrap();
        assert_eq!(leads_where_it_says(text, &good), Ok(()));
        let doctored: [fn(&mut Address); 4] = [
            |it| it.host = "evil.example".to_owned(),
            |it| it.port = 443,
            |it| it.encrypted = false,
            |it| it.path = "/".to_owned(),
        ];
        for (at, doctor) in doctored.into_iter().enumerate() {
            let mut address = good.clone();
            doctor(&mut address);
            assert!(leads_where_it_says(text, &address).is_err(), "{at}");
        }
    }

    #[test]
    fn a_list_that_permits_too_much_or_too_little_is_found() {
        let text = "https://api.crm.example/";
        let address = Address::parse(text).unwrap();
        let entry = |written: &str, meant: &str| (written.to_owned(), Destination::parse(meant, false).unwrap());
        let [narrow, wide, other] = ["https://api.crm.example", "https://*.crm.example", "https://*.evil.example"];
        for same in [narrow, wide, other] {
            assert_eq!(listed(&[entry(same, same)], text, &address), Ok(()), "{same}");
        }
        assert!(listed(&[entry(other, wide)], text, &address).is_err(), "permitted and not listed");
        assert!(listed(&[entry(wide, other)], text, &address).is_err(), "listed and not permitted");
        assert!(super::entry("https://crm.example/x", false, &entry(narrow, narrow).1).is_err());
        assert!(super::entry("https://*.example", false, &entry(wide, wide).1).is_err());
    }
}
