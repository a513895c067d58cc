//! The institution against its own documentation: who is let in, what each use case makes, how it is told.

mod answers;
mod notices;
mod service;
mod use_cases;

use http::Method;
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::caller::{Caller, Reply};
use crate::secutix::Institution;
use crate::world::InstitutionConfig;
use crate::{Simulator, SimulatorConfig, jws};

pub const ORDERS: &str = "/tnseb/backend-apis/externalOrderService/v1_33";

/// An institution without sockets, for what needs none.
pub fn institution() -> Institution {
    let authority = Authority::new().unwrap();
    Institution::new(&InstitutionConfig::default(), Caller::new(&authority).unwrap())
}

/// One with, and a client that holds its secret.
pub struct Partner {
    pub world: Simulator,
    caller: Caller,
}

impl Partner {
    pub async fn meet() -> Self {
        let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
        let caller = Caller::new(world.authority()).unwrap();
        Self { world, caller }
    }

    pub fn secutix(&self) -> &Institution {
        self.world.secutix()
    }

    pub fn claims(&self) -> Value {
        let ours = self.world.credentials();
        let now = jiff::Timestamp::now().as_second();
        json!({"sub": ours.institution, "aud": ours.operator, "iss": ours.partner, "iat": now, "exp": now + 30})
    }

    pub fn token(&self) -> String {
        jws::sign_hs256(&self.claims(), self.world.credentials().secret.as_bytes())
    }

    pub async fn call(&self, path: &str, body: Value) -> (u16, Value) {
        let reply = self.call_with(path, &format!("Bearer {}", self.token()), &body.to_string()).await;
        let reply = reply.unwrap();
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    pub async fn call_with(
        &self,
        path: &str,
        authorization: &str,
        body: &str,
    ) -> Result<Reply, crate::caller::CallError> {
        let url = format!("{}{path}", self.secutix().url());
        let headers = [("content-type", "application/json"), ("authorization", authorization)];
        self.caller.call(Method::POST, &url, &headers, body.to_owned()).await
    }

    pub async fn file(&self, file: i64) -> (u16, Value) {
        self.call(&format!("{ORDERS}/getFileDetails"), json!({"fileId": file})).await
    }
}
