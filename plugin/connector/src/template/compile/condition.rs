//! Conditions: `ticket.row`, `!state.void`, `ticket.zone3 == 'A' and ticket.gate`, `state.void or state.used`.
//!
//! Owns their grammar (`and` binds closer than `or`, no parentheses) and what can be known of them before there is a ticket.

use super::context::{Allowed, Context, Reference};
use super::document::Section;
use super::error::{Place, Problem};
use crate::template::vocabulary::{VOCABULARY, Variable};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub negated: bool,
    pub reference: Reference,
    pub equals: Option<String>,
}

/// Any of the alternatives, each with all of its tests. No alternative: always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition(pub Vec<Vec<Test>>);

const GRAMMAR: &str =
    "a condition is a variable, !variable, variable == 'text' or variable != 'text', joined by `and` and `or`";

/// What becomes of a pass: the states that exclude each other.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub void: bool,
    pub used: bool,
}

pub(super) const STATES: [State; 4] = [
    State { void: false, used: false },
    State { void: false, used: true },
    State { void: true, used: false },
    State { void: true, used: true },
];

impl Condition {
    fn of(variable: Variable, negated: bool) -> Self {
        let at = VOCABULARY.iter().position(|entry| entry.variable == variable).unwrap_or_default();
        Self(vec![vec![Test { negated, reference: Reference::Known(at), equals: None }]])
    }

    pub(super) fn is(variable: Variable) -> Self {
        Self::of(variable, false)
    }

    pub(super) fn not(variable: Variable) -> Self {
        Self::of(variable, true)
    }

    /// Both.
    pub(super) fn and(&self, other: &Condition) -> Condition {
        match (self.0.is_empty(), other.0.is_empty()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => {
                let both = |left: &Vec<Test>| {
                    other.0.iter().map(|right| [left.clone(), right.clone()].concat()).collect::<Vec<_>>()
                };
                Condition(self.0.iter().flat_map(both).collect())
            }
        }
    }

    /// False only if it cannot hold in that state, whatever the facts are.
    pub(super) fn possible(&self, state: State) -> bool {
        let possible = |test: &Test| {
            let Reference::Known(at) = test.reference else { return true };
            let value = match VOCABULARY.get(at).map(|entry| entry.variable) {
                Some(Variable::StateVoid) => state.void,
                Some(Variable::StateLive) => !state.void,
                Some(Variable::StateUsed) => state.used,
                _ => return true,
            };
            value != test.negated
        };
        self.0.is_empty() || self.0.iter().any(|tests| tests.iter().all(possible))
    }
}

enum Token<'t> {
    Word(&'t str),
    Quoted(&'t str),
    Not,
    Equal,
    Unequal,
}

impl<'s> Context<'s> {
    /// The condition of a section, `when`; always, where it has none.
    pub(super) fn when(&self, section: &Section<'s>, allowed: Allowed) -> Condition {
        let Some((place, text)) = section.string("when") else { return Condition::default() };
        self.condition(&place, text, allowed).unwrap_or_default()
    }

    fn condition(&self, place: &Place<'s>, text: &str, allowed: Allowed) -> Option<Condition> {
        let Some(tokens) = tokens(text) else { return self.bad_condition(place) };
        let mut alternatives = vec![Vec::new()];
        let mut tokens = tokens.into_iter().peekable();
        loop {
            let negated = tokens.next_if(|(token, _)| matches!(token, Token::Not)).is_some();
            let Some((Token::Word(name), at)) = tokens.next() else { return self.bad_condition(place) };
            let reference = self.variable(name, &place.within(text, at), allowed, false)?;
            let comparison = tokens.next_if(|(token, _)| matches!(token, Token::Equal | Token::Unequal));
            let (negated, equals) = match comparison {
                None => (negated, None),
                Some((comparison, _)) => {
                    let Some((Token::Quoted(value), _)) = tokens.next() else { return self.bad_condition(place) };
                    (negated != matches!(comparison, Token::Unequal), Some(value.to_owned()))
                }
            };
            if let Some(tests) = alternatives.last_mut() {
                tests.push(Test { negated, reference, equals });
            }
            match tokens.next() {
                None => return Some(Condition(alternatives)),
                Some((Token::Word("and"), _)) => {}
                Some((Token::Word("or"), _)) => alternatives.push(Vec::new()),
                Some(_) => return self.bad_condition(place),
            }
        }
    }

    fn bad_condition(&self, place: &Place<'s>) -> Option<Condition> {
        self.report.at(place, Problem::Syntax(GRAMMAR));
        None
    }
}

/// With the place of each; none where a quote is not closed or a letter means nothing.
fn tokens(text: &str) -> Option<Vec<(Token<'_>, usize)>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Some(tokens) };
        let (token, length) = match first {
            '\'' | '"' => {
                let inside = rest.get(1..)?;
                let end = inside.find(first)?;
                (Token::Quoted(inside.get(..end)?), end + 2)
            }
            '=' if rest.starts_with("==") => (Token::Equal, 2),
            '!' if rest.starts_with("!=") => (Token::Unequal, 2),
            '!' => (Token::Not, 1),
            _ => {
                let length =
                    rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".-_".contains(c))).unwrap_or(rest.len());
                (Token::Word(rest.get(..length).filter(|word| !word.is_empty())?), length)
            }
        };
        tokens.push((token, at));
        rest = rest.get(length..)?;
    }
}
