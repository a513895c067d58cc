//! What the parts of a template share while they are compiled: languages, names, rules and numbers.
//!
//! Owns the resolution of names: variables to numbers, `{t:…}` to texts of the language files.

use std::cell::{Cell, RefCell};

use super::error::{Place, Problem, Report};
use super::spelling::likeliest;
use super::wording::Words;
use crate::payload::rule::Rule;
use crate::template::program::Kind;
use crate::template::vocabulary::{Bearer, HOST_NAMES, Nature, ORGANIZATION, Scope, VOCABULARY};

const LINKS: &str = "an attributedValue may hold links, <a href=\"…\">…</a> to https://, tel: or mailto:, and no other tag or attribute";

/// One language: its tag, and the texts of its file by key.
pub(super) struct Locale<'s> {
    pub tag: &'s str,
    pub file: &'s str,
    pub texts: Vec<(&'s str, Place<'s>, &'s str)>,
}

impl<'s> Locale<'s> {
    pub(super) fn text(&self, key: &str) -> Option<(&Place<'s>, &'s str)> {
        self.texts.iter().find(|(name, ..)| *name == key).map(|(_, place, text)| (place, *text))
    }
}

/// Which facts a part of a template may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    All,
    /// Google's class: shared by all tickets of the event.
    NotHolder,
    /// Google's object: untouched when the event changes.
    NotEvent,
}

/// A variable, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// Place in the vocabulary.
    Known(usize),
    /// Place in the template's list of names.
    Named(u32),
}

impl Reference {
    pub(super) fn nature(&self) -> Nature {
        match self {
            Self::Known(at) => VOCABULARY.get(*at).map_or(Nature::Plain, |entry| entry.nature),
            Self::Named(_) => Nature::Plain,
        }
    }
}

pub(super) struct Context<'s> {
    pub report: &'s Report,
    pub locales: Vec<Locale<'s>>,
    pub kind: Kind,
    pub settings: &'s [(String, String)],
    pub names: RefCell<Vec<String>>,
    /// Constant texts of the Apple part, each once: default first, marks included.
    pub statics: RefCell<Vec<Vec<String>>>,
    leaves: Cell<u32>,
}

impl<'s> Context<'s> {
    pub(super) fn new(
        report: &'s Report,
        locales: Vec<Locale<'s>>,
        kind: Kind,
        settings: &'s [(String, String)],
    ) -> Self {
        Self {
            report,
            locales,
            kind,
            settings,
            names: RefCell::default(),
            statics: RefCell::default(),
            leaves: Cell::new(0),
        }
    }

    pub(super) fn next_leaf(&self) -> u32 {
        self.leaves.replace(self.leaves.get() + 1)
    }

    pub(super) fn tags(&self) -> Vec<&'s str> {
        self.locales.iter().map(|locale| locale.tag).collect()
    }

    /// `fallback`: a setting that need not exist.
    pub(super) fn variable(
        &self,
        name: &str,
        place: &Place<'s>,
        allowed: Allowed,
        fallback: bool,
    ) -> Option<Reference> {
        let out_of_scope = |reason| {
            self.report.at(place, Problem::OutOfScope { name: name.to_owned(), reason });
            None
        };
        let scope = if let Some(at) = VOCABULARY.iter().position(|entry| entry.name == name) {
            let entry = VOCABULARY.get(at)?;
            match (entry.bearer, self.kind) {
                (Bearer::Card, Kind::EventTicket) => return out_of_scope("a ticket has no such fact"),
                (Bearer::Ticket, Kind::MemberCard) => return out_of_scope("a member card has no such fact"),
                _ => {}
            }
            (Reference::Known(at), entry.scope)
        } else if let Some(setting) = name.strip_prefix("settings.") {
            if !fallback && !self.settings.iter().any(|(known, _)| known == setting) {
                return self.unknown(name, place);
            }
            (self.named(name), Scope::Constant)
        } else if HOST_NAMES.contains(&name) {
            (self.named(name), if name == ORGANIZATION { Scope::Constant } else { Scope::Holder })
        } else if name.strip_prefix("tenant.").is_some_and(|rest| !rest.is_empty()) {
            // What a tenant's plugin adds is not known here.
            (self.named(name), Scope::Holder)
        } else {
            return self.unknown(name, place);
        };
        match (scope.1, allowed) {
            (Scope::Holder, Allowed::NotHolder) => {
                out_of_scope("it belongs to one ticket, and Google's class is shared by all tickets of the event")
            }
            (Scope::Event, Allowed::NotEvent) => {
                out_of_scope("it belongs to the event, and Google's object holds nothing of the event")
            }
            _ => Some(scope.0),
        }
    }

    /// What a setting says: the same for every pass, so it is judged before there is one.
    fn setting(&self, reference: &Reference) -> Option<String> {
        let Reference::Named(at) = reference else { return None };
        let names = self.names.borrow();
        let name = names.get(usize::try_from(*at).ok()?)?.strip_prefix("settings.")?;
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// A text that is told to break the rule, as far as that is known before there is a pass: what is written out, and settings.
    pub(super) fn judge(&self, rule: Rule, words: &Words, place: &Place<'_>, problem: Problem) {
        // A setting that is empty is as good as absent.
        let known = words.filled(&|reference, _| self.setting(reference).filter(|value| !value.is_empty()));
        if known.is_some_and(|texts| texts.iter().any(|text| !rule.holds(text))) {
            self.report.at(place, problem);
        }
    }

    /// A text with links. What is not known yet is taken for what fits where it stands, and judged again in each pass.
    pub(super) fn judge_links(&self, words: &Words, place: &Place<'_>) {
        let stand_in = |reference: &Reference, before: &str| {
            let unknown = if before.ends_with("href=\"") || before.ends_with("href='") { "https://x" } else { "x" };
            Some(self.setting(reference).unwrap_or_else(|| unknown.to_owned()))
        };
        if words.filled(&stand_in).is_some_and(|texts| texts.iter().any(|text| !Rule::Links.holds(text))) {
            self.report.at(place, Problem::Rule(LINKS));
        }
    }

    fn named(&self, name: &str) -> Reference {
        let mut names = self.names.borrow_mut();
        let at = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        Reference::Named(u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn unknown(&self, name: &str, place: &Place<'s>) -> Option<Reference> {
        let settings: Vec<String> = self.settings.iter().map(|(setting, _)| format!("settings.{setting}")).collect();
        let known =
            VOCABULARY.iter().map(|entry| entry.name).chain(HOST_NAMES).chain(settings.iter().map(String::as_str));
        self.report.at(place, Problem::UnknownVariable { name: name.to_owned(), nearest: likeliest(name, known) });
        None
    }
}
