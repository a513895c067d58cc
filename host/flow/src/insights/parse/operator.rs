//! Operators: what stands between two pipes.

use super::super::error::{Checked, Fault};
use super::super::plan::JoinKind;
use super::super::token::Lexeme;
use super::{Named, On, Operator, Pipeline, SortKey, Source, What, Words};

const OPERATORS: [&str; 17] = [
    "where",
    "filter",
    "project",
    "project-away",
    "project-rename",
    "extend",
    "summarize",
    "distinct",
    "sort",
    "order",
    "take",
    "limit",
    "top",
    "count",
    "join",
    "as",
    "serialize",
];

/// Known to those who come from Kusto, and not here: what to write instead.
const ABSENT: [(&str, &str); 14] = [
    ("render", "leave it out: the answer is rows, and a chart is the caller's"),
    ("union", "ask each table by itself"),
    ("search", "use where with has or contains on a column"),
    ("parse", "use properties, which are parsed already"),
    ("evaluate", "plugins are not here"),
    ("mv-expand", "use properties.name[0] for a single member"),
    ("make-series", "use summarize ... by bin(timestamp, 1h)"),
    ("lookup", "use join kind=leftouter"),
    ("project-keep", "use project"),
    ("project-reorder", "use project"),
    ("sample", "use take"),
    ("facet", "use one summarize per column"),
    ("invoke", "functions of one's own are not here"),
    ("print", "a query begins with a table"),
];

impl Words {
    pub(super) fn operator(&mut self) -> Checked<Operator> {
        let span = self.span();
        let Lexeme::Word(word) = self.peek().clone() else {
            return Err(self.unexpected(
                "",
                &["an operator: where, project, extend, summarize, sort, take, top, distinct, count, join"],
            ));
        };
        self.step();
        let what = match word.as_str() {
            "where" | "filter" => What::Where(self.expression()?),
            "project" => What::Project(self.list(Self::named)?),
            "project-away" => What::ProjectAway(self.list(|words| words.name("a column"))?),
            "project-rename" => What::ProjectRename(self.list(Self::named)?),
            "extend" => What::Extend(self.list(Self::named)?),
            "summarize" => self.summarize()?,
            "distinct" if self.takes_sign("*") => What::Distinct(None),
            "distinct" => What::Distinct(Some(self.list(Self::named)?)),
            "sort" | "order" => {
                self.word("by")?;
                What::Sort(self.list(Self::sort_key)?)
            }
            "take" | "limit" => What::Take(self.expression()?),
            "top" => {
                let count = self.expression()?;
                self.word("by")?;
                What::Top(count, self.sort_key()?)
            }
            "count" => What::Count,
            "join" => self.join()?,
            _ => {
                let fault = Fault::new(span, format!("there is no operator `{word}` here"));
                return Err(match ABSENT.iter().find(|(name, _)| *name == word) {
                    Some((_, instead)) => fault.hint(*instead),
                    None => {
                        fault.known(&word, OPERATORS.into_iter().filter(|name| !matches!(*name, "as" | "serialize")))
                    }
                });
            }
        };
        if !matches!(self.peek(), Lexeme::End | Lexeme::Sign("|" | ")" | ";")) {
            return Err(self.unexpected("", follows(&what)));
        }
        Ok(Operator { span, what })
    }

    fn word(&mut self, word: &str) -> Checked<()> {
        if self.takes_word(word) { Ok(()) } else { Err(self.unexpected("", &[word])) }
    }

    /// `name = expression`, or an expression.
    fn named(&mut self) -> Checked<Named> {
        let next = self.list.get(self.at + 1).map(|token| &token.lexeme);
        let name = match self.peek() {
            Lexeme::Word(_) | Lexeme::Quoted(_) if next == Some(&Lexeme::Sign("=")) => {
                let name = self.name("a name")?;
                self.step();
                Some(name)
            }
            _ => None,
        };
        Ok(Named { name, of: self.expression()? })
    }

