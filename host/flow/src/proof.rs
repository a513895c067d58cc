//! Proofs of identifiers: the organiser's back end has signed what a browser shows.
//!
//! Owns what is signed, and how it is compared. A proof stands for an API key with one identifier, so it says nothing of any other: a tenant names the
//! identifiers that its back end signs, and no other is believed. It does not expire, as The Wallet Crew's does not.

use std::collections::BTreeSet;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::sealing::hmac_sha256;

/// What ends the name of a proof: `crm.id.hmac` proves `crm.id`.
pub const SUFFIX: &str = ".hmac";

/// Whom to believe.
#[derive(Clone)]
pub struct Prover {
    /// Shared with the organiser's back end.
    pub secret: Zeroizing<Vec<u8>>,
    /// Identifiers that it signs.
    pub names: BTreeSet<String>,
}

/// What the HMAC is made of. The value alone, [X]: neither the SDK nor its documentation says. With the name in it, change it here, and nowhere else.
fn signed<'a>(_name: &str, value: &'a str) -> &'a [u8] {
    value.as_bytes()
}

impl Prover {
    /// The proof is that of this identifier: HMAC-SHA256 in hexadecimal digits of either case. In constant time, but for what is no proof by its form.
    pub fn proves(&self, name: &str, value: &str, proof: &str) -> bool {
        let mut given = [0; 32];
        self.names.contains(name)
            && hex::decode_to_slice(proof, &mut given).is_ok()
            && hmac_sha256(&self.secret, signed(name, value)).ct_eq(&given).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prover() -> Prover {
        let names = BTreeSet::from(["crm.id".to_owned()]);
        Prover { secret: Zeroizing::new(b"a secret of the organiser's".to_vec()), names }
    }

    /// `printf 4711 | openssl dgst -sha256 -hmac "a secret of the organiser's"`
    const PROOF: &str = "47caef33ffd04da0722622178d2680af01293aa7caf2e4e1d8d04f300d11dafe";

    #[test]
    fn a_proof_is_of_one_identifier_and_one_value() {
        let prover = prover();
        assert!(prover.proves("crm.id", "4711", PROOF));
        assert!(prover.proves("crm.id", "4711", &PROOF.to_ascii_uppercase()));
        for (name, value, proof) in [
            ("crm.id", "4712", PROOF),
            ("crm.id", "4711 ", PROOF),
            ("secutix.movementId", "4711", PROOF),
            ("crm.id", "4711", ""),
            ("crm.id", "4711", &PROOF[..62]),
            ("crm.id", "4711", &format!("{PROOF}00")),
            ("crm.id", "4711", &PROOF.replace(&PROOF[..1], "x")),
        ] {
            assert!(!prover.proves(name, value, proof), "{name} {value} {proof}");
        }
        let other = Prover { secret: Zeroizing::new(b"another".to_vec()), ..prover };
        assert!(!other.proves("crm.id", "4711", PROOF));
    }
}
