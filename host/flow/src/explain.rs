//! A classification without a server: two answers of SecuTix, what happened between them, and why.
//!
//! Owns the way from files on a disk to a verdict that a person reads. Uses the same connector as a run, touches no store and no network.
//! What the "known passes" would be is what the earlier answer itself offers: every living ticket of it has a pass, or the member a card.

use passerelle_contract::scenario::{Action, Answer, Fault, Hint, KnownPass, Observation, Verdict};
use passerelle_contract::types::{EventPart, PassState};
use passerelle_contract::webhook::Notification;

use crate::ports::{Connector, SandboxFailure};

#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error("the {which} cannot be judged: {reason}")]
    Judged { which: &'static str, reason: String },
    #[error("the change is no valid notification: {0}")]
    Notification(String),
    #[error(transparent)]
    Sandbox(#[from] SandboxFailure),
}

/// What happened between `before` and `after`, seen from a phone that holds every ticket of `before`. `change` is the notification, if there is one.
pub async fn explain<C: Connector>(
    connector: &C,
    before: Option<&[u8]>,
    after: &[u8],
    change: Option<&[u8]>,
) -> Result<Verdict, ExplainError> {
    let (passes, events) = match before {
        Some(before) => held(classify(connector, "earlier file", before, vec![], vec![], vec![]).await?),
        None => (vec![], vec![]),
    };
    let hints = match change {
        None => vec![],
        Some(body) => vec![hint(connector, body).await?],
    };
    classify(connector, "later file", after, hints, passes, events).await
}

async fn hint<C: Connector>(connector: &C, body: &[u8]) -> Result<Hint, ExplainError> {
    let notification = Notification { content_type: Some("application/json".to_owned()), body: body.to_vec() };
    let change = connector.validate(notification).await?.map_err(|rejection| {
        use passerelle_contract::webhook::Rejection;
        ExplainError::Notification(match rejection {
            Rejection::UnsupportedMediaType => "not JSON".to_owned(),
            Rejection::TooLarge => "too large".to_owned(),
            Rejection::Invalid(violations) => violations
                .iter()
                .map(|violation| format!("{} {}", violation.field, violation.expected))
                .collect::<Vec<_>>()
                .join("; "),
        })
    })?;
    Ok(Hint { state: change.state, sale_movement: change.sale_movement, ticket: change.ticket })
}

async fn classify<C: Connector>(
    connector: &C,
    which: &'static str,
    file: &[u8],
    hints: Vec<Hint>,
    passes: Vec<KnownPass>,
    events: Vec<EventPart>,
) -> Result<Verdict, ExplainError> {
    let observation = Observation { hints, answer: answer(file), passes, events };
    connector.classify(observation).await?.map_err(|fault| ExplainError::Judged {
        which,
        reason: match fault {
            Fault::NotReady => "SecuTix was not ready when it was saved (in_progress)".to_owned(),
            Fault::Refused(code) => format!("SecuTix answered {code}"),
            Fault::Unreadable(pointer) if pointer.is_empty() => "this is not JSON, or not an object".to_owned(),
            Fault::Unreadable(pointer) => format!("nothing readable at {pointer:?}"),
        },
    })
}

/// Which call a saved answer came from: that is not written on it, but only one of the two is about a contact.
fn answer(saved: &[u8]) -> Answer {
    #[derive(serde::Deserialize)]
    struct Saved {
        #[serde(rename = "contactData")]
        contact: Option<serde::de::IgnoredAny>,
        #[serde(rename = "fileDetailsData")]
        file: Option<serde::de::IgnoredAny>,
    }
    match serde_json::from_slice(saved) {
        Ok(Saved { contact: Some(_), file: None }) => Answer::Contact(saved.to_vec()),
        // What is neither is judged as a file, and the connector says what is wrong with it.
        _ => Answer::File(saved.to_vec()),
    }
}

/// The passes that exist when everything that a verdict offers is on a phone.
pub fn held(verdict: Verdict) -> (Vec<KnownPass>, Vec<EventPart>) {
    let Verdict { file, operations, events, .. } = verdict;
    let passes = operations
        .into_iter()
        .enumerate()
        .filter_map(|(number, operation)| {
            let part = match operation.action {
                Action::Offer(part) | Action::Update(part) | Action::Revive(part) => part,
                Action::End(_) | Action::Keep => return None,
            };
            let shown = part.events.iter().map(|key| (key.clone(), true)).collect();
            Some(KnownPass {
                pass: format!("pass-{}", number + 1),
                subject: operation.subject,
                state: PassState::Live,
                order: operation.order,
                file: file.clone(),
                ticket: operation.ticket,
                snapshot: Some(part),
                shown,
            })
        })
        .collect();
    (passes, events)
}
