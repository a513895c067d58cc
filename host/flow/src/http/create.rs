//! Passes made and found by what they are known by.
//!
//! Owns `POST /api/{tenantId}/passes` and `GET …/passes/findPass`, which The Wallet Crew's SDK calls from a browser: by an API key, or by a proof of the
//! identifier, which the organiser's back end has signed. A proof opens the pass of that identifier, and sets nothing that is not proven.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value};

use super::demand::{Demand, demand};
use super::given::{self, CONTACT, Errors, Given, MOVEMENT};
use super::item::links;
use super::{Answer, Call, Problem, caller, empty, json, method, text};
use crate::access::Scope;
use crate::attribute::{self, AttributeValue, email_mac};
use crate::flow::Flow;
use crate::identity::{PassId, contact_number, secutix_id};
use crate::ports::Host;
use crate::proof::SUFFIX;
use crate::store::{
    AttributeKind, Condition, Count, ListedPass, Order, PassLists as _, PassQuery, PassState, PassSubject, Start,
    Store, TaskSubject, TextTest,
};
use crate::tenant::Tenant;

/// Beside a movement that is not known here yet: the file to look it up in.
const FILE: &str = "secutix.fileId";

/// `POST /api/{tenantId}/passes?passType=T`: finds or makes the pass of an identifier; answers its id, as The Wallet Crew's SDK expects.
pub async fn create<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    let by_key = call.header("x-api-key").is_some();
    if by_key {
        caller::authorise(flow, tenant, call, Scope::PassWrite).await?;
    }
    let body = Body::read(&call.body);
    // Whoever shows neither a key nor a proof is told that, and nothing of the body.
    let mut body = match body {
        Ok(body) if by_key || !body.proofs.is_empty() => body,
        Err(problem) if by_key => return Err(problem),
        _ => return Err(Problem::unauthorised()),
    };
    if !by_key {
        body.prove(tenant)?;
    }
    let subject = subject_of("identifiers", body.take(MOVEMENT).as_deref(), body.take(CONTACT).as_deref())?;
    let file = body.take(FILE);
    let given = body.given()?;
    let pass_type = call.query("passType");
    if pass_type.is_some_and(|wanted| !tenant.templates.contains_key(wanted)) {
        return Err(Problem::field("passType", "there is no template of that name"));
    }
    let known = flow.host.store().pass_by_subject(&tenant.id, &subject).await.map_err(caller::unavailable)?;
    let view = match known {
        Some(view) => view,
        None => {
            let task = match (&subject, file) {
                (PassSubject::Contact(number), _) => TaskSubject::Contact(number.clone()),
                (PassSubject::Movement(_), Some(file)) => {
                    let message = format!("{FILE}: a SecuTix file id (int64) is expected");
                    TaskSubject::File(secutix_id(&file).ok_or_else(|| Problem::field("identifiers", &message))?)
                }
                (PassSubject::Movement(_), None) => {
                    return Err(Problem::field(
                        "identifiers",
                        "no pass for this movement yet; add secutix.fileId and it is looked up in SecuTix",
                    ));
                }
            };
            let wanted = [subject];
            let ended = demand(flow, tenant, call, Demand { subject: task, wanted: &wanted, fetched: None }).await?;
            let [subject] = wanted;
            let made = flow.host.store().pass_by_subject(&tenant.id, &subject).await.map_err(caller::unavailable)?;
            match made {
                Some(view) => view,
                None => return Err(ended.no_pass()),
            }
        }
    };
    // A template follows the tenant's rules and not the caller's wish; a caller who counts on another one is told.
    if pass_type.is_some_and(|wanted| wanted != view.pass.template) {
        let message =
            format!("this pass is of the type {}, which the tenant's selection rules say", view.pass.template);
        return Err(Problem::field("passType", &message));
    }
    given.keep(flow, tenant, &view.pass.id).await?;
    answer(tenant, call, &view.pass.id)
}

/// What the body of a creation says.
struct Body {
    /// By name.
    identifiers: BTreeMap<String, String>,
    /// By the name that they prove.
    proofs: BTreeMap<String, String>,
    metadata: Map<String, Value>,
}

