//! The phone's calls of a pass's web service (wallets.md 1.6): register, list, fetch, unregister, complain.
//!
//! Owns paths, headers and what counts as a right answer. Does not own when they are made (`phone`).

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::caller::{CallError, Caller};

/// The one form of a date that a server may send (RFC 9110 5.6.7).
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// Where a pass says that it can be refreshed, and how the phone proves that it has it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub url: String,
    pub token: String,
    pub pass_type: String,
    pub serial: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("answered {0}")]
    Status(u16),
    #[error("the answer breaks the protocol: {0}")]
    Protocol(&'static str),
}

impl ServiceError {
    /// The phone tries again later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Call(_) => true,
            Self::Status(status) => *status >= 500 || *status == 429,
            Self::Protocol(_) => false,
        }
    }
}

pub(crate) struct Changed {
    pub serials: Vec<String>,
    pub tag: String,
}

pub(crate) enum Fetched {
    NotModified,
    Pass { bytes: Bytes, last_modified: String },
}

impl Service {
    /// None: the pass cannot be refreshed.
    pub fn of(pass: &Value) -> Option<Self> {
        let text = |key: &str| pass.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            url: text("webServiceURL")?.trim_end_matches('/').to_owned(),
            token: text("authenticationToken")?,
            pass_type: text("passTypeIdentifier")?,
            serial: text("serialNumber")?,
        })
    }

    fn proof(&self) -> String {
        format!("ApplePass {}", self.token)
    }

    fn registration(&self, device: &str) -> String {
        format!("{}/v1/devices/{device}/registrations/{}/{}", self.url, self.pass_type, self.serial)
    }

    pub async fn register(&self, caller: &Caller, device: &str, push_token: &str) -> Result<u16, ServiceError> {
        let body = json!({"pushToken": push_token}).to_string();
        let headers = [("authorization", self.proof()), ("content-type", "application/json".to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let reply = caller.call(Method::POST, &self.registration(device), &headers, body).await?;
        match reply.status {
            StatusCode::OK | StatusCode::CREATED => Ok(reply.status.as_u16()),
            other => Err(ServiceError::Status(other.as_u16())),
        }
    }

    pub async fn unregister(&self, caller: &Caller, device: &str) -> Result<u16, ServiceError> {
        let proof = self.proof();
        let headers = [("authorization", proof.as_str())];
        let reply = caller.call(Method::DELETE, &self.registration(device), &headers, Bytes::new()).await?;
        match reply.status {
            StatusCode::OK => Ok(200),
            other => Err(ServiceError::Status(other.as_u16())),
        }
    }

    /// None: nothing changed since the tag.
    pub async fn list(
        &self,
        caller: &Caller,
        device: &str,
        tag: Option<&str>,
    ) -> Result<Option<Changed>, ServiceError> {
        let mut url = format!("{}/v1/devices/{device}/registrations/{}", self.url, self.pass_type);
        if let Some(tag) = tag {
            url = format!("{url}?passesUpdatedSince={}", escaped(tag));
        }
        let reply = caller.call(Method::GET, &url, &[], Bytes::new()).await?;
        match reply.status {
            StatusCode::NO_CONTENT => return Ok(None),
            StatusCode::OK => {}
            other => return Err(ServiceError::Status(other.as_u16())),
        }
        let body: Value =
            serde_json::from_slice(&reply.body).map_err(|_| ServiceError::Protocol("the list is not JSON"))?;
        // An integer here makes iOS ignore the list (wallets.md 1.6).
        let tag = body.get("lastUpdated").and_then(Value::as_str);
        let tag = tag.ok_or(ServiceError::Protocol("lastUpdated is not a string"))?.to_owned();
        let serials = body.get("serialNumbers").and_then(Value::as_array);
        let serials = serials.ok_or(ServiceError::Protocol("serialNumbers is not a list"))?;
        let serials: Option<Vec<String>> = serials.iter().map(|one| one.as_str().map(str::to_owned)).collect();
        let serials = serials.ok_or(ServiceError::Protocol("a serial number is not a string"))?;
        if serials.is_empty() {
            return Err(ServiceError::Protocol("an empty list instead of 204"));
        }
        Ok(Some(Changed { serials, tag }))
    }

    pub async fn fetch(&self, caller: &Caller, since: Option<&str>) -> Result<Fetched, ServiceError> {
        let url = format!("{}/v1/passes/{}/{}", self.url, self.pass_type, self.serial);
        let proof = self.proof();
        let mut headers = vec![("authorization", proof.as_str())];
        headers.extend(since.map(|since| ("if-modified-since", since)));
        let reply = caller.call(Method::GET, &url, &headers, Bytes::new()).await?;
        match reply.status {
            StatusCode::NOT_MODIFIED if since.is_some() => return Ok(Fetched::NotModified),
            StatusCode::OK => {}
            other => return Err(ServiceError::Status(other.as_u16())),
        }
        if reply.header("content-type") != Some("application/vnd.apple.pkpass") {
            return Err(ServiceError::Protocol("not application/vnd.apple.pkpass"));
        }
        let last_modified = reply.header("last-modified").ok_or(ServiceError::Protocol("no Last-Modified"))?.to_owned();
        if jiff::civil::DateTime::strptime(HTTP_DATE, &last_modified).is_err() {
            return Err(ServiceError::Protocol("Last-Modified is not an HTTP date"));
        }
        Ok(Fetched::Pass { bytes: reply.body, last_modified })
    }

    pub async fn complain(&self, caller: &Caller, complaint: &str) -> Result<(), ServiceError> {
        let body = json!({"logs": [complaint]}).to_string();
        let headers = [("content-type", "application/json")];
        let reply = caller.call(Method::POST, &format!("{}/v1/log", self.url), &headers, body).await?;
        if reply.status == StatusCode::OK { Ok(()) } else { Err(ServiceError::Status(reply.status.as_u16())) }
    }
}

/// Percent-encoding of a query value.
fn escaped(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
