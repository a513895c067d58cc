//! A secret that stands in an address, where the other side can neither sign nor send a header.
//!
//! Owns what is long enough to be one, and the comparison, in constant time whatever is shown. Does not own the address, nor what is opened.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Characters of a secret of hexadecimal digits: 128 bits.
const LEAST_HEX: usize = 32;
/// Of any letters and digits, `-` and `_`: 22 of them are 132 bits.
const LEAST: usize = 22;
/// An address has room for 1024 characters in all (domain.md 4.2); a secret needs few of them.
const MOST: usize = 256;
/// Different characters among them: fewer are a pattern that somebody typed. Of 32 random hexadecimal digits there are 14 in the mean, and less than
/// eight once in 10^7.
const LEAST_DIFFERENT: usize = 8;

#[derive(Clone)]
pub struct PathSecret(Zeroizing<String>);

impl PathSecret {
    /// None: too short, or not made of what stands in an address as it is.
    pub fn parse(content: &[u8]) -> Option<Self> {
        let plain = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        let hex = content.iter().all(u8::is_ascii_hexdigit);
        let least = if hex { LEAST_HEX } else { LEAST };
        let different = content.iter().collect::<std::collections::BTreeSet<_>>().len();
        let fits = (least..=MOST).contains(&content.len()) && content.iter().all(plain) && different >= LEAST_DIFFERENT;
        let text = std::str::from_utf8(content).ok()?;
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Both are hashed first, so that neither length nor beginning of a guess tells in time.
    pub fn admits(&self, shown: &str) -> bool {
        let (own, shown): ([u8; 32], [u8; 32]) =
            (Sha256::digest(self.0.as_bytes()).into(), Sha256::digest(shown.as_bytes()).into());
        own.ct_eq(&shown).into()
    }

    /// For the address that is registered, and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_128_bits_and_stands_in_an_address_as_it_is() {
        for text in ["0123456789abcdef0123456789abcdef", "qL7_x-Zb2mT9wKf4Rv8Yc1"] {
            assert!(PathSecret::parse(text.as_bytes()).is_some(), "{text}");
        }
        for text in [
            "",
            "secret",
            "0123456789abcdef0123456789abcde",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "qL7_x-Zb2mT9wKf4Rv8Yc",
            "qL7/x-Zb2mT9wKf4Rv8Yc1",
            "qL7 x-Zb2mT9wKf4Rv8Yc1",
            "qL7\u{e9}x-Zb2mT9wKf4Rv8Yc1",
        ] {
            assert!(PathSecret::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_whole_secret_opens() {
        let secret = PathSecret::parse(b"0123456789abcdef0123456789abcdef").unwrap();
        assert!(secret.admits("0123456789abcdef0123456789abcdef"));
        for wrong in ["", "0123456789abcdef0123456789abcde", "0123456789ABCDEF0123456789ABCDEF"] {
            assert!(!secret.admits(wrong), "{wrong}");
        }
    }
}
