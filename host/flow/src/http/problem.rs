//! What a caller reads when something is wrong: RFC 9457 problem details with a stable `type` and the correlation id.
//!
//! Owns the catalogue of problems. The caller's text is fixed here; what the log gets is another text, written where it happened, so that
//! nothing internal and nothing personal can leak through an error.

mod query;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use passerelle_contract::webhook::{Rejection, Violation};
use serde::Serialize;

use self::query::Place;
use super::caller;

/// Prefix of every `type`. A name, not an address: it never changes and needs no server.
pub const TYPE_PREFIX: &str = "urn:passerelle:problem:";

#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    pub correlation_id: String,
    /// `{field: [message]}`, as The Wallet Crew's API has it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    /// Where in a query it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Box<Place>>,
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    allow: Option<&'static str>,
    #[serde(skip)]
    challenge: Option<&'static str>,
}

const NOT_CONFIGURED: &str = "not-configured";

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{slug}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            correlation_id: String::new(),
            errors: BTreeMap::new(),
            position: None,
            retry_after: None,
            allow: None,
            challenge: None,
        }
    }

    /// The last part of `type`.
    pub(crate) fn slug(&self) -> &str {
        self.kind.strip_prefix(TYPE_PREFIX).unwrap_or(&self.kind)
    }

    pub fn unknown_tenant() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown-tenant", "Unknown tenant", "There is no tenant of that name here.")
    }

    pub fn unknown_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown-path",
            "Unknown path",
            "Nothing is served at this path; see /openapi.json.",
        )
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", format!("There is no such {what}."))
    }

    pub fn method(allow: &'static str) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Method not allowed",
            format!("This path takes {allow}."),
        );
        problem.allow = Some(allow);
        problem
    }

    pub fn invalid(errors: BTreeMap<String, Vec<String>>) -> Self {
        let count = errors.values().map(Vec::len).sum::<usize>();
        let detail = if count == 1 {
            "One thing is wrong with it.".to_owned()
        } else {
            format!("{count} things are wrong with it.")
        };
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "invalid-request", "The request is not valid", detail);
        problem.errors = errors;
        problem
    }

    /// One field, one message.
    pub fn field(field: &str, message: &str) -> Self {
        Self::invalid(BTreeMap::from([(field.to_owned(), vec![message.to_owned()])]))
    }

    pub fn rejection(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::UnsupportedMediaType => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unsupported media type",
                "Send application/json, text/json or application/*+json in UTF-8.",
            ),
            Rejection::TooLarge => Self::too_large(),
            Rejection::Invalid(violations) => Self::invalid(errors(violations)),
        }
    }

    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", "The body is larger than this path takes.")
    }

    pub fn unauthorised() -> Self {
        let mut problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "No valid key",
            "Send a valid API key of this tenant in X-API-KEY (passerelle key create makes one).",
        );
        problem.challenge = Some("ApiKey");
        problem
    }

    /// Neither a key, nor proofs of what is asked for.
    pub fn not_proven(errors: BTreeMap<String, Vec<String>>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "identifier-not-proven",
            "An identifier is not proven",
            "Without an API key, every identifier needs its proof: <name>.hmac, made by the organiser's back end.",
        );
        problem.errors = errors;
        problem.challenge = Some("Signature");
        problem
    }

    /// Which one it is cannot be guessed.
    pub fn ambiguous() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "ambiguous-identifier",
            "Several passes have this identifier",
            "A pass is found by what one pass alone has; say passType as well, or list the passes and choose.",
        )
    }

    /// For a host's own route that is opened by a token.
    pub fn no_token() -> Self {
        let mut problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "No valid token",
            "Send this host's token as Authorization: Bearer.",
        );
        problem.challenge = Some("Bearer");
        problem
    }

    /// This host cannot do it by its nature; a server can, with the same configuration and at the same path.
    pub fn server_only(why: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "server-only", "Only a server does this", why)
    }

    pub fn forbidden(scope: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The key may not do this",
            format!("The key lacks the scope {scope}."),
        )
    }

    /// Apple's device protocol wants a 401, and looks at nothing else of it.
    pub fn apple_unauthorised() -> Self {
        let mut problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "Unauthorised",
            "The authentication token is not this pass's.",
        );
        problem.challenge = Some("ApplePass");
        problem
    }

    /// What the caller has seen in a dry run is not so any more.
    pub fn audience_changed(count: usize) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "audience-changed",
            "Not the passes or the text that were previewed",
            format!("The message would go to {count} passes now. Nothing was sent; look again with a dry run."),
        )
    }

    /// An endpoint is not in the state that this needs.
    pub fn webhook(slug: &str, detail: &str) -> Self {
        Self::new(StatusCode::CONFLICT, slug, "Not as the webhook is now", format!("It is not done: {detail}."))
    }

    pub fn ticket_ends_in_secutix() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "ends-in-secutix",
            "A ticket ends in SecuTix",
            "Cancel the ticket in SecuTix, and its pass ends with it. Only a member card is ended here.",
        )
    }

    /// Of a message that proves itself: forged, stale or meant for somebody else. Which of them is in the log alone.
    pub fn callback_refused() -> Self {
        let mut problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "callback-refused",
            "Not a callback for this issuer",
            "The signature, its time or its recipient is not right. Nothing was changed.",
        );
        problem.challenge = Some("Signature");
        problem
    }

    pub fn void_pass(successor: Option<String>) -> Self {
        let detail = match successor {
            Some(link) => format!("This pass is no longer valid. Its successor: {link}"),
            None => "This pass is no longer valid, so it cannot be added to a wallet.".to_owned(),
        };
        Self::new(StatusCode::GONE, "void-pass", "The pass is no longer valid", detail)
    }

    /// The retention time of what the pass showed is over.
    pub fn erased() -> Self {
        Self::new(
            StatusCode::GONE,
            "erased",
            "The ticket's data are erased",
            "What this ticket showed is erased after the event, and SecuTix no longer tells it.",
        )
    }

    pub fn not_configured(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            NOT_CONFIGURED,
            "Not configured",
            format!("This tenant or this template has no {what}."),
        )
    }

    pub(crate) fn is_not_configured(&self) -> bool {
        self.slug() == NOT_CONFIGURED
    }

    pub fn secutix_refuses_us() -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "secutix-credentials",
            "SecuTix refuses our credentials",
            "Your request is fine: SecuTix does not accept this server's credentials. Its operator has been told.",
        )
    }

    pub fn upstream(who: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_GATEWAY,
            "upstream",
            "An upstream service failed",
            format!("{who} gave no usable answer. Try again."),
        );
        problem.retry_after = Some(5);
        problem
    }

    pub fn upstream_busy(who: &str, seconds: u32) -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream-busy",
            "An upstream service is at its limit",
            format!("{who} takes no more requests for a moment. Try again."),
        );
        problem.retry_after = Some(seconds);
        problem
    }

    /// Somebody else is at it, and it takes longer than a caller is kept waiting.
    pub fn under_way() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "under-way",
            "Being made",
            "The pass is being made or changed right now. Try again.",
        );
        problem.retry_after = Some(2);
        problem
    }

    /// The void limit has stopped the file: nothing of it is written before a person has decided.
    pub fn waits_for_person() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "waits-for-person",
            "A person has to decide first",
            "So many tickets have ended at once that this server's operator has to agree before passes of this file are made.",
        )
    }

    pub fn body_late() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body-late", "Too late", "The body did not arrive in time.")
    }

    pub fn body_broken() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "body-broken",
            "The body broke off",
            "The body ended before its end or is not framed as HTTP frames it.",
        )
    }

    /// Nothing was accepted; the caller should try again.
    pub fn unavailable() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Temporarily unavailable",
            "Nothing was accepted. Try again.",
        );
        problem.retry_after = Some(2);
        problem
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Unexpected error",
            "Something is wrong on our side; the correlation id leads to it in the log.",
        )
    }

    /// The response: problem+json unless `Accept` asks for plain JSON or text.
    pub fn response(mut self, accept: Option<&str>, path: &str, correlation: &str) -> Response<Bytes> {
        self.correlation_id = correlation.to_owned();
        self.instance = Some(path.to_owned());
        let wants = |media: &str| caller::accepts(accept, media);
        let json = || serde_json::to_vec(&self).map(Bytes::from).unwrap_or_default();
        let (content_type, body) = if wants("application/problem+json") {
            ("application/problem+json", json())
        } else if wants("application/json") {
            ("application/json", json())
        } else if wants("text/json") {
            ("text/json", json())
        } else if wants("text/plain") {
            ("text/plain; charset=utf-8", Bytes::from(self.text()))
        } else {
            ("application/problem+json", json())
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        insert_static(headers, header::ALLOW, self.allow);
        insert_static(headers, header::WWW_AUTHENTICATE, self.challenge);
        response
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}\n{}\n", self.status, self.title, self.detail);
        for (field, messages) in &self.errors {
            for message in messages {
                text.push_str(&format!("{field}: {message}\n"));
            }
        }
        text.push_str(&format!("correlation id: {}\n", self.correlation_id));
        text
    }
}

fn insert_static(headers: &mut HeaderMap, name: header::HeaderName, value: Option<&'static str>) {
    if let Some(value) = value {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The source's form: field names without the pointer's slash, several messages each.
fn errors(violations: &[Violation]) -> BTreeMap<String, Vec<String>> {
    let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for violation in violations {
        let field = violation.field.strip_prefix('/').unwrap_or(&violation.field);
        errors.entry(field.to_owned()).or_default().push(violation.expected.clone());
    }
    errors
}
