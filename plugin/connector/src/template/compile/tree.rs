//! The trees that `payload::fill` walks, built and written in the flat form.
//!
//! Owns the writing half of [`crate::template::format`]. What is constant is folded into raw JSON here, so that the sandbox neither escapes nor
//! translates it again.

use super::condition::Condition;
use super::context::{Context, Reference};
use super::wording::{Mode, Segment, Words};
use crate::payload::date::Stamp;
use crate::payload::rule::Rule;
use crate::payload::{MARK, json, localized_string};
use crate::template::format::{SURROGATES, SURROGATES_SPAN, mode, node, part, segment, test, text};
use crate::template::vocabulary::NAMED;

#[derive(Clone)]
pub(super) enum Part {
    Raw(String),
    /// A JSON string that Apple looks up in `pass.strings`.
    Lookup(Words),
    /// A JSON string in the default language.
    Plain(Words),
    /// Google's `LocalizedString`.
    Localized(Words),
    Date {
        reference: Reference,
        /// Later than the variable says.
        minutes: u32,
        demanded: bool,
    },
    Coordinates,
    Barcode(Words),
    Serial,
    EventKey,
    /// In the default language, as [`Part::Plain`]; absent where it breaks the rule.
    Checked(Rule, Words),
    /// As [`Part::Lookup`].
    CheckedLookup(Rule, Words),
    /// They vanish alone, without their leaf.
    Maybe(Vec<Part>),
}

#[derive(Clone)]
pub(super) enum Node {
    Container {
        object: bool,
        when: Condition,
        keep: bool,
        prefix: String,
        nodes: Vec<Node>,
    },
    Events {
        limit: u32,
        places: bool,
        node: Box<Node>,
    },
    Leaf {
        when: Condition,
        demanded: bool,
        parts: Vec<Part>,
    },
    /// `nodes` only where each of `needs` would write something; negated: only where one of them would not.
    Guarded {
        negated: bool,
        needs: Vec<Node>,
        nodes: Vec<Node>,
    },
}

impl Node {
    pub(super) fn object(prefix: &str, nodes: Vec<Node>) -> Node {
        Node::Container { object: true, when: Condition::default(), keep: false, prefix: prefix.to_owned(), nodes }
    }

    pub(super) fn array(prefix: &str, nodes: Vec<Node>) -> Node {
        Node::Container { object: false, when: Condition::default(), keep: false, prefix: prefix.to_owned(), nodes }
    }

    pub(super) fn leaf(parts: Vec<Part>) -> Node {
        Node::Leaf { when: Condition::default(), demanded: false, parts }
    }

    /// `"name":` and one part.
    pub(super) fn member(name: &str, part: Part) -> Node {
        Node::leaf(vec![Part::Raw(format!("\"{name}\":")), part])
    }

    /// JSON that never changes.
    pub(super) fn raw(json: impl Into<String>) -> Node {
        Node::leaf(vec![Part::Raw(json.into())])
    }

    /// Written even when nothing is in it.
    pub(super) fn kept(mut self) -> Node {
        if let Node::Container { keep, .. } = &mut self {
            *keep = true;
        }
        self
    }

    /// Without it, no pass.
    pub(super) fn demanded(mut self) -> Node {
        if let Node::Leaf { demanded, .. } = &mut self {
            *demanded = true;
        }
        self
    }

    /// Only if, on top of what it demands already.
    pub(super) fn only(mut self, condition: &Condition) -> Node {
        match &mut self {
            Node::Container { when, .. } | Node::Leaf { when, .. } => *when = when.and(condition),
            Node::Events { node, .. } => {
                let inner = std::mem::replace(node.as_mut(), Node::raw(""));
                **node = inner.only(condition);
            }
            Node::Guarded { nodes, .. } => {
                *nodes = std::mem::take(nodes).into_iter().map(|node| node.only(condition)).collect();
            }
        }
        self
    }
}

impl Node {
    /// The JSON of a leaf that is always there and always the same.
    fn constant(&self, context: &Context<'_>) -> Option<String> {
        let Node::Leaf { when, parts, .. } = self else { return None };
        let fixed = when.0.is_empty() && parts.iter().all(Part::is_constant);
        if fixed { parts.iter().map(|part| constant(context, part)).collect() } else { None }
    }
}

impl Part {
    /// A date variable as it comes.
    pub(super) fn date(reference: Reference) -> Part {
        Part::Date { reference, minutes: 0, demanded: false }
    }

    /// A date that is written out.
    pub(super) fn as_stamp(&self) -> Option<Stamp> {
        let Part::Checked(Rule::Moment, words) = self else { return None };
        Stamp::parse(words.constant()?.first()?)
    }

