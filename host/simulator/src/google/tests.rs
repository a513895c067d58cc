//! Google's side over HTTPS: tokens, resources, links, phones.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use rcgen::{KeyPair, SigningKey};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::{Simulator, SimulatorConfig};

mod resources;
mod wallets;

const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";

struct Issuer {
    world: Simulator,
    caller: Caller,
    key: KeyPair,
}

impl Issuer {
    async fn open() -> Self {
        let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
        let caller = Caller::new(world.authority()).unwrap();
        let account: Value = serde_json::from_str(&world.service_account().json()).unwrap();
        let key = KeyPair::from_pem(account["private_key"].as_str().unwrap()).unwrap();
        Self { world, caller, key }
    }

    fn id(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.world.google_issuer())
    }

    fn jwt(&self, claims: &Value) -> String {
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let seal = self.key.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(seal))
    }

    fn assertion(&self) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({
            "iss": self.world.service_account().email,
            "scope": SCOPE,
            "aud": self.world.service_account().token_uri,
            "iat": now,
            "exp": now + 3600,
        })
    }

    async fn exchange(&self, assertion: &str) -> (u16, Value) {
        let body = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let url = self.world.addresses().google_token;
        let reply = self.caller.call(Method::POST, &url, &headers, body).await.unwrap();
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
    }

    async fn token(&self) -> String {
        let (status, body) = self.exchange(&self.jwt(&self.assertion())).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    async fn call(&self, token: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/{path}", self.world.addresses().google_api);
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let reply = self.caller.call(method, &url, &headers, body.to_string()).await.unwrap();
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
    }

    fn class(&self) -> Value {
        json!({
            "id": self.id("carmen"),
            "issuerName": "Opera",
            "eventName": {"defaultValue": {"language": "fr", "value": "Carmen"}},
            "reviewStatus": "UNDER_REVIEW",
            "dateTime": {"start": "2027-01-01T20:00:00+01:00"},
        })
    }

    fn object(&self, suffix: &str) -> Value {
        json!({
            "id": self.id(suffix),
            "classId": self.id("carmen"),
            "state": "ACTIVE",
            "ticketHolderName": "Ada Lovelace",
            "barcode": {"type": "QR_CODE", "value": "0850001"},
            "seatInfo": {"seat": {"defaultValue": {"language": "fr", "value": "12"}}},
            "textModulesData": [{"id": "a", "body": "1"}, {"id": "b", "body": "2"}],
        })
    }
}
