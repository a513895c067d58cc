//! Expressions, by precedence: `or`, `and`, comparisons, sums, products, signs, paths.

use super::super::error::{Checked, Fault, Span};
use super::super::limit;
use super::super::plan::{Key, Kind, Literal};
use super::super::token::Lexeme;
use super::{Branch, TextTest, Tree, Words};

/// A word between two texts: what it tests, whether case does not count, whether it is denied.
const TEXT_WORDS: [(&str, TextTest, bool, bool); 18] = [
    ("contains", TextTest::Contains, true, false),
    ("!contains", TextTest::Contains, true, true),
    ("contains_cs", TextTest::Contains, false, false),
    ("!contains_cs", TextTest::Contains, false, true),
    ("startswith", TextTest::StartsWith, true, false),
    ("!startswith", TextTest::StartsWith, true, true),
    ("startswith_cs", TextTest::StartsWith, false, false),
    ("!startswith_cs", TextTest::StartsWith, false, true),
    ("endswith", TextTest::EndsWith, true, false),
    ("!endswith", TextTest::EndsWith, true, true),
    ("endswith_cs", TextTest::EndsWith, false, false),
    ("!endswith_cs", TextTest::EndsWith, false, true),
    ("has", TextTest::Has, true, false),
    ("!has", TextTest::Has, true, true),
    ("has_cs", TextTest::Has, false, false),
    ("!has_cs", TextTest::Has, false, true),
    ("has_any", TextTest::Has, true, false),
    ("has_all", TextTest::Has, true, false),
];

impl Words {
    pub(super) fn expression(&mut self) -> Checked<Tree> {
        self.deeper(|words| {
            let first = words.conjunction()?;
            words.terms(first, "or", Self::conjunction, Branch::Any)
        })
    }

    fn conjunction(&mut self) -> Checked<Tree> {
        let first = self.comparison()?;
        self.terms(first, "and", Self::comparison, Branch::All)
    }

    /// All terms of one word as one branch, so that a long one is not a deep one.
    fn terms(
        &mut self,
        first: Tree,
        word: &str,
        mut read: impl FnMut(&mut Self) -> Checked<Tree>,
        branch: impl FnOnce(Vec<Tree>) -> Branch,
    ) -> Checked<Tree> {
        if !self.is_word(word) {
            return Ok(first);
        }
        let from = first.span;
        let mut terms = vec![first];
        while self.is_word(word) {
            if terms.len() >= limit::TERMS {
                return Err(self.unexpected(&format!("there are more than {} terms", limit::TERMS), &[]));
            }
            self.step();
            terms.push(read(self)?);
        }
        Ok(Tree { span: from.to(self.before()), node: branch(terms) })
    }

    fn comparison(&mut self) -> Checked<Tree> {
        let of = self.sum()?;
        let word = self.span();
        match self.peek().clone() {
            Lexeme::Sign(sign @ ("==" | "!=" | "<>" | "=~" | "!~" | "<" | "<=" | ">" | ">=")) => {
                self.step();
                let with = self.sum()?;
                Ok(binary(if sign == "<>" { "!=" } else { sign }, word, of, with))
            }
            Lexeme::Sign("=") => {
                let fault = self.unexpected("a single = gives a name", &["=="]);
                Err(fault.hint("two texts are compared with ==, without regard to case with =~"))
            }
            Lexeme::Word(name) => self.worded(of, word, &name),
            _ => Ok(of),
        }
    }

    /// What is compared by a word; anything else ends the expression.
    fn worded(&mut self, of: Tree, word: Span, name: &str) -> Checked<Tree> {
        let (bare, negated) = name.strip_prefix('!').map_or((name, false), |bare| (bare, true));
        let from = of.span;
        let of = Box::new(of);
        let node = match bare {
            "in" | "in~" => {
                self.step();
                Branch::Among { of, list: self.parenthesised()?, folded: bare == "in~", negated }
            }
            "between" => {
                self.step();
                self.sign("(")?;
                let first = Box::new(self.sum()?);
                self.sign("..")?;
                let last = Box::new(self.sum()?);
                self.sign(")")?;
                Branch::Between { of, from: first, to: last, negated }
            }
            "matches" => {
                let fault = Fault::new(word, "regular expressions are not here");
                return Err(fault.expected(&["has", "contains", "startswith", "endswith"]));
            }
            _ => match TEXT_WORDS.into_iter().find(|(known, ..)| *known == name) {
                Some((_, test, folded, negated)) => {
                    self.step();
                    let many = matches!(name, "has_any" | "has_all");
                    let what = if many { self.parenthesised()? } else { vec![self.sum()?] };
                    Branch::Text { of, what, test, folded, negated, every: name == "has_all" }
                }
                None if negated || name.ends_with('~') => {
                    let known = TEXT_WORDS
                        .iter()
                        .map(|(known, ..)| *known)
                        .chain(["in", "!in", "in~", "!in~", "between", "!between"]);
                    return Err(Fault::new(word, format!("there is no operator `{name}`")).known(name, known));
                }
                None => return Ok(*of),
            },
        };
        Ok(Tree { span: from.to(self.before()), node })
    }

