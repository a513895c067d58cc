//! A buyer's browser and a venue's back end: the few requests that the demo makes of the server itself.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    key: String,
}

pub struct Reply {
    pub status: StatusCode,
    pub location: Option<String>,
    pub body: Bytes,
}

impl Caller {
    pub fn new(base: String, key: String) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), base, key }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// With the tenant's API key.
    pub async fn call(&self, method: Method, path: &str, body: Option<serde_json::Value>) -> anyhow::Result<Reply> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("x-api-key", &self.key)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(Full::new(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default()))?;
        self.send(request).await
    }

    pub async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> anyhow::Result<serde_json::Value> {
        let reply = self.call(method, path, body).await?;
        if !reply.status.is_success() {
            bail!("{path} answered {}: {}", reply.status, String::from_utf8_lossy(&reply.body));
        }
        serde_json::from_slice(&reply.body).with_context(|| format!("{path} answered no JSON"))
    }

    /// As a scheduler that calls the edge's sweep.
    pub async fn sweep(&self, token: &str) -> anyhow::Result<Reply> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/internal/sweep?budget_ms=1000", self.base))
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default())?;
        self.send(request).await
    }

    /// As a holder's browser: no key, and the answer's `Location`.
    pub async fn open(&self, url: &str) -> anyhow::Result<Reply> {
        let request = Request::builder().uri(url).header("accept", "text/html").body(Full::default())?;
        self.send(request).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Reply> {
        let response = self.client.request(request).await?;
        let status = response.status();
        let location = response.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Reply { status, location, body })
    }
}