impl Body {
    fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let form = || Problem::field("identifiers", "{\"identifiers\": {\"secutix.movementId\": \"…\"}} is expected");
        let mut members: Map<String, Value> = serde_json::from_slice(bytes).map_err(|_| form())?;
        let Some(Value::Object(named)) = members.remove("identifiers") else { return Err(form()) };
        let metadata = match members.remove("metadata") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(metadata)) => metadata,
            Some(_) => return Err(Problem::field("metadata", "an object of texts is expected")),
        };
        let mut errors = Errors::new();
        let (mut identifiers, mut proofs) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in &named {
            // A contact's number may begin with zeros, which a number has lost.
            let ours = [MOVEMENT, CONTACT, FILE].contains(&name.as_str());
            let text =
                if ours && !value.is_string() { Err("a text is expected".to_owned()) } else { given::text(value) };
            match text {
                // Forms are sent with their empty fields.
                Ok(text) if text.is_empty() => {}
                Ok(text) => match name.strip_suffix(SUFFIX) {
                    Some(proven) => drop(proofs.insert(proven.to_owned(), text)),
                    None => drop(identifiers.insert(name.clone(), text)),
                },
                Err(message) => errors.entry(format!("identifiers.{name}")).or_default().push(message),
            }
        }
        if errors.is_empty() { Ok(Self { identifiers, proofs, metadata }) } else { Err(Problem::invalid(errors)) }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.identifiers.remove(name)
    }

    /// Every identifier is proven, and there is nothing that no proof stands for. The file is a hint where to look: the pass that is found there is that
    /// of a movement which is proven.
    fn prove(&self, tenant: &Tenant) -> Result<(), Problem> {
        let mut errors = Errors::new();
        for (name, value) in self.identifiers.iter().filter(|(name, _)| *name != FILE) {
            if let Err(message) = proven(tenant, name, value, self.proofs.get(name)) {
                errors.entry(format!("identifiers.{name}")).or_default().push(message.to_owned());
            }
        }
        if !self.metadata.is_empty() {
            errors.entry("metadata".to_owned()).or_default().push("is set with a key only".to_owned());
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::not_proven(errors)) }
    }

    /// What is left beside the subject.
    fn given(self) -> Result<Given, Problem> {
        let (mut given, mut errors) = (Given::default(), Errors::new());
        let identifiers = self.identifiers.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        given.read(AttributeKind::Identifier, &identifiers, &mut errors, false);
        given.read(AttributeKind::Metadata, &self.metadata, &mut errors, false);
        if errors.is_empty() { Ok(given) } else { Err(Problem::invalid(errors)) }
    }
}

fn proven(tenant: &Tenant, name: &str, value: &str, proof: Option<&String>) -> Result<(), &'static str> {
    let Some(prover) = &tenant.prover else { return Err("this tenant takes no proofs") };
    match proof {
        _ if !prover.names.contains(name) => Err("this identifier is not among those that the organiser signs"),
        None => Err("its proof is missing"),
        Some(proof) if prover.proves(name, value, proof) => Ok(()),
        Some(_) => Err("its proof is not the organiser's signature of this value"),
    }
}

/// Exactly one identifier; a movement's in the one form that it is known by, a contact's in a form that holds nothing else.
fn subject_of(field: &str, movement: Option<&str>, contact: Option<&str>) -> Result<PassSubject, Problem> {
    match (movement, contact) {
        (Some(movement), None) => {
            let message = format!("{MOVEMENT}: a SecuTix movement id (int64) is expected");
            secutix_id(movement).map(PassSubject::Movement).ok_or_else(|| Problem::field(field, &message))
        }
        (None, Some(contact)) => {
            let message = format!("{CONTACT}: 1 to 20 letters, digits, - and _ are expected");
            let number = contact_number(contact).map(str::to_owned);
            number.map(PassSubject::Contact).ok_or_else(|| Problem::field(field, &message))
        }
        _ => Err(Problem::field(field, &format!("exactly one of {MOVEMENT} and {CONTACT} is expected"))),
    }
}

