//! The save link: a signed token in an address that puts passes into a holder's Google Wallet.
//!
//! Owns its claims. The objects must have been inserted before: the token names them and holds nothing of them, so that the link stays short
//! (browsers cut long ones) and says nothing about the holder. Saving again changes nothing; only a write of our own updates an object.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::{Account, Worth};
use super::error::{GoogleError, refusal};
use super::jwt::rs256;
use super::resource::{PassKind, class_id, object_id};
use super::token::TokenCache;
use crate::identity::PassId;
use crate::ports::{Clock, Host};
use crate::tenant::Tenant;

/// Letters of a token that every browser takes in an address: Google's advice. About seven passes.
const LONGEST_TOKEN: usize = 1_800;

/// A pass that is to be saved.
#[derive(Clone, Copy, Debug)]
pub struct SavedPass<'a> {
    pub kind: PassKind,
    /// As the connector returned it.
    pub class_key: &'a str,
    pub pass: &'a PassId,
}

/// The signed token of one or more passes: a whole order is one tap.
pub async fn save_token<H: Host>(host: &H, tenant: &Tenant, passes: &[SavedPass<'_>]) -> Result<String, GoogleError> {
    let google = tenant.google.as_ref().ok_or(GoogleError::NoGoogle)?;
    let mut payload: Map<String, Value> = Map::new();
    for saved in passes {
        let object = json!({ "id": object_id(google, saved.pass), "classId": class_id(google, saved.class_key) });
        match payload.get_mut(saved.kind.object_list()) {
            Some(Value::Array(list)) => list.push(object),
            _ => {
                payload.insert(saved.kind.object_list().to_owned(), Value::Array(vec![object]));
            }
        }
    }
    let claims = json!({
        "iss": google.account,
        "aud": "google",
        "typ": "savetowallet",
        "iat": host.clock().now().div_euclid(1000),
        "origins": google.origins,
        "payload": payload,
    });
    rs256(host.signer(), &google.key, &claims).await
}

/// The address that puts passes into a wallet. A token that browsers would cut is handed to Google, which answers with an address of its own.
pub async fn save_address<H: Host>(
    host: &H,
    tenant: &Tenant,
    tokens: &TokenCache,
    passes: &[SavedPass<'_>],
) -> Result<String, GoogleError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Inserted {
        save_uri: String,
    }
    let google = tenant.google.as_ref().ok_or(GoogleError::NoGoogle)?;
    let token = save_token(host, tenant, passes).await?;
    if token.len() <= LONGEST_TOKEN {
        return Ok(format!("{}/{token}", google.save_url));
    }
    let account = Account { host, google, tokens, worth: Worth::Person };
    let body = Bytes::from(json!({ "jwt": token }).to_string());
    let response = account.call(Method::POST, "jwt", body).await?;
    if !response.status.is_success() {
        return Err(refusal(&response, host.clock().now()));
    }
    let inserted: Inserted = serde_json::from_slice(&response.body).map_err(|_| GoogleError::Unreadable)?;
    // It goes into a `Location`, and people are sent there.
    if !inserted.save_uri.starts_with("https://") {
        return Err(GoogleError::Unreadable);
    }
    Ok(inserted.save_uri)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::scripted::{Keys, ScriptedHost, run, tenant};

    #[test]
    fn a_link_names_the_passes_is_signed_and_is_short() {
        let host = ScriptedHost::new(1_773_511_331_500, []).with_keys(Keys::rsa("google"));
        let passes = ["AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAB", "CCCCCCCCCCCCCCCC"].map(|id| PassId::parse(id).unwrap());
        let saved = [
            SavedPass { kind: PassKind::EventTicket, class_key: "event-ticket.performance:1", pass: &passes[0] },
            SavedPass { kind: PassKind::EventTicket, class_key: "event-ticket.performance:1", pass: &passes[1] },
            SavedPass { kind: PassKind::Loyalty, class_key: "member", pass: &passes[2] },
        ];
        let token = run(save_token(&host, &tenant(), &saved)).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = input.split_once('.').unwrap();
        let decode = |part| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        assert_eq!(decode(header), json!({"alg": "RS256", "typ": "JWT"}));
        let issuer = "3388000000012345678";
        let ticket = |pass: &PassId| json!({"id": format!("{issuer}.{pass}"), "classId": format!("{issuer}.event-ticket.performance_3A1")});
        assert_eq!(
            decode(claims),
            json!({
                "iss": "wallet@demo.iam.gserviceaccount.com", "aud": "google", "typ": "savetowallet", "iat": 1_773_511_331,
                "origins": ["https://shop.example.org"],
                "payload": {
                    "eventTicketObjects": [ticket(&passes[0]), ticket(&passes[1])],
                    "loyaltyObjects": [{"id": format!("{issuer}.CCCCCCCCCCCCCCCC"), "classId": format!("{issuer}.member")}],
                },
            })
        );
        let public = host.signer.rsa["google"].public_key();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref())
            .verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
        let one = format!(
            "{}/{}",
            tenant().google.unwrap().save_url,
            run(save_token(&host, &tenant(), &saved[..1])).unwrap()
        );
        // Google's advice for links in browsers.
        assert!(one.len() <= 1800, "{}", one.len());
    }

    #[test]
    fn without_google_or_with_another_key_there_is_no_link() {
        let none = Tenant { google: None, ..tenant() };
        let host = ScriptedHost::new(0, []);
        assert_eq!(run(save_token(&host, &none, &[])), Err(GoogleError::NoGoogle));
        assert!(matches!(run(save_token(&host, &tenant(), &[])), Err(GoogleError::Key(_))));
    }
}
