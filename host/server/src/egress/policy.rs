//! Which addresses may be called: data and a pure function.
//!
//! Owns the judgement. Does no I/O: resolving and dialling are `dial`'s.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What the operator opens.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Networks that may be called although they are not public.
    pub allow: Vec<IpNet>,
    /// `http://` may be called at all.
    pub plain_http: bool,
}

/// An address that was judged and may be dialled. Only [`vet`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VettedAddress(SocketAddr);

impl VettedAddress {
    pub fn get(self) -> SocketAddr {
        self.0
    }
}

/// A name resolved to an address that may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an address that may be called")]
pub struct Forbidden(pub IpAddr);

/// All of them or none: a name that leads inside with one of its answers is not asked which one it meant.
pub fn vet(addresses: impl IntoIterator<Item = SocketAddr>, policy: &Policy) -> Result<Vec<VettedAddress>, Forbidden> {
    let judge = |address: SocketAddr| match permits(address.ip(), policy) {
        true => Ok(VettedAddress(address)),
        false => Err(Forbidden(address.ip())),
    };
    addresses.into_iter().map(judge).collect()
}

/// Public unicast, or opened by the operator, who cannot open what hands out credentials to the machine that asks.
pub fn permits(address: IpAddr, policy: &Policy) -> bool {
    let address = canonical(address);
    if NEVER.iter().any(|network| network.contains(&address)) {
        return false;
    }
    if policy.allow.iter().any(|network| network.contains(&address)) {
        return true;
    }
    match address {
        IpAddr::V4(address) => !FORBIDDEN_V4.iter().any(|network| network.contains(&address)),
        // Of IPv6 only 2000::/3 is handed out as public unicast. All else (loopback, fe80::/10, unique local fc00::/7 with the metadata service
        // fd00:ec2::254, multicast, NAT64 64:ff9b::/96 and 64:ff9b:1::/48, discard, whatever comes) is forbidden by not being in it.
        IpAddr::V6(address) => {
            PUBLIC_V6.contains(&address) && !FORBIDDEN_V6.iter().any(|network| network.contains(&address))
        }
    }
}

/// IPv4 in IPv6 clothes is judged as IPv4: mapped (`::ffff:a.b.c.d`), which connects to it, and compatible (`::a.b.c.d`), which some stacks
/// still do. `::` and `::1` stay what they are.
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.to_ipv4_mapped() {
        Some(v4) => IpAddr::V4(v4),
        None => match v6.octets() {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] if u32::from_be_bytes([a, b, c, d]) > 1 => {
                Ipv4Addr::new(a, b, c, d).into()
            }
            _ => address,
        },
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// IANA's special-purpose registry, and one address that is public by number only.
const FORBIDDEN_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),        // this network; 0.0.0.0 reaches the machine itself
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // Azure's platform service, which hands out credentials to the machine that asks
    v4(169, 254, 0, 0, 16),   // link-local, and the metadata services of most clouds
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // 6to4 relays
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 5),      // reserved
    v4(248, 0, 0, 0, 5),      // reserved, and broadcast
];

/// Closed whatever is allowed: nobody means it who opens 0.0.0.0/0 or fc00::/7 for a trial. Link-local addresses, where most clouds have their
/// metadata services; Azure's platform service; Amazon's metadata service over IPv6.
const NEVER: [IpNet; 4] = [
    IpNet::V4(v4(169, 254, 0, 0, 16)),
    IpNet::V4(v4(168, 63, 129, 16, 32)),
    IpNet::V6(v6(0xfe80, 0, 10)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254), 128)),
];

const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 3);