    fn parenthesised(&mut self) -> Checked<Vec<Tree>> {
        self.sign("(")?;
        let list = self.list(Self::expression)?;
        self.sign(")")?;
        Ok(list)
    }

    fn sum(&mut self) -> Checked<Tree> {
        self.chain(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Checked<Tree> {
        self.chain(&["*", "/", "%"], Self::unary)
    }

    /// From left to right. Each link is a level of the tree.
    fn chain(&mut self, signs: &[&str], read: fn(&mut Self) -> Checked<Tree>) -> Checked<Tree> {
        let mut left = read(self)?;
        let mut links = 0;
        loop {
            let Lexeme::Sign(sign) = *self.peek() else { return Ok(left) };
            if !signs.contains(&sign) {
                return Ok(left);
            }
            let place = self.span();
            links += 1;
            if links > limit::DEPTH {
                return Err(self.unexpected(&format!("there are more than {} terms", limit::DEPTH), &[]));
            }
            self.step();
            left = binary(sign, place, left, read(self)?);
        }
    }

    fn unary(&mut self) -> Checked<Tree> {
        let from = self.span();
        if self.takes_sign("-") {
            return self.deeper(|words| {
                let of = words.unary()?;
                Ok(Tree { span: from.to(of.span), node: Branch::Negate(Box::new(of)) })
            });
        }
        if self.takes_sign("+") {
            return self.deeper(Self::unary);
        }
        let mut of = self.primary()?;
        let mut keys = 0;
        loop {
            let key = if self.takes_sign(".") {
                Key::Name(self.name("the name of a property")?.0)
            } else if self.is_sign("[") {
                self.step();
                let key = self.key()?;
                self.sign("]")?;
                key
            } else if let Lexeme::Quoted(name) = self.peek().clone() {
                // `["a.b"]` is one word.
                self.step();
                Key::Name(name)
            } else {
                return Ok(of);
            };
            keys += 1;
            if keys > limit::DEPTH {
                return Err(self.unexpected("the path is too long", &[]));
            }
            of = Tree { span: of.span.to(self.before()), node: Branch::Path(Box::new(of), key) };
        }
    }

    fn key(&mut self) -> Checked<Key> {
        let negative = self.takes_sign("-");
        match *self.peek() {
            Lexeme::Long(index) => {
                self.step();
                Ok(Key::Index(if negative { -index } else { index }))
            }
            _ => Err(self.unexpected("", &["a number", "a name in quotes"])),
        }
    }

    fn primary(&mut self) -> Checked<Tree> {
        let span = self.span();
        let node = match self.peek().clone() {
            Lexeme::Sign("(") => {
                self.step();
                let inner = self.expression()?;
                self.sign(")")?;
                return Ok(inner);
            }
            Lexeme::Sign("*") => Branch::Star,
            Lexeme::Text(text) => Branch::Literal(Kind::Text, Literal::Text(text)),
            Lexeme::Long(number) => Branch::Literal(Kind::Long, Literal::Whole(number)),
            Lexeme::Real(number) => Branch::Literal(Kind::Real, Literal::Real(number)),
            Lexeme::Timespan(span) => Branch::Literal(Kind::Timespan, span.map_or(Literal::Null, Literal::Whole)),
            Lexeme::Datetime(at) => Branch::Literal(Kind::Datetime, at.map_or(Literal::Null, Literal::Whole)),
            Lexeme::Word(word) if word == "true" || word == "false" => {
                Branch::Literal(Kind::Bool, Literal::Bool(word == "true"))
            }
            Lexeme::Word(word) if is_reserved(&word) => return Err(self.unexpected("", EXPRESSION)),
            Lexeme::Word(word) => {
                self.step();
                if !self.is_sign("(") {
                    return Ok(Tree { span, node: Branch::Name(word) });
                }
                let arguments = self.arguments()?;
                return Ok(Tree { span: span.to(self.before()), node: Branch::Call(word, arguments) });
            }
            Lexeme::Quoted(name) => Branch::Name(name),
            Lexeme::Sign(_) | Lexeme::End => return Err(self.unexpected("", EXPRESSION)),
        };
        self.step();
        Ok(Tree { span, node })
    }

    fn arguments(&mut self) -> Checked<Vec<Tree>> {
        self.sign("(")?;
        if self.takes_sign(")") {
            return Ok(vec![]);
        }
        let list = self.list(Self::expression)?;
        if self.takes_sign(")") { Ok(list) } else { Err(self.unexpected("", &[",", ")"])) }
    }
}

const EXPRESSION: &[&str] = &["a column", "a value", "a function", "("];

/// Words that begin no expression; a column of such a name is written `['by']`.
fn is_reserved(word: &str) -> bool {
    word.starts_with(['!', '$'])
        || word.contains(['-', '~'])
        || matches!(word, "and" | "or" | "by" | "on" | "asc" | "desc")
}

fn binary(sign: &'static str, place: Span, left: Tree, right: Tree) -> Tree {
    let span = left.span.to(right.span);
    Tree { span, node: Branch::Binary(sign, place, Box::new(left), Box::new(right)) }
}
