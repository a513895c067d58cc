//! The SecuTix calls that the flow makes: four of its web services, and a report that a ticket was retrieved.
//!
//! Owns addresses, bodies, the reading of HTTP statuses and, for the calls that write, of the envelope. Does not own the meaning of what
//! is read: HTTP 200 does not mean success, and the connector's `classify` judges that. Bounded by the budget, which is asked before
//! every call, by the tenant's timeout, and by a limit on each answer.
//!
//! No error carries a word of what was sent or answered, but for status codes.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{Method, StatusCode};
use passerelle_connector::scenario::Status;
use serde::Deserialize;
use serde_json::{Value, json};

use super::budget::Budget;
use super::jwt;
use crate::identity::Millis;
use crate::ports::{Clock, Host, Http, HttpFailure, HttpRequest, HttpResponse};
use crate::refusal::code_of;
use crate::retry_after::retry_after;
use crate::store::{PassSubject, Priority, Spent, Store, StoreError};
use crate::tenant::{Printing, PrintingWay, Secutix, Tenant};

/// Bytes of a file. A movement with its ticket and its share of the operation is about 1.2 KB of JSON, so this is a file of 10,000
/// movements and a third more; it is also what one run may cost a host in memory.
const FILE_LIMIT: usize = 16 << 20;
/// Bytes of a contact or of an envelope: a contact with all its qualities is a few KB.
const SMALL_LIMIT: usize = 256 << 10;
/// How long we stay silent when SecuTix says 509 or 429 and not until when: the window of its limit.
const PAUSE: Millis = 60_000;
/// How long a tenant does not ask after SecuTix refused its credentials: a person has to act, and until then every call would be refused.
const REFUSED_PAUSE: Millis = 60_000;
/// W3C trace context: who looks for a request in two systems finds it in both.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const JSON: &str = "application/json";
const CSV: &str = "text/csv";
/// Longest status code of an envelope that is passed on; those that are known have at most 20 letters.
const CODE: usize = 64;

#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SecutixError {
    /// Nothing was sent.
    #[error("the budget of SecuTix requests is spent for now")]
    BudgetSpent { until: Millis },
    /// HTTP 509 or 429; the budget is paused until then for everybody.
    #[error("SecuTix asks us to slow down")]
    Throttled { until: Millis },
    /// HTTP 401 or 403, now (`sent`) or a moment ago: institution, operator, partner, secret or the clock is wrong. An alarm for the operator,
    /// never the caller's fault. This tenant leaves the endpoint alone until then; others, whose credentials are their own, do not.
    #[error("SecuTix refuses our credentials")]
    CredentialsRefused { until: Millis, sent: bool },
    /// HTTP 404.
    #[error("SecuTix knows no such thing")]
    NotFound,
    /// An identifier that SecuTix cannot know, since it is no int64. Nothing was sent.
    #[error("SecuTix's identifiers are whole numbers")]
    NoIdentifier,
    /// Any other HTTP status that a repetition does not change.
    #[error("SecuTix refuses the request with HTTP {0}")]
    Refused(StatusCode),
    /// HTTP 5xx or 408.
    #[error("SecuTix is unavailable (HTTP {0})")]
    Unavailable(StatusCode),
    #[error("SecuTix gives no answer: {0}")]
    Unanswered(HttpFailure),
    /// `in_progress`: try again, nothing is wrong.
    #[error("SecuTix is not ready")]
    NotReady,
    /// HTTP 200, and an envelope that says no: its status code.
    #[error("SecuTix answers {0}")]
    Rejected(String),
    /// HTTP 200, and no envelope.
    #[error("SecuTix gives an answer that cannot be read")]
    Unreadable,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SecutixError {
    /// Whether a request has left: what a run counts as a call.
    pub fn was_sent(&self) -> bool {
        match self {
            Self::BudgetSpent { .. } | Self::NoIdentifier | Self::Store(_) => false,
            Self::CredentialsRefused { sent, .. } => *sent,
            Self::Unanswered(failure) => !matches!(failure, HttpFailure::Denied | HttpFailure::Invalid),
            _ => true,
        }
    }
}

/// One of the four, with what differs among them.
#[derive(Clone, Copy)]
enum Endpoint {
    FileByToken,
    File,
    Contact,
    UpdateReference,
    Reference,
    ExternalPrinting,
    ImportPrintingStatus,
}

