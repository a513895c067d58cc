//! A query's tree, as it is written: statements, pipelines, operators.
//!
//! Owns the grammar, by descent over the words: what could have stood at the place of an error is known where it is met. Does not own names,
//! types or values (`check`).

mod expression;
mod operator;
mod tree;

pub(super) use self::tree::*;
use super::error::{Checked, Fault, Span};
use super::limit;
use super::token::{Lexeme, Token, tokens};

pub(super) fn query(text: &str) -> Checked<Query> {
    let words = Words { list: tokens(text)?, at: 0, depth: 0 };
    words.query()
}

/// The words, and how far they are read.
struct Words {
    /// Ends with [`Lexeme::End`], which is never stepped over.
    list: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Words {
    fn query(mut self) -> Checked<Query> {
        let mut named = Vec::new();
        loop {
            if self.takes_word("let") {
                let (name, span) = self.name("the name of what is bound")?;
                self.sign("=")?;
                let bound = if self.begins_pipeline() {
                    Bound::Pipeline(self.pipeline()?)
                } else {
                    Bound::Value(self.expression()?)
                };
                named.push(Let { name, span, bound });
                self.sign(";")?;
            } else if self.is_word("declare") {
                let fault = self.unexpected("nothing is declared here", &["let", "a table: Events, Logs or Metrics"]);
                return Err(fault.hint("a query names its parameters as they are"));
            } else if self.takes_sign(";") {
                // An empty statement is none.
            } else {
                break;
            }
        }
        let pipeline = self.pipeline()?;
        while self.takes_sign(";") {}
        match self.peek() {
            Lexeme::End => Ok(Query { named, pipeline }),
            _ => Err(self.unexpected("this is left over", &["|", "the end of the query"])),
        }
    }

    /// What follows `let x =` is a table: a name with a pipe behind it or a table's own, or a parenthesis around such.
    fn begins_pipeline(&self) -> bool {
        let skipped = self.list.iter().skip(self.at).position(|token| token.lexeme != Lexeme::Sign("("));
        let at = self.at + skipped.unwrap_or(0);
        let Some(Lexeme::Word(name)) = self.list.get(at).map(|token| &token.lexeme) else { return false };
        let table = super::schema::Table::ALL.iter().any(|table| table.name() == name);
        table || matches!(self.list.get(at + 1).map(|token| &token.lexeme), Some(Lexeme::Sign("|")))
    }

    fn pipeline(&mut self) -> Checked<Pipeline> {
        self.deeper(|words| {
            let source = if words.takes_sign("(") {
                let inner = words.pipeline()?;
                words.sign(")")?;
                Source::Pipeline(Box::new(inner))
            } else {
                let (name, span) = words.name("a table: Events, Logs or Metrics")?;
                if words.is_sign("(") {
                    return Err(
                        Fault::new(span, format!("`{name}` is no table")).expected(&["Events", "Logs", "Metrics"])
                    );
                }
                Source::Name(name, span)
            };
            let mut operators = Vec::new();
            while words.takes_sign("|") {
                if operators.len() >= limit::OPERATORS {
                    return Err(words.unexpected(&format!("there are more than {} operators", limit::OPERATORS), &[]));
                }
                operators.push(words.operator()?);
            }
            Ok(Pipeline { source, operators })
        })
    }

    /// Bounds the recursion.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        if self.depth >= limit::DEPTH {
            return Err(self.unexpected(&format!("this is nested more than {} levels deep", limit::DEPTH), &[]));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn token(&self) -> Option<&Token> {
        self.list.get(self.at).or(self.list.last())
    }

    fn peek(&self) -> &Lexeme {
        self.token().map_or(&Lexeme::End, |token| &token.lexeme)
    }

    fn span(&self) -> Span {
        self.token().map(|token| token.span).unwrap_or_default()
    }

    fn before(&self) -> Span {
        self.at.checked_sub(1).and_then(|at| self.list.get(at)).map(|token| token.span).unwrap_or_default()
    }

    fn step(&mut self) {
        if self.at + 1 < self.list.len() {
            self.at += 1;
        }
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Lexeme::Sign(found) if *found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Lexeme::Word(found) if found == word)
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.step();
        }
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.step();
        }
        found
    }

    fn sign(&mut self, sign: &str) -> Checked<Span> {
        let span = self.span();
        if self.takes_sign(sign) { Ok(span) } else { Err(self.unexpected("", &[sign])) }
    }

    /// A name that somebody gave: a word, or one in brackets and quotes.
    fn name(&mut self, expected: &str) -> Checked<(String, Span)> {
        let span = self.span();
        let name = match self.peek() {
            Lexeme::Word(name) if !name.starts_with('!') && !name.contains(['~', '-', '$']) => name.clone(),
            Lexeme::Quoted(name) => name.clone(),
            _ => return Err(self.unexpected("", &[expected])),
        };
        self.step();
        Ok((name, span))
    }

    /// At least one, with commas between.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Checked<T>) -> Checked<Vec<T>> {
        let mut list = vec![read(self)?];
        while self.takes_sign(",") {
            if list.len() >= limit::TERMS {
                return Err(self.unexpected(&format!("the list has more than {} members", limit::TERMS), &[]));
            }
            list.push(read(self)?);
        }
        Ok(list)
    }

    /// The word that is next cannot stand here. An empty message says just that.
    fn unexpected(&self, message: &str, expected: &[&str]) -> Fault {
        let message = match (message, self.peek()) {
            ("", Lexeme::End) => "the query ends here".to_owned(),
            ("", _) => "this cannot stand here".to_owned(),
            _ => message.to_owned(),
        };
        Fault::new(self.span(), message).expected(expected)
    }
}
