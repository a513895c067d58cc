//! The hooks of a plugin as a trait.
//!
//! Owns the defaults: what a hook says that is not written is what the host does without it.

use crate::{Call, Candidate, Choice, Fault, Installed, OrderChanged, Shaping, Subject, Turn, Uninstalled};

/// What a venue decides for itself. Every method has the host's default, so write those that you want.
///
/// There is no `self`: each call runs in a fresh instance, and nothing is kept between two.
///
/// ```
/// use passerelle_plugin::{Call, Candidate, Choice, Fault, Plugin};
///
/// struct Seasons;
///
/// impl Plugin for Seasons {
///     fn choose_template(_: &Call, candidate: &Candidate) -> Result<Choice, Fault> {
///         Ok(match candidate.selector("familySubtype") {
///             Some("SEASON_TICKET") if candidate.offers("season") => Choice::Chosen("season".to_owned()),
///             _ => Choice::Default,
///         })
///     }
/// }
/// ```
pub trait Plugin {
    /// Which template a pass gets, when its ticket is new or changed. Unwritten: the host's choice. A trap or a fault means the same.
    ///
    /// ```
    /// # use passerelle_plugin::{Candidate, Choice, Plugin, testing};
    /// struct Nothing;
    /// impl Plugin for Nothing {}
    ///
    /// let candidate =
    ///     Candidate { kind: "eventTicket".into(), selectors: vec![], templates: vec![], default: "concert".into() };
    /// assert_eq!(Nothing::choose_template(&testing::call([]), &candidate), Ok(Choice::Default));
    /// ```
    fn choose_template(call: &Call, candidate: &Candidate) -> Result<Choice, Fault> {
        let _ = (call, candidate);
        Ok(Choice::Default)
    }

    /// Variables for the pass, which templates name `tenant.<key>`. Unwritten: there are none. A trap or a fault keeps those of before.
    ///
    /// ```
    /// # use passerelle_plugin::{Plugin, Shaping, Subject, testing};
    /// struct Nothing;
    /// impl Plugin for Nothing {}
    ///
    /// let subject = Subject { pass: testing::pass([]), ticket: b"{}".to_vec(), events: vec![] };
    /// assert_eq!(Nothing::shape_payload(&testing::call([]), &subject), Ok(Shaping::Variables(vec![])));
    /// ```
    fn shape_payload(call: &Call, subject: &Subject) -> Result<Shaping, Fault> {
        let _ = (call, subject);
        Ok(Shaping::Variables(Vec::new()))
    }

    /// A pass came into a wallet. Unwritten: nobody is told. A trap is tried again, then left to a person; so is [`Fault::Reject`], at once.
    ///
    /// ```
    /// # use passerelle_plugin::{Installed, Plugin, Turn, Wallet, testing};
    /// struct Nothing;
    /// impl Plugin for Nothing {}
    ///
    /// let event = Installed {
    ///     pass: testing::pass([]),
    ///     wallet: Wallet::Apple,
    ///     active_registrations: 1,
    ///     wallet_status: "apple".into(),
    ///     fields: vec![],
    /// };
    /// assert_eq!(Nothing::on_pass_installed(&testing::call([]), &event), Ok(Turn::Deliver(vec![])));
    /// ```
    fn on_pass_installed(call: &Call, event: &Installed) -> Result<Turn, Fault> {
        let _ = (call, event);
        Ok(Turn::nothing())
    }

    /// A pass left the last device of a wallet. Unwritten: nobody is told. Traps and faults as of [`Plugin::on_pass_installed`].
    ///
    /// ```
    /// # use passerelle_plugin::{Plugin, Turn, Uninstalled, Wallet, testing};
    /// struct Nothing;
    /// impl Plugin for Nothing {}
    ///
    /// let event = Uninstalled {
    ///     pass: testing::pass([]),
    ///     wallet: Wallet::Google,
    ///     active_registrations: 0,
    ///     wallet_status: "none".into(),
    ///     fields: vec![],
    /// };
    /// assert_eq!(Nothing::on_pass_uninstalled(&testing::call([]), &event), Ok(Turn::Deliver(vec![])));
    /// ```
    fn on_pass_uninstalled(call: &Call, event: &Uninstalled) -> Result<Turn, Fault> {
        let _ = (call, event);
        Ok(Turn::nothing())
    }

    /// Passes were made, changed, ended or brought back, because their order changed. Unwritten: nobody is told. Traps and faults as of
    /// [`Plugin::on_pass_installed`].
    ///
    /// ```
    /// # use passerelle_plugin::{OrderChanged, Plugin, Turn, testing};
    /// struct Nothing;
    /// impl Plugin for Nothing {}
    ///
    /// let event = OrderChanged { file: None, order: None, changes: vec![] };
    /// assert_eq!(Nothing::on_order_changed(&testing::call([]), &event), Ok(Turn::Deliver(vec![])));
    /// ```
    fn on_order_changed(call: &Call, event: &OrderChanged) -> Result<Turn, Fault> {
        let _ = (call, event);
        Ok(Turn::nothing())
    }
}