const FORBIDDEN_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),      // protocol assignments, Teredo among them
    v6(0x2001, 0x0db8, 32), // documentation
    v6(0x2002, 0, 16),      // 6to4: carries an IPv4 address of any kind
    v6(0x3fff, 0, 20),      // documentation
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permitted(address: &str) -> bool {
        permits(address.parse().unwrap(), &Policy::default())
    }

    #[test]
    fn the_public_internet_is_permitted() {
        for address in [
            "17.188.143.34",
            "142.250.74.106",
            "1.1.1.1",
            "223.255.255.1",
            "2a00:1450:4001:80e::200a",
            "2620:149:208:4::9",
        ] {
            assert!(permitted(address), "{address}");
        }
    }

    #[test]
    fn the_machine_and_its_networks_are_not() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
            "64:ff9b::101:101",
            "64:ff9b:1::1",
            "2001::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:101:101::",
            "3fff::1",
            "5f00::1",
            "4000::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::10.0.0.1",
            "::169.254.169.254",
        ] {
            assert!(!permitted(address), "{address}");
        }
        // Just outside of them.
        for address in [
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "168.63.129.15",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
        ] {
            assert!(permitted(address), "{address}");
        }
    }

    #[test]
    fn ipv4_in_ipv6_clothes_is_judged_as_ipv4() {
        assert!(permitted("::ffff:1.1.1.1") && permitted("::1.1.1.1"));
        let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
        assert!(permits("::ffff:127.0.0.1".parse().unwrap(), &policy));
    }

    #[test]
    fn the_operator_opens_a_network_and_nothing_beside_it() {
        let policy =
            Policy { allow: vec!["10.1.2.0/24".parse().unwrap(), "::1/128".parse().unwrap()], ..Policy::default() };
        let permitted = |address: &str| permits(address.parse().unwrap(), &policy);
        assert!(permitted("10.1.2.3") && permitted("::1") && permitted("1.1.1.1"));
        assert!(!permitted("10.1.3.3") && !permitted("127.0.0.1") && !permitted("fe80::1"));
    }

    #[test]
    fn nobody_opens_a_metadata_service() {
        let all = ["0.0.0.0/0", "::/0", "169.254.169.254/32", "168.63.129.16/32", "fd00:ec2::254/128", "fe80::/10"];
        let policy =
            Policy { allow: all.iter().map(|network| network.parse().unwrap()).collect(), ..Policy::default() };
        let permitted = |address: &str| permits(address.parse().unwrap(), &policy);
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "fd00:ec2::254",
            "fe80::a9fe:a9fe",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
        ] {
            assert!(!permitted(address), "{address}");
        }
        for address in ["10.0.0.1", "127.0.0.1", "168.63.129.17", "fd00:ec2::253", "::1"] {
            assert!(permitted(address), "{address}");
        }
    }

    #[test]
    fn one_forbidden_answer_spoils_them_all() {
        let addresses = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let policy = Policy::default();
        assert_eq!(vet(addresses(&["1.1.1.1:443", "[2606:4700::1111]:443"]), &policy).unwrap().len(), 2);
        let inside = vet(addresses(&["1.1.1.1:443", "10.0.0.1:443"]), &policy);
        assert_eq!(inside, Err(Forbidden("10.0.0.1".parse().unwrap())));
    }

    proptest! {
        /// The standard library's own predicates, where they are stable, are an independent opinion.
        #[test]
        fn what_the_standard_library_calls_special_is_never_permitted(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_broadcast()
                || address.is_documentation() || address.is_multicast() || address.is_unspecified();
            let permitted = permits(address.into(), &Policy::default());
            prop_assert!(!(special && permitted));
            prop_assert_eq!(permitted, permits(address.to_ipv6_mapped().into(), &Policy::default()));
            prop_assert!(!permits(Ipv6Addr::from_bits(0x2002_u128 << 112 | u128::from(bits) << 80).into(), &Policy::default()));
        }

        #[test]
        fn of_ipv6_only_global_unicast_is_permitted(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            if permits(address.into(), &Policy::default()) {
                prop_assert!(address.segments()[0] >> 13 == 1 || matches!(canonical(address.into()), IpAddr::V4(_)));
            }
        }
    }
}
