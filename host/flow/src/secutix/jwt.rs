//! The token of a SecuTix call: a JWT that we make ourselves, signed with the secret that both sides hold.
//!
//! Owns its claims and HS256. Does not own the secret (the tenant). The documentation asks for an `iat` less than a second old, so a token
//! is made for each call and never kept; it says milliseconds, while its own sample and public clients have seconds: seconds it is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::identity::Millis;
use crate::sealing::hmac_sha256;
use crate::tenant::Secutix;

/// Seconds from `iat` to `exp`, as public clients have it.
const LIFETIME: i64 = 30;

/// The bearer token of one call that is made now.
pub fn bearer(secutix: &Secutix, now: Millis) -> String {
    let iat = now.div_euclid(1000);
    let claims = json!({
        "sub": secutix.institution,
        "aud": secutix.operator,
        "iss": secutix.partner,
        "iat": iat,
        "exp": iat + LIFETIME,
    });
    hs256(br#"{"alg":"HS256","typ":"JWT"}"#, claims.to_string().as_bytes(), &secutix.secret)
}

/// JWS compact serialisation (RFC 7515) with HMAC-SHA256.
fn hs256(header: &[u8], claims: &[u8], secret: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(hmac_sha256(secret, input.as_bytes()));
    format!("{input}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::secutix;

    #[test]
    fn hs256_is_that_of_rfc_7515() {
        // Appendix A.1.
        let secret = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let claims = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
        assert_eq!(
            hs256(b"{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", claims, &secret),
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
             .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
             .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }

    #[test]
    fn the_claims_are_those_of_the_institution_in_whole_seconds() {
        let token = bearer(&secutix(), 1_773_511_331_999);
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let decode = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(decode(parts[0]), json!({"alg": "HS256", "typ": "JWT"}));
        assert_eq!(
            decode(parts[1]),
            json!({"sub": "MYINSTIT", "aud": "MYINSTIT_WALLET", "iss": "OurConnector", "iat": 1_773_511_331, "exp": 1_773_511_361})
        );
        let input = format!("{}.{}", parts[0], parts[1]);
        assert_eq!(parts[2], URL_SAFE_NO_PAD.encode(hmac_sha256(b"shared secret", input.as_bytes())));
    }
}