impl Endpoint {
    fn method(self) -> &'static str {
        match self {
            Self::FileByToken => "getFileDetailsFromOrderSecretId",
            Self::File => "getFileDetails",
            Self::Contact => "getContactData",
            Self::UpdateReference => "updateExternalReferences",
            Self::Reference => "getExternalReference",
            Self::ExternalPrinting => "externalPrinting",
            Self::ImportPrintingStatus => "importPrintingStatus",
        }
    }

    fn url(self, secutix: &Secutix) -> String {
        let (module, service, version) = match self {
            Self::Contact => ("tnco", "contactInformationPublicService", &secutix.contact_version),
            Self::FileByToken | Self::File | Self::UpdateReference | Self::Reference => {
                ("tnseb", "externalOrderService", &secutix.order_version)
            }
            // No web service: whoever reports knows the address.
            Self::ExternalPrinting | Self::ImportPrintingStatus => return String::new(),
        };
        format!("{}/{module}/backend-apis/{service}/{version}/{}", secutix.url, self.method())
    }

    fn response_limit(self) -> usize {
        match self {
            Self::FileByToken | Self::File => FILE_LIMIT,
            Self::Contact
            | Self::UpdateReference
            | Self::Reference
            | Self::ExternalPrinting
            | Self::ImportPrintingStatus => SMALL_LIMIT,
        }
    }
}

/// What is posted, and where.
struct Outgoing {
    url: String,
    content_type: &'static str,
    body: String,
}

/// SecuTix, as one tenant sees it.
pub struct SecutixClient<'a, H: Host> {
    host: &'a H,
    tenant: &'a Tenant,
    traceparent: Option<&'a str>,
}

impl<'a, H: Host> SecutixClient<'a, H> {
    pub fn new(host: &'a H, tenant: &'a Tenant) -> Self {
        Self { host, tenant, traceparent: None }
    }

    /// The calls are made on behalf of this trace.
    pub fn traced(self, traceparent: Option<&'a str>) -> Self {
        Self { traceparent, ..self }
    }

    /// The file of an order, by the order's secret. The body of an HTTP 200, as it came.
    pub async fn get_file_by_token(&self, token: &str, priority: Priority) -> Result<Bytes, SecutixError> {
        self.call(Endpoint::FileByToken, priority, json!({ "orderSecretId": token })).await
    }

    /// A file by its id. The body of an HTTP 200, as it came.
    pub async fn get_file(&self, file: &str, priority: Priority) -> Result<Bytes, SecutixError> {
        self.call(Endpoint::File, priority, json!({ "fileId": int64(file)? })).await
    }

    /// A contact by its number, which is a text. The body of an HTTP 200, as it came.
    pub async fn get_contact(&self, number: &str, priority: Priority) -> Result<Bytes, SecutixError> {
        let body = json!({ "contactNumber": number, "details": ["GENERAL", "QUALITIES", "COM_MEANS"] });
        self.call(Endpoint::Contact, priority, body).await
    }

    /// Writes one external reference of a movement, in place of the one with that key.
    pub async fn update_movement_reference(
        &self,
        movement: &str,
        key: &str,
        value: &str,
        priority: Priority,
    ) -> Result<(), SecutixError> {
        self.update_reference("MOVEMENT", json!(int64(movement)?), key, value, priority).await
    }

    /// Writes one external reference of a contact, whose number is a text.
    pub async fn update_contact_reference(
        &self,
        number: &str,
        key: &str,
        value: &str,
        priority: Priority,
    ) -> Result<(), SecutixError> {
        self.update_reference("CONTACT", json!(number), key, value, priority).await
    }

    async fn update_reference(
        &self,
        kind: &str,
        id: Value,
        key: &str,
        value: &str,
        priority: Priority,
    ) -> Result<(), SecutixError> {
        let body = json!({
            "id": id,
            "externalReferenceKind": kind,
            "externalReference": { "key": key, "value": value },
        });
        judge_envelope(&self.call(Endpoint::UpdateReference, priority, body).await?)
    }

    /// The external references of a movement or a contact, as SecuTix has them now.
    pub async fn external_references(
        &self,
        subject: &PassSubject,
        priority: Priority,
    ) -> Result<BTreeMap<String, String>, SecutixError> {
        let (kind, id) = match subject {
            PassSubject::Movement(id) => ("MOVEMENT", json!(int64(id)?)),
            PassSubject::Contact(number) => ("CONTACT", json!(number)),
        };
        let body = json!({ "id": id, "externalReferenceKind": kind });
        let answer = self.call(Endpoint::Reference, priority, body).await?;
        judge_envelope(&answer)?;
        read_references(&answer)
    }

    /// Reports a ticket PRINTED. Both ways take it as often as it is said.
    pub async fn report_printed(
        &self,
        printing: &Printing,
        ticket: &str,
        priority: Priority,
    ) -> Result<(), SecutixError> {
        let ticket = int64(ticket)?;
        let (endpoint, outgoing) = match printing.way {
            PrintingWay::ExternalPrinting => {
                let body = json!({ "tickets": [{ "ticketId": ticket, "ticketState": "PRINTED" }] }).to_string();
                (Endpoint::ExternalPrinting, Outgoing { url: printing.url.clone(), content_type: JSON, body })
            }
            PrintingWay::ImportPrintingStatus => {
                let url = format!("{}?updateToPrintedState=true", printing.url);
                let body = format!("ticketId;printingStatus\r\n{ticket};PRINTED\r\n");
                (Endpoint::ImportPrintingStatus, Outgoing { url, content_type: CSV, body })
            }
        };
        judge_envelope(&self.send(endpoint, priority, outgoing).await?)
    }

