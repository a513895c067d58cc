//! What a buyer does after a sale: the shop asks the connector for the links of the file's tickets, and a phone follows the first.
//!
//! Owns the question, with the key that the connector has given to the shop. Does not own the sale (`desk`) nor the phones.

use http::{Method, StatusCode};
use serde_json::Value;

use super::Institution;
use crate::caller::CallError;

/// How the address ends that changes are announced to; what is asked for lies beside it.
const LISTENER: &str = "/webhooks/listeners/secutix/orders";

#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    #[error(
        "the shop has no API key of a connector; `passerelle simulate` writes one into the configuration that it makes"
    )]
    NoKey,
    #[error("changes are announced to nobody, or not to …{LISTENER}")]
    NoListener,
    #[error("the connector at {base}: {error}. Is the server running?")]
    Call { base: String, error: CallError },
    #[error("the connector answered {status} to {path}: {body}")]
    Status { status: u16, path: String, body: String },
    #[error("the connector has no link for {0} of this ticket")]
    NoLink(&'static str),
}

/// Links of one ticket.
pub(crate) struct TicketLinks(Value);

impl TicketLinks {
    /// Where a phone fetches the package.
    pub fn apple(&self) -> Result<&str, ShopError> {
        self.link("apple")
    }

    pub fn google(&self) -> Result<&str, ShopError> {
        self.link("google")
    }

    fn link(&self, wallet: &'static str) -> Result<&str, ShopError> {
        let link = self.0.pointer("/pass/links").and_then(|links| links.get(wallet)).and_then(Value::as_str);
        link.ok_or(ShopError::NoLink(wallet))
    }
}

impl Institution {
    /// The API key that the shop asks the connector with.
    pub fn shop_asks_with(&self, key: &str) {
        self.state().shop_key = Some(key.to_owned());
    }

    /// The links of the first ticket of a file.
    pub(crate) async fn ticket_links(&self, file: i64) -> Result<TicketLinks, ShopError> {
        let (key, listener) = {
            let state = self.state();
            (state.shop_key.clone(), state.listener.clone())
        };
        let key = key.ok_or(ShopError::NoKey)?;
        let listener = listener.ok_or(ShopError::NoListener)?;
        let base = listener.strip_suffix(LISTENER).ok_or(ShopError::NoListener)?;
        let path = format!("/external/secutix/orders/getTicketsUrl/{file}");
        let headers = [("x-api-key", key.as_str()), ("accept", "application/json")];
        let reply = self.caller().call(Method::GET, &format!("{base}{path}"), &headers, "").await;
        let reply = reply.map_err(|error| ShopError::Call { base: base.to_owned(), error })?;
        if reply.status != StatusCode::OK {
            let body = String::from_utf8_lossy(&reply.body).into_owned();
            return Err(ShopError::Status { status: reply.status.as_u16(), path, body });
        }
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        Ok(TicketLinks(answer.pointer("/tickets/0").cloned().unwrap_or_default()))
    }

    /// Where a holder's link leads to: the save link of Google.
    pub(crate) async fn follow(&self, link: &str) -> Result<String, ShopError> {
        let headers = [("accept", "text/html")];
        let reply = self.caller().call(Method::GET, link, &headers, "").await;
        let reply = reply.map_err(|error| ShopError::Call { base: link.to_owned(), error })?;
        reply.header("location").map(str::to_owned).ok_or(ShopError::NoLink("google"))
    }
}
