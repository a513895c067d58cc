//! Which template a pass gets: first match wins (The Wallet Crew's order, domain.md 1.5; the tenant's hook joins it in front).
//!
//! A pure function of the tenant's selection and the connector's selectors.

use crate::store::PassSubject;
use crate::tenant::Tenant;

/// The template's name, or none when the tenant has none for such a pass. A name that leads to no template is passed over, so that a typing
/// error in SecuTix costs the special template and not the ticket.
pub fn select<'a>(tenant: &'a Tenant, subject: &PassSubject, selectors: &[(String, String)]) -> Option<&'a str> {
    let known = |name: &str| tenant.templates.get_key_value(name).map(|(name, _)| name.as_str());
    if matches!(subject, PassSubject::Contact(_)) {
        return tenant.selection.default_card.as_deref().and_then(known);
    }
    let selector = |key: &str| selectors.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let comfort = format!("comfort.{}", tenant.selection.comfort_variable);
    let by_comfort = || selector(&comfort).and_then(known);
    let by_family = || {
        selector("familySubtype")
            .and_then(|family| tenant.selection.family_subtypes.get(family))
            .and_then(|name| known(name))
    };
    by_comfort().or_else(by_family).or_else(|| known(&tenant.selection.default_ticket))
}