    async fn call(&self, endpoint: Endpoint, priority: Priority, body: Value) -> Result<Bytes, SecutixError> {
        let url = endpoint.url(&self.tenant.secutix);
        self.send(endpoint, priority, Outgoing { url, content_type: JSON, body: body.to_string() }).await
    }

    async fn send(&self, endpoint: Endpoint, priority: Priority, outgoing: Outgoing) -> Result<Bytes, SecutixError> {
        let secutix = &self.tenant.secutix;
        let store = self.host.store();
        // Said for as long as it lasts, and before the budget, which is everybody's.
        let refusal = format!("secutix/{}/{}/refused/{}", secutix.institution, endpoint.method(), self.tenant.id);
        if let Some(until) = store.paused(&refusal, self.host.clock().now()).await? {
            return Err(SecutixError::CredentialsRefused { until, sent: false });
        }
        let budget = Budget::new(&secutix.institution, endpoint.method(), secutix.requests_per_minute);
        if let Spent::WaitUntil(until) = budget.spend(store, priority, self.host.clock().now()).await? {
            return Err(SecutixError::BudgetSpent { until });
        }
        // Read again: the token must be less than a second old when it arrives, and the store may have been slow.
        let token = jwt::bearer(secutix, self.host.clock().now());
        let mut headers = vec![
            (AUTHORIZATION, format!("Bearer {token}")),
            (CONTENT_TYPE, outgoing.content_type.to_owned()),
            (ACCEPT, "application/json".to_owned()),
        ];
        headers.extend(self.traceparent.map(|trace| (TRACEPARENT, trace.to_owned())));
        let request = HttpRequest {
            method: Method::POST,
            url: outgoing.url,
            headers,
            body: Bytes::from(outgoing.body),
            timeout: secutix.timeout,
            response_limit: endpoint.response_limit(),
            identity: None,
            on_behalf_of: None,
        };
        let response = self.host.http().send(request).await.map_err(SecutixError::Unanswered)?;
        let judged = judge_status(response, self.host.clock().now());
        match judged {
            Err(SecutixError::CredentialsRefused { until, .. }) => {
                tracing::error!(
                    tenant = %self.tenant.id, endpoint = endpoint.method(),
                    "SecuTix refuses our credentials: check institution, operator, partner, secret and the clock"
                );
                store.pause(&refusal, until).await?;
            }
            Err(SecutixError::Throttled { until }) => budget.pause(store, until).await?,
            _ => {}
        }
        judged
    }
}

/// SecuTix's identifiers are int64.
fn int64(id: &str) -> Result<i64, SecutixError> {
    id.parse().map_err(|_| SecutixError::NoIdentifier)
}

fn judge_status(response: HttpResponse, now: Millis) -> Result<Bytes, SecutixError> {
    match response.status.as_u16() {
        200 => Ok(response.body),
        401 | 403 => Err(SecutixError::CredentialsRefused { until: now.saturating_add(REFUSED_PAUSE), sent: true }),
        404 => Err(SecutixError::NotFound),
        // SecuTix documents 509 for too many requests; 429 is what a proxy before it would say.
        429 | 509 => {
            let until = retry_after(&response.headers, now).unwrap_or(now.saturating_add(PAUSE));
            Err(SecutixError::Throttled { until })
        }
        408 | 500..=599 => Err(SecutixError::Unavailable(response.status)),
        _ => Err(SecutixError::Refused(response.status)),
    }
}

/// An answer without the list is not an answer that there are none. A value of another kind is as good as absent: it is not ours.
fn read_references(body: &[u8]) -> Result<BTreeMap<String, String>, SecutixError> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| SecutixError::Unreadable)?;
    let list = answer.pointer("/externalReferences/externalReferences").and_then(Value::as_array);
    let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    let entries = list.ok_or(SecutixError::Unreadable)?.iter();
    Ok(entries.filter_map(|entry| Some((text(entry, "key")?, text(entry, "value")?))).collect())
}

fn judge_envelope(body: &[u8]) -> Result<(), SecutixError> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(rename = "statusCode")]
        status_code: String,
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| SecutixError::Unreadable)?;
    let code = envelope.status_code.as_str();
    match Status::of(code) {
        Status::Success => Ok(()),
        Status::Later => Err(SecutixError::NotReady),
        // A code or nothing: this text goes to logs, and what is no code may be about a person.
        Status::Refused => Err(SecutixError::Rejected(code_of(code, CODE).unwrap_or("without a code").to_owned())),
    }
}

#[cfg(test)]
mod tests;