    fn is_constant(&self) -> bool {
        match self {
            Part::Raw(_) => true,
            Part::Checked(Rule::Number, _) => false,
            Part::Lookup(words)
            | Part::Plain(words)
            | Part::Localized(words)
            | Part::Checked(_, words)
            | Part::CheckedLookup(_, words) => words.constant().is_some(),
            Part::Maybe(_)
            | Part::Date { .. }
            | Part::Coordinates
            | Part::Barcode(_)
            | Part::Serial
            | Part::EventKey => false,
        }
    }
}

/// A JSON string of a constant.
pub(super) fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    json::string(text.as_bytes(), &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes numbers, chunks and trees.
#[derive(Default)]
pub(super) struct Writer {
    pub bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn number(&mut self, number: usize) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let character = if number < SURROGATES { number } else { number.saturating_add(SURROGATES_SPAN) };
        // Beyond a million there is no character: such a template is refused when it is opened, as too long by far.
        let character = char::from_u32(character).unwrap_or(char::MAX);
        self.bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(super) fn chunk(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn list<T: AsRef<str>>(&mut self, texts: &[T]) {
        self.number(texts.len());
        for text in texts {
            self.chunk(text.as_ref().as_bytes());
        }
    }

    fn reference(&mut self, reference: &Reference) {
        match reference {
            Reference::Known(at) => self.byte(u8::try_from(*at).unwrap_or(NAMED)),
            Reference::Named(at) => {
                self.byte(NAMED);
                self.number(usize::try_from(*at).unwrap_or_default());
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        self.number(condition.0.len());
        for tests in &condition.0 {
            self.number(tests.len());
            for one in tests {
                let equals = if one.equals.is_some() { test::EQUALS } else { 0 };
                self.byte(equals | if one.negated { test::NOT } else { 0 });
                self.reference(&one.reference);
                if let Some(value) = &one.equals {
                    self.chunk(value.as_bytes());
                }
            }
        }
    }

    fn words(&mut self, words: &Words) {
        let uniform = words.is_uniform();
        self.byte(if uniform { text::UNIFORM } else { 0 } | if words.each { text::EACH } else { 0 });
        for list in words.lists.iter().take(if uniform { 1 } else { usize::MAX }) {
            let mut inner = Writer::default();
            inner.segments(list);
            self.chunk(&inner.bytes);
        }
    }

    fn segments(&mut self, list: &[Segment]) {
        for one in list {
            match one {
                Segment::Literal(text) => {
                    self.byte(segment::LITERAL);
                    self.chunk(text.as_bytes());
                }
                Segment::Variable { reference, format, mode } => {
                    self.byte(segment::VARIABLE);
                    self.reference(reference);
                    self.byte(u8::try_from(*format).unwrap_or_default());
                    match mode {
                        Mode::Optional => self.byte(mode::OPTIONAL),
                        Mode::Demanded => self.byte(mode::DEMANDED),
                        Mode::Fallback(text) => {
                            self.byte(mode::FALLBACK);
                            self.chunk(text.as_bytes());
                        }
                    }
                }
                Segment::Group(list) => {
                    let mut inner = Writer::default();
                    inner.segments(list);
                    self.byte(segment::GROUP);
                    self.chunk(&inner.bytes);
                }
            }
        }
    }

    pub(super) fn node(&mut self, context: &Context<'_>, node: &Node) {
        match node {
            Node::Container { object, when, keep, prefix, nodes } => {
                let mut inner = Writer::default();
                inner.nodes(context, nodes);
                self.byte(if *object { node::OBJECT } else { node::ARRAY });
                self.condition(when);
                self.byte(u8::from(*keep));
                self.chunk(prefix.as_bytes());
                self.chunk(&inner.bytes);
            }
            Node::Events { limit, places, node } => {
                let mut inner = Writer::default();
                inner.node(context, node);
                self.byte(node::EVENTS);
                self.number(usize::try_from(*limit).unwrap_or_default());
                self.byte(u8::from(*places));
                self.chunk(&inner.bytes);
            }
            Node::Guarded { negated, needs, nodes } => {
                let (mut needed, mut inner) = (Writer::default(), Writer::default());
                // What never changes is there.
                for node in needs.iter().filter(|node| node.constant(context).is_none()) {
                    needed.node(context, node);
                }
                inner.nodes(context, nodes);
                self.byte(node::GUARDED);
                self.byte(u8::from(*negated));
                self.chunk(&needed.bytes);
                self.chunk(&inner.bytes);
            }
            Node::Leaf { when, demanded, parts } => {
                let mut inner = Writer::default();
                inner.parts(context, parts);
                self.byte(node::LEAF);
                self.condition(when);
                self.byte(u8::from(*demanded));
                self.number(usize::try_from(context.next_leaf()).unwrap_or_default());
                self.chunk(&inner.bytes);
            }
        }
    }

    /// Leaves beside each other that never change are one.
    fn nodes(&mut self, context: &Context<'_>, nodes: &[Node]) {
        let mut raw: Vec<String> = Vec::new();
        for node in nodes {
            match node.constant(context) {
                Some(json) => raw.push(json),
                None => {
                    self.merged(context, &mut raw);
                    self.node(context, node);
                }
            }
        }
        self.merged(context, &mut raw);
    }

    fn merged(&mut self, context: &Context<'_>, raw: &mut Vec<String>) {
        if !raw.is_empty() {
            self.node(context, &Node::raw(raw.join(",")));
            raw.clear();
        }
    }

    /// Raw parts beside each other are one, constants among them.
    fn parts(&mut self, context: &Context<'_>, parts: &[Part]) {
        let mut raw = String::new();
        for one in parts {
            if let Some(json) = constant(context, one) {
                raw.push_str(&json);
                continue;
            }
            self.raw(&mut raw);
            match one {
                Part::Raw(_) => {}
                Part::Lookup(words) => self.tagged(part::LOOKUP, words),
                Part::Plain(words) => self.tagged(part::PLAIN, words),
                Part::Localized(words) => self.tagged(part::LOCALIZED, words),
                Part::Barcode(words) => self.tagged(part::BARCODE, words),
                Part::Date { reference, minutes, demanded } => {
                    self.byte(part::DATE);
                    self.reference(reference);
                    self.number(usize::try_from(*minutes).unwrap_or_default());
                    self.byte(u8::from(*demanded));
                }
                Part::Checked(rule, words) => {
                    self.checked(*rule);
                    self.tagged(part::PLAIN, words);
                }
                Part::CheckedLookup(rule, words) => {
                    self.checked(*rule);
                    self.tagged(part::LOOKUP, words);
                }
                Part::Maybe(parts) => {
                    let mut inner = Writer::default();
                    inner.parts(context, parts);
                    self.byte(part::MAYBE);
                    self.chunk(&inner.bytes);
                }
                Part::Coordinates => self.byte(part::COORDINATES),
                Part::Serial => self.byte(part::SERIAL),
                Part::EventKey => self.byte(part::EVENT_KEY),
            }
        }
        self.raw(&mut raw);
    }

    fn checked(&mut self, rule: Rule) {
        self.byte(part::CHECKED);
        self.byte(rule as u8);
    }

    fn tagged(&mut self, tag: u8, words: &Words) {
        self.byte(tag);
        self.words(words);
    }

    fn raw(&mut self, raw: &mut String) {
        if !raw.is_empty() {
            self.byte(part::RAW);
            self.chunk(raw.as_bytes());
            raw.clear();
        }
    }
}

/// The JSON of a part that no fact changes.
fn constant(context: &Context<'_>, part: &Part) -> Option<String> {
    match part {
        Part::Raw(json) => Some(json.clone()),
        // What is written out was judged when it was read; a number stands without quotes.
        Part::Checked(Rule::Number, _) => None,
        Part::Plain(words) | Part::Checked(_, words) => words.constant()?.first().map(|text| quoted(text)),
        Part::Lookup(words) | Part::CheckedLookup(_, words) => Some(quoted(&told_apart(context, words.constant()?))),
        Part::Localized(words) => {
            let texts = words.constant()?;
            let mut texts = texts.iter().map(|text| text.as_bytes());
            let mut out = Vec::new();
            localized_string(&context.tags(), texts.next().unwrap_or_default(), texts, &mut out);
            String::from_utf8(out).ok()
        }
        _ => None,
    }
}

/// Registers a constant text for `pass.strings` and answers the key that pass.json shows: the default text, with invisible marks where
/// the same default text has other translations elsewhere.
fn told_apart(context: &Context<'_>, mut texts: Vec<String>) -> String {
    let mut statics = context.statics.borrow_mut();
    let mut key = texts.first().cloned().unwrap_or_default();
    loop {
        match statics.iter().find(|known| known.first() == Some(&key)) {
            None => break,
            Some(known) if known.iter().skip(1).eq(texts.iter().skip(1)) => return key,
            Some(_) => key.push_str(MARK),
        }
    }
    if let Some(default) = texts.first_mut() {
        default.clone_from(&key);
    }
    statics.push(texts);
    key
}
