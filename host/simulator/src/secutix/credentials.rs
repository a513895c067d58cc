//! Who may call the web service: the forged JWT of domain.md 3.2, and the token that the authentication service hands out instead.
//!
//! Owns the rules for the claims. Takes the time as an argument. Stricter than a lenient server would be: what is accepted here has
//! the one reading on which the documentation's text, its sample and public clients can agree (`iat` in seconds, fresh).

use serde_json::{Map, Value, json};

use crate::jws::{self, JwsError, Key};

/// Oldest `iat` that is accepted: the lifetime that public clients give their tokens.
const OLDEST: i64 = 30;
/// Clocks disagree by this much.
const AHEAD: i64 = 5;
/// Of a token of the authentication service; "short-lived" is all that is known.
const ISSUED_FOR: i64 = 300;

#[derive(Clone)]
pub struct Credentials {
    pub institution: String,
    pub operator: String,
    pub partner: String,
    /// HS256 key, as it is configured on both sides.
    pub secret: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no Authorization: Bearer header")]
    NoBearer,
    #[error("token: {0}")]
    Token(#[from] JwsError),
    #[error("claim {0} is not what was agreed")]
    Claim(&'static str),
    #[error("claim {0} is not an integer")]
    NotInteger(&'static str),
    #[error("iat is in milliseconds, or far ahead")]
    Ahead,
    #[error("iat is older than {OLDEST} s")]
    Stale,
    #[error("exp has passed")]
    Expired,
    #[error("switched off")]
    Switched,
}

impl Credentials {
    /// Judges the `Authorization` header at that second.
    pub(crate) fn judge(&self, header: Option<&str>, second: i64) -> Result<(), Refusal> {
        let token = header.and_then(|header| header.strip_prefix("Bearer ")).ok_or(Refusal::NoBearer)?;
        let claims = jws::verify(token, &Key::Hs256(self.secret.as_bytes()))?;
        for (name, expected) in [("sub", &self.institution), ("aud", &self.operator), ("iss", &self.partner)] {
            if claims.get(name).and_then(Value::as_str) != Some(expected) {
                return Err(Refusal::Claim(name));
            }
        }
        let (issued, expires) = (integer(&claims, "iat")?, integer(&claims, "exp")?);
        if issued > second + AHEAD {
            return Err(Refusal::Ahead);
        }
        // A token of the authentication service carries a `jti` and lives longer than one that its bearer forged.
        let oldest = if claims.contains_key("jti") { ISSUED_FOR } else { OLDEST };
        if second - issued > oldest {
            return Err(Refusal::Stale);
        }
        if expires <= second {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    pub(crate) fn issue(&self, second: i64) -> String {
        let claims = json!({
            "sub": self.institution,
            "aud": self.operator,
            "iss": self.partner,
            "iat": second,
            "exp": second + ISSUED_FOR,
            "jti": super::random_hex::<8>(),
        });
        jws::sign_hs256(&claims, self.secret.as_bytes())
    }
}

fn integer(claims: &Map<String, Value>, name: &'static str) -> Result<i64, Refusal> {
    claims.get(name).and_then(Value::as_i64).ok_or(Refusal::NotInteger(name))
}
