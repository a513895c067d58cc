//! Lists of pairs, which the contract has where names may be added later, read by name.
//!
//! Owns the one way of looking a name up: the first of that name, in this spelling.

use crate::{Candidate, Installed, Pass, Uninstalled};

pub(crate) fn value<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

pub(crate) fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

impl Pass {
    /// An identifier: `secutix.movementId`, `secutix.contactNumber`, or one that the tenant has given the pass.
    ///
    /// ```
    /// let pass = passerelle_plugin::testing::pass([("secutix.movementId", "4711")]);
    /// assert_eq!(pass.identifier("secutix.movementId"), Some("4711"));
    /// assert_eq!(pass.identifier("crm.customerId"), None);
    /// ```
    pub fn identifier(&self, name: &str) -> Option<&str> {
        value(&self.identifiers, name)
    }

    /// A value of the pass's metadata.
    ///
    /// ```
    /// let mut pass = passerelle_plugin::testing::pass([]);
    /// pass.metadata.push(("campaign".into(), "spring".into()));
    /// assert_eq!(pass.metadata("campaign"), Some("spring"));
    /// ```
    pub fn metadata(&self, name: &str) -> Option<&str> {
        value(&self.metadata, name)
    }
}

impl Candidate {
    /// What SecuTix says of the ticket under this name: `product`, `tariff`, `comfort.WALLET` …
    ///
    /// ```
    /// # use passerelle_plugin::Candidate;
    /// let selectors = vec![("product".into(), "GALA".into())];
    /// let candidate = Candidate { kind: "eventTicket".into(), selectors, templates: vec![], default: String::new() };
    /// assert_eq!(candidate.selector("product"), Some("GALA"));
    /// ```
    pub fn selector(&self, name: &str) -> Option<&str> {
        value(&self.selectors, name)
    }

    /// Whether there is a template of this name to choose.
    ///
    /// ```
    /// # use passerelle_plugin::Candidate;
    /// let templates = vec!["concert".into(), "vip".into()];
    /// let candidate = Candidate { kind: "eventTicket".into(), selectors: vec![], templates, default: "concert".into() };
    /// assert!(candidate.offers("vip"));
    /// assert!(!candidate.offers("VIP"));
    /// ```
    pub fn offers(&self, template: &str) -> bool {
        self.templates.iter().any(|offered| offered == template)
    }
}

impl Installed {
    /// What else the event says under this name: `appleWalletInstalledAt` …
    ///
    /// ```
    /// # use passerelle_plugin::{Installed, Wallet, testing};
    /// let event = Installed {
    ///     pass: testing::pass([]),
    ///     wallet: Wallet::Apple,
    ///     active_registrations: 1,
    ///     wallet_status: "apple".into(),
    ///     fields: vec![("walletLastEvent".into(), "installed".into())],
    /// };
    /// assert_eq!(event.field("walletLastEvent"), Some("installed"));
    /// ```
    pub fn field(&self, name: &str) -> Option<&str> {
        value(&self.fields, name)
    }
}

impl Uninstalled {
    /// As [`Installed::field`].
    ///
    /// ```
    /// # use passerelle_plugin::{Uninstalled, Wallet, testing};
    /// let event = Uninstalled {
    ///     pass: testing::pass([]),
    ///     wallet: Wallet::Apple,
    ///     active_registrations: 0,
    ///     wallet_status: "none".into(),
    ///     fields: vec![],
    /// };
    /// assert_eq!(event.field("walletLastEvent"), None);
    /// ```
    pub fn field(&self, name: &str) -> Option<&str> {
        value(&self.fields, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts_and_its_spelling_too() {
        let pairs = owned([("a", "1"), ("a", "2"), ("B", "3")]);
        assert_eq!(value(&pairs, "a"), Some("1"));
        assert_eq!(value(&pairs, "b"), None);
        assert_eq!(value(&[], "a"), None);
    }
}
