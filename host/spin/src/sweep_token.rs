//! The token that opens the sweep.
//!
//! Owns the comparison, in constant time whatever is shown. Not the route: no token in the configuration means no route.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Kept as a digest: equal lengths for the comparison, and nothing to print.
#[derive(Clone)]
pub struct SweepToken([u8; 32]);

impl SweepToken {
    /// Without the line break that a file ends with: no header could show it. None: no token, no sweep from outside.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim_ascii_end();
        (!text.is_empty()).then(|| Self(Sha256::digest(text).into()))
    }

    /// `Authorization: Bearer <token>`, the scheme in any case (RFC 9110).
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token)
        });
        let digest: [u8; 32] = Sha256::digest(shown.unwrap_or_default()).into();
        shown.is_some() & bool::from(digest.ct_eq(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn only_the_token_itself_opens_the_sweep() {
        let token = SweepToken::of("k3y").unwrap();
        assert!(token.admits(&headers("Bearer k3y")) && token.admits(&headers("bearer k3y")));
        for wrong in ["Bearer k3", "Bearer k3yy", "Bearer ", "Bearer", "k3y", "Basic k3y", "Bearer  k3y"] {
            assert!(!token.admits(&headers(wrong)), "{wrong}");
        }
        assert!(!token.admits(&HeaderMap::new()));
    }

    #[test]
    fn an_empty_token_is_none_so_that_a_forgotten_variable_opens_nothing() {
        assert!(SweepToken::of("").is_none() && SweepToken::of("\n").is_none());
        assert!(SweepToken::of("k3y\n").unwrap().admits(&headers("Bearer k3y")));
    }
}
