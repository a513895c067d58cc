//! `PATCH /api/{tenantId}/passes/{id}`: identifiers and metadata that a pass has beside what SecuTix knows it by.
//!
//! Owns what such a body is. What is on the pass, its ticket and its holder, is SecuTix's, and nobody changes it here.

use serde_json::{Map, Value};

use super::given::{Errors, Given};
use super::{Answer, Call, Problem, caller, passes};
use crate::access::Scope;
use crate::flow::Flow;
use crate::identity::PassId;
use crate::ports::Host;
use crate::store::AttributeKind;
use crate::tenant::Tenant;

pub async fn patch<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, id: &str) -> Answer {
    caller::authorise(flow, tenant, call, Scope::PassWrite).await?;
    let id = PassId::parse(id).map_err(|_| Problem::not_found("pass"))?;
    let given = read(&call.body).map_err(Problem::invalid)?;
    given.keep(flow, tenant, &id).await?;
    passes::describe(flow, tenant, &id).await
}

fn read(body: &[u8]) -> Result<Given, Errors> {
    const FORM: &str = "{\"identifiers\": {\"crm.id\": \"4711\"}, \"metadata\": {\"tier\": null}} is expected";
    let of_body = |message: &str| Errors::from([("body".to_owned(), vec![message.to_owned()])]);
    let members: Map<String, Value> = serde_json::from_slice(body).map_err(|_| of_body(FORM))?;
    let (mut given, mut errors) = (Given::default(), Errors::new());
    for (name, value) in &members {
        let kind = match name.as_str() {
            "identifiers" => AttributeKind::Identifier,
            "metadata" => AttributeKind::Metadata,
            _ => {
                errors.entry(name.clone()).or_default().push("cannot be changed here".to_owned());
                continue;
            }
        };
        match value {
            Value::Object(members) => given.read(kind, members, &mut errors, true),
            _ => errors.entry(name.clone()).or_default().push("an object of texts is expected".to_owned()),
        }
    }
    if errors.is_empty() && given.is_empty() {
        return Err(of_body(FORM));
    }
    if errors.is_empty() { Ok(given) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_attribute_is_refused_by_name_and_nothing_is_nothing_to_do() {
        for (body, wrong) in [
            (
                json!({"passType": "x", "identifiers": [], "metadata": {"a b": "x"}}),
                vec!["identifiers", "metadata.a b", "passType"],
            ),
            (json!({}), vec!["body"]),
            (json!({"identifiers": {}}), vec!["body"]),
            (json!([]), vec!["body"]),
        ] {
            let errors = read(body.to_string().as_bytes()).unwrap_err();
            assert_eq!(errors.keys().map(String::as_str).collect::<Vec<_>>(), wrong, "{body}");
        }
        let given = read(br#"{"identifiers": {"crm": null}, "metadata": {"tier": "gold"}}"#).unwrap();
        assert_eq!((given.set.len(), given.without.len()), (1, 1));
    }
}