    fn summarize(&mut self) -> Checked<What> {
        let aggregates = if self.is_word("by") { vec![] } else { self.list(Self::named)? };
        let by = if self.takes_word("by") { self.list(Self::named)? } else { vec![] };
        Ok(What::Summarize { aggregates, by })
    }

    fn sort_key(&mut self) -> Checked<SortKey> {
        let by = self.expression()?;
        let descending = !self.takes_word("asc");
        if descending {
            self.takes_word("desc");
        }
        let nulls_first = if self.takes_word("nulls") {
            if self.takes_word("first") {
                Some(true)
            } else if self.takes_word("last") {
                Some(false)
            } else {
                return Err(self.unexpected("", &["first", "last"]));
            }
        } else {
            None
        };
        Ok(SortKey { by, descending, nulls_first })
    }

    fn join(&mut self) -> Checked<What> {
        let mut kind = JoinKind::InnerUnique;
        if self.takes_word("kind") {
            self.sign("=")?;
            kind = self.join_kind()?;
        }
        let right = if self.takes_sign("(") {
            let right = self.pipeline()?;
            self.sign(")")?;
            right
        } else {
            let (name, span) = self.name("a pipeline in parentheses, or the name of one")?;
            Pipeline { source: Source::Name(name, span), operators: vec![] }
        };
        self.word("on")?;
        let on = self.list(Self::on)?;
        Ok(What::Join { kind, right: Box::new(right), on })
    }

    fn join_kind(&mut self) -> Checked<JoinKind> {
        const KINDS: [(&str, JoinKind); 10] = [
            ("innerunique", JoinKind::InnerUnique),
            ("inner", JoinKind::Inner),
            ("leftouter", JoinKind::LeftOuter),
            ("rightouter", JoinKind::RightOuter),
            ("fullouter", JoinKind::FullOuter),
            ("leftsemi", JoinKind::LeftSemi),
            ("leftanti", JoinKind::LeftAnti),
            ("anti", JoinKind::LeftAnti),
            ("leftantisemi", JoinKind::LeftAnti),
            ("outer", JoinKind::FullOuter),
        ];
        let found = match self.peek() {
            Lexeme::Word(word) => KINDS.into_iter().find(|(name, _)| name == word),
            _ => None,
        };
        let names: Vec<&str> = KINDS.into_iter().take(7).map(|(name, _)| name).collect();
        let (_, kind) = found.ok_or_else(|| self.unexpected("this is no kind of join", &names))?;
        self.step();
        Ok(kind)
    }

    fn on(&mut self) -> Checked<On> {
        if !matches!(self.peek(), Lexeme::Word(word) if word.starts_with('$')) {
            let name = self.name("a column that both sides have, or $left.a == $right.b")?;
            return Ok(On { left: name.clone(), right: name });
        }
        let (first, is_left) = self.side()?;
        self.sign("==")?;
        let place = self.span();
        let (second, second_is_left) = self.side()?;
        match (is_left, second_is_left) {
            (true, false) => Ok(On { left: first, right: second }),
            (false, true) => Ok(On { left: second, right: first }),
            _ => Err(Fault::new(place, "a key compares a column of each side").expected(&["$left.a == $right.b"])),
        }
    }

    fn side(&mut self) -> Checked<((String, super::super::error::Span), bool)> {
        let left = self.takes_word("$left");
        if !left && !self.takes_word("$right") {
            return Err(self.unexpected("", &["$left", "$right"]));
        }
        self.sign(".")?;
        Ok((self.name("a column")?, left))
    }
}

/// What else could stand behind a whole operator.
fn follows(what: &What) -> &'static [&'static str] {
    match what {
        What::Where(_) => &["and", "or", "an operator such as == or contains", "|", "the end of the query"],
        What::Summarize { by, .. } if by.is_empty() => &["by", ",", "|", "the end of the query"],
        What::Sort(_) | What::Top(..) => {
            &["asc", "desc", "nulls first", "nulls last", ",", "|", "the end of the query"]
        }
        What::Take(_) | What::Count => &["|", "the end of the query"],
        _ => &[",", "|", "the end of the query"],
    }
}
