//! What every call has, and how a hook ends.
//!
//! Owns the short words for both. Does not own requests and responses, which have files of their own.

use crate::pairs::value;
use crate::{Call, Failure, Fault, Response, Turn, Wallet};

impl Call {
    /// A value of `[plugin.settings]` of the tenant's configuration.
    ///
    /// ```
    /// let call = passerelle_plugin::testing::call([("crm", "https://crm.example")]);
    /// assert_eq!(call.setting("crm"), Some("https://crm.example"));
    /// assert_eq!(call.setting("crn"), None);
    /// ```
    pub fn setting(&self, name: &str) -> Option<&str> {
        value(&self.settings, name)
    }

    /// A setting without which the hook cannot work. Where it is missing or empty, the event is rejected, and the operator reads why.
    ///
    /// ```
    /// use passerelle_plugin::{Fault, testing};
    ///
    /// let missing = Fault::Reject("the setting crm is missing".into());
    /// assert_eq!(testing::call([]).required("crm"), Err(missing));
    /// ```
    pub fn required(&self, name: &str) -> Result<&str, Fault> {
        self.setting(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Fault::Reject(format!("the setting {name} is missing")))
    }

    /// The items of a setting that is a list, separated by commas; spaces around an item do not count. None where there is no such setting.
    ///
    /// ```
    /// let call = passerelle_plugin::testing::call([("vip_products", "GALA, PREMIERE")]);
    /// assert!(call.list("vip_products").eq(["GALA", "PREMIERE"]));
    /// assert_eq!(call.list("products").next(), None);
    /// ```
    pub fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.setting(name).unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    /// The answer to the request of this name. None: it was not asked for yet.
    ///
    /// ```
    /// use passerelle_plugin::{Failure, testing};
    ///
    /// let call = testing::call([]);
    /// assert_eq!(call.answer("customer"), None);
    ///
    /// let call = testing::failed(call, "customer", Failure::TimedOut);
    /// assert_eq!(call.answer("customer"), Some(Err(Failure::TimedOut)));
    /// ```
    pub fn answer(&self, name: &str) -> Option<Result<&Response, Failure>> {
        let answer = self.answers.iter().find(|answer| answer.name == name)?;
        Some(answer.outcome.as_ref().map_err(|failure| *failure))
    }
}

impl Turn {
    /// There is nothing to deliver.
    ///
    /// ```
    /// use passerelle_plugin::Turn;
    ///
    /// assert_eq!(Turn::nothing(), Turn::Deliver(vec![]));
    /// ```
    pub fn nothing() -> Self {
        Self::Deliver(Vec::new())
    }
}

impl Wallet {
    /// Its name in the contract.
    ///
    /// ```
    /// use passerelle_plugin::Wallet;
    ///
    /// assert_eq!(Wallet::Apple.name(), "apple");
    /// assert_eq!(Wallet::Google.name(), "google");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Apple => "apple",
            Self::Google => "google",
        }
    }
}

impl Failure {
    /// Whether the same request may succeed later: the destination was not reached, did not answer in time, or its budget was spent. What was
    /// denied or too large stays so.
    ///
    /// ```
    /// use passerelle_plugin::Failure;
    ///
    /// assert!(Failure::TimedOut.may_pass());
    /// assert!(!Failure::Denied.may_pass());
    /// ```
    pub fn may_pass(self) -> bool {
        match self {
            Self::Unreachable | Self::TimedOut | Self::OverBudget => true,
            Self::Denied | Self::TooLarge => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{json, testing};

    #[test]
    fn a_list_has_no_empty_items() {
        let list = |text: &str| testing::call([("list", text)]).list("list").map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(list(""), [""; 0]);
        assert_eq!(list(" , "), [""; 0]);
        assert_eq!(list("A,,B C ,"), ["A", "B C"]);
    }

    #[test]
    fn a_required_setting_is_not_empty() {
        let call = testing::call([("crm", ""), ("key", "k")]);
        assert_eq!(call.required("crm"), Err(Fault::Reject("the setting crm is missing".to_owned())));
        assert_eq!(call.required("key"), Ok("k"));
    }

    #[test]
    fn an_answer_is_found_among_those_of_earlier_rounds() {
        let call = testing::failed(testing::call([]), "customer", Failure::Denied);
        let call = testing::answered(call, "seat", 200, &json!({ "row": 1 }));
        assert_eq!(call.answer("customer"), Some(Err(Failure::Denied)));
        assert_eq!(call.answer("seat").and_then(Result::ok).map(|response| response.status), Some(200));
        assert_eq!(call.answer("Seat"), None);
    }
}