/// `GET /api/{tenantId}/passes/findPass?passType=T&<name>=<value>`: 200 with the id, 204 when there is none.
pub async fn find<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    method(call, "GET")?;
    // Where a click came from is told in parameters as well (domain.md 1.8).
    let source = |name: &str| name.starts_with("neo.") || name.starts_with("utm_");
    let sought: Vec<_> =
        call.query.iter().filter(|(name, _)| name != "passType" && !name.ends_with(SUFFIX) && !source(name)).collect();
    let by_key = call.header("x-api-key").is_some();
    if by_key {
        caller::authorise(flow, tenant, call, Scope::PassRead).await?;
    } else if !call.query.iter().any(|(name, _)| name.ends_with(SUFFIX)) {
        return Err(Problem::unauthorised());
    }
    let [(name, value)] = sought.as_slice() else {
        let message = format!("exactly one identifier is expected: {MOVEMENT}, {CONTACT} or one of your own");
        return Err(Problem::field("query", &message));
    };
    if !by_key {
        let proof = call.query(&format!("{name}{SUFFIX}")).map(str::to_owned);
        proven(tenant, name, value, proof.as_ref())
            .map_err(|message| Problem::not_proven(Errors::from([(name.clone(), vec![message.to_owned()])])))?;
    }
    let subject = match name.as_str() {
        MOVEMENT => Some(subject_of("query", Some(value), None)?),
        CONTACT => Some(subject_of("query", None, Some(value))?),
        _ => None,
    };
    let of_type = call.query("passType");
    let found = match subject {
        // One pass at most is of it, live or void.
        Some(subject) => {
            let view = flow.host.store().pass_by_subject(&tenant.id, &subject).await.map_err(caller::unavailable)?;
            let fits = view.filter(|view| of_type.is_none_or(|wanted| wanted == view.pass.template));
            fits.map(|view| view.pass.id)
        }
        None => {
            let of_type = of_type.map(|name| Condition::Template(TextTest::In(vec![name.to_owned()])));
            let conditions: Vec<_> = [carries(tenant, name, value)?].into_iter().chain(of_type).collect();
            one(flow, tenant, &conditions).await?.map(|pass| pass.id)
        }
    };
    match found {
        Some(id) => answer(tenant, call, &id),
        None => Ok(empty(StatusCode::NO_CONTENT)),
    }
}

/// The pass carries this identifier of the caller's own.
fn carries(tenant: &Tenant, name: &str, value: &str) -> Result<Condition, Problem> {
    let wrong = |error: attribute::AttributeError| Problem::field("query", &format!("{name}: {error}"));
    let kind = AttributeKind::Identifier;
    let (values, macs) = match attribute::value(kind, value).map_err(wrong)? {
        AttributeValue::Clear(value) => (vec![value], vec![]),
        AttributeValue::Personal(email) => (vec![], vec![email_mac(&tenant.keys, &email)]),
    };
    let name = attribute::name(name).map_err(wrong)?.to_owned();
    Ok(Condition::Attribute { kind, name, test: TextTest::In(values), macs })
}

/// The one pass that meets the conditions: the live one, or the void one where none lives. More of a kind than one are nobody's choice to make.
async fn one<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    conditions: &[Condition],
) -> Result<Option<ListedPass>, Problem> {
    for state in [PassState::Live, PassState::Void] {
        let query = PassQuery {
            tenant: tenant.id.clone(),
            conditions: conditions.iter().cloned().chain([Condition::State(vec![state])]).collect(),
            order: Order::Created,
            descending: false,
            start: Start::Offset(0),
            limit: 1,
            count: Count::Never,
        };
        let page = flow.host.store().list_passes(query).await.map_err(caller::unavailable)?;
        if page.more {
            return Err(Problem::ambiguous());
        }
        if let Some((_, pass)) = page.passes.into_iter().next() {
            return Ok(Some(pass));
        }
    }
    Ok(None)
}

/// Text, as the SDK reads it; for those who ask for JSON the holder's links as well, which a shop goes on with.
fn answer(tenant: &Tenant, call: &Call, id: &PassId) -> Answer {
    if call.accepts("application/json") {
        return json(&serde_json::json!({ "id": id.as_str(), "links": links(tenant, id) }));
    }
    Ok(text(StatusCode::OK, id.as_str()))
}
