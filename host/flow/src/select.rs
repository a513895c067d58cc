//! Which template a pass gets: first match wins (The Wallet Crew's order, domain.md 1.5; the tenant's hook joins it in front).
//!
//! A pure function of the tenant's selection and the connector's selectors. What `tenant.toml` names was checked when the tenant was loaded; what
//! SecuTix names can be anything.

use std::collections::BTreeMap;

use crate::store::PassSubject;
use crate::tenant::{CARD, TICKET, Tenant};

/// The template that was chosen, and what was passed over on the way to it.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// None: the tenant has none for such a pass.
    pub template: Option<&'a str>,
    /// The comfort variable names a template that cannot be used. A typing error in SecuTix costs the special template and not the ticket, but a
    /// person should hear of it.
    pub stray: Option<Stray>,
}

/// Why the template that the comfort variable names is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stray {
    Unknown,
    OtherKind,
}

impl Stray {
    /// As findings and logs show it. The name itself is free text of another system and stays there.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "comfort-variable-names-no-template",
            Self::OtherKind => "comfort-variable-names-a-card",
        }
    }
}

/// `selectors`: a ticket part's, as the connector wrote them. What is no JSON object of texts selects nothing.
pub fn select<'a>(tenant: &'a Tenant, subject: &PassSubject, selectors: &str) -> Choice<'a> {
    let find = |name: &str, kind: &str| match tenant.templates.get_key_value(name) {
        None => Err(Stray::Unknown),
        Some((_, template)) if template.kind != kind => Err(Stray::OtherKind),
        Some((name, _)) => Ok(name.as_str()),
    };
    if matches!(subject, PassSubject::Contact(_)) {
        let template = tenant.selection.default_card.as_deref().and_then(|name| find(name, CARD).ok());
        return Choice { template, stray: None };
    }
    let selectors: BTreeMap<String, String> = serde_json::from_str(selectors).unwrap_or_default();
    let selector = |key: &str| selectors.get(key).map(String::as_str);
    let comfort = format!("comfort.{}", tenant.selection.comfort_variable);
    let stray = match selector(&comfort).map(|name| find(name, TICKET)) {
        Some(Ok(template)) => return Choice { template: Some(template), stray: None },
        Some(Err(stray)) => Some(stray),
        None => None,
    };
    let by_family =
        selector("familySubtype").and_then(|family| tenant.selection.family_subtypes.get(family)).map(String::as_str);
    let template = by_family.into_iter().chain([tenant.selection.default_ticket.as_str()]);
    Choice { template: template.filter_map(|name| find(name, TICKET).ok()).next(), stray }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use super::*;
    use crate::scripted::tenant;
    use crate::tenant::{Selection, Template};

    fn opera() -> Tenant {
        let template = |name: &str, kind| {
            let template = Template {
                name: name.into(),
                kind,
                compiled: Default::default(),
                digest: String::new(),
                images: BTreeMap::new(),
                apple_images: OnceLock::new(),
                locales: vec![],
            };
            (name.to_owned(), Arc::new(template))
        };
        let templates = [("plain", TICKET), ("gala", TICKET), ("season", TICKET), ("member", CARD)];
        Tenant {
            templates: templates.map(|(name, kind)| template(name, kind)).into(),
            selection: Selection {
                comfort_variable: "WALLET".into(),
                family_subtypes: [("SUBSCRIPTION".to_owned(), "season".to_owned())].into(),
                default_ticket: "plain".into(),
                default_card: Some("member".into()),
            },
            ..tenant()
        }
    }

    #[test]
    fn the_first_that_names_a_template_of_the_right_kind_wins_and_what_is_passed_over_is_said() {
        let tenant = opera();
        let ticket = PassSubject::Movement("1".into());
        type Case = (&'static [(&'static str, &'static str)], &'static str, Option<Stray>);
        let cases: [Case; 7] = [
            (&[], "plain", None),
            (&[("familySubtype", "SUBSCRIPTION")], "season", None),
            (&[("familySubtype", "OPERA")], "plain", None),
            (&[("comfort.WALLET", "gala"), ("familySubtype", "SUBSCRIPTION")], "gala", None),
            (&[("comfort.OTHER", "gala")], "plain", None),
            (&[("comfort.WALLET", "galla"), ("familySubtype", "SUBSCRIPTION")], "season", Some(Stray::Unknown)),
            (&[("comfort.WALLET", "member")], "plain", Some(Stray::OtherKind)),
        ];
        for (selectors, template, stray) in cases {
            let object: BTreeMap<_, _> = selectors.iter().copied().collect();
            let choice = select(&tenant, &ticket, &serde_json::to_string(&object).unwrap());
            assert_eq!(choice, Choice { template: Some(template), stray }, "{selectors:?}");
        }
    }

    #[test]
    fn a_card_gets_the_template_of_cards_whatever_an_event_says() {
        let card = PassSubject::Contact("4711".into());
        let named = r#"{"comfort.WALLET":"gala"}"#;
        assert_eq!(select(&opera(), &card, named), Choice { template: Some("member"), stray: None });
        let selection = Selection { default_card: None, ..opera().selection };
        assert_eq!(select(&Tenant { selection, ..opera() }, &card, "{}").template, None);
    }
}
