//! Conditions as SQL.
//!
//! Owns what each means for a row `p` of `pass`. Values are bound and never written into the text, so that a statement is prepared once per
//! shape. Conditions on what is counted (`template`, `state`, `wallets`) read the same for a row of `pass_tally`, if that is called `p`.

use passerelle_contract::types::Wallet;
use passerelle_flow::identity::TenantId;
use passerelle_flow::store::{AttributeKind, Condition, SubjectKind, TextTest, TimeTest};

use crate::tally::{Line, position_at};
use crate::value::Given;
use crate::{Value, column};

/// Above every character: the end of all texts with a prefix.
const LAST: char = char::MAX;

/// A statement in the making. `?1` is the tenant, always.
#[derive(Clone)]
pub(super) struct Sql {
    pub(super) text: String,
    values: Vec<Given>,
}

impl Sql {
    pub(super) fn new(tenant: &TenantId) -> Self {
        Self { text: String::new(), values: vec![Given::Text(tenant.as_str().to_owned())] }
    }

    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    fn bind(&mut self, value: Given) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    pub(super) fn number(&mut self, number: i64) -> String {
        self.bind(Given::Integer(number))
    }

    pub(super) fn string(&mut self, text: &str) -> String {
        self.bind(Given::Text(text.to_owned()))
    }

    fn strings(&mut self, texts: &[String]) -> String {
        let places: Vec<_> = texts.iter().map(|text| self.string(text)).collect();
        places.join(", ")
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        self.values.iter().map(Given::lent).collect()
    }

    /// ` AND …` for each.
    pub(super) fn and<'a>(&mut self, conditions: impl IntoIterator<Item = &'a Condition>) -> &mut Self {
        for condition in conditions {
            let text = condition_text(self, condition);
            self.text.push_str(" AND ");
            self.text.push_str(&text);
        }
        self
    }
}

/// It is counted, so a tally can be asked.
pub(super) const fn is_counted(condition: &Condition) -> bool {
    matches!(condition, Condition::Template(_) | Condition::State(_) | Condition::Wallets(_))
}

/// The stretch of a line that a condition leaves: from, and below.
pub(super) const fn bounds(condition: &Condition) -> Option<(Line, i64, i64)> {
    let (line, test) = match condition {
        Condition::Created(test) => (Line::Born, test),
        Condition::Updated(test) => (Line::Touched, test),
        _ => return None,
    };
    match test {
        TimeTest::AtLeast(at) => Some((line, position_at(*at), i64::MAX)),
        TimeTest::Below(at) => Some((line, i64::MIN, position_at(*at))),
        // Every pass was made and changed some time.
        TimeTest::NotEmpty => Some((line, i64::MIN, i64::MAX)),
        TimeTest::Empty => Some((line, i64::MAX, i64::MIN)),
    }
}

pub(super) const fn since(wallet: Wallet) -> (&'static str, &'static str) {
    match wallet {
        Wallet::Apple => ("p.apple_since", "pass_apple"),
        Wallet::Google => ("p.google_since", "pass_google"),
    }
}

pub(super) const fn subject_kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Movement => "movement",
        SubjectKind::Contact => "contact",
    }
}

fn condition_text(sql: &mut Sql, condition: &Condition) -> String {
    match condition {
        Condition::Id(test) => text_test(sql, "p.id", test),
        Condition::Template(test) => text_test(sql, "p.template", test),
        Condition::State(states) => {
            let states: Vec<_> = states.iter().map(|state| column::of_pass_state(*state).to_owned()).collect();
            format!("p.state IN ({})", sql.strings(&states))
        }
        Condition::Wallets(wallets) => {
            let wallets: Vec<_> = wallets.iter().map(|wallets| wallets.as_str().to_owned()).collect();
            format!("p.wallets IN ({})", sql.strings(&wallets))
        }
        Condition::Created(_) | Condition::Updated(_) => match bounds(condition) {
            Some((line, from, below)) => {
                let (from, below) = (sql.number(from), sql.number(below));
                format!("p.{0} >= {from} AND p.{0} < {below}", line.column())
            }
            None => "1".to_owned(),
        },
        Condition::Since(wallet, test) => {
            let (column, _) = since(*wallet);
            match test {
                TimeTest::AtLeast(at) => format!("{column} >= {}", sql.number(*at)),
                TimeTest::Below(at) => format!("{column} < {}", sql.number(*at)),
                TimeTest::Empty => format!("{column} IS NULL"),
                TimeTest::NotEmpty => format!("{column} IS NOT NULL"),
            }
        }
        Condition::Subject(kind, test) => {
            let kind = sql.string(subject_kind(*kind));
            match test {
                TextTest::Empty => format!("p.kind <> {kind}"),
                TextTest::NotEmpty => format!("p.kind = {kind}"),
                TextTest::NotIn(values) => format!("NOT (p.kind = {kind} AND p.subject IN ({}))", sql.strings(values)),
                test => format!("(p.kind = {kind} AND {})", text_test(sql, "p.subject", test)),
            }
        }
        Condition::Attribute { kind, name, test, macs } => {
            let row = attribute_row(sql, *kind, name);
            match test {
                TextTest::Empty => format!("NOT EXISTS({row})"),
                TextTest::NotEmpty => format!("EXISTS({row})"),
                TextTest::NotIn(values) => {
                    let sought = sought(sql, &TextTest::In(values.clone()), macs);
                    format!("NOT EXISTS({row} AND {sought})")
                }
                test => {
                    let sought = sought(sql, test, macs);
                    format!("EXISTS({row} AND {sought})")
                }
            }
        }
    }
}

fn attribute_row(sql: &mut Sql, kind: AttributeKind, name: &str) -> String {
    let (kind, name) = (sql.string(column::of_attribute_kind(kind)), sql.string(name));
    format!(
        "SELECT 1 FROM pass_attribute a WHERE a.tenant = p.tenant AND a.pass = p.id AND a.kind = {kind} AND a.name = {name}"
    )
}

fn sought(sql: &mut Sql, test: &TextTest, macs: &[String]) -> String {
    let clear = match test {
        TextTest::In(values) if values.is_empty() => "0".to_owned(),
        test => text_test(sql, "a.value", test),
    };
    if macs.is_empty() { clear } else { format!("({clear} OR a.mac IN ({}))", sql.strings(macs)) }
}

/// What is NULL meets none of these.
pub(super) fn text_test(sql: &mut Sql, column: &str, test: &TextTest) -> String {
    match test {
        TextTest::In(values) => format!("{column} IN ({})", sql.strings(values)),
        TextTest::NotIn(values) => format!("{column} NOT IN ({})", sql.strings(values)),
        TextTest::Contains(part) => format!("instr({column}, {}) > 0", sql.string(part)),
        TextTest::StartsWith(start) => {
            let (from, below) = (sql.string(start), sql.string(&format!("{start}{LAST}")));
            format!("({column} >= {from} AND {column} < {below})")
        }
        TextTest::EndsWith(end) => {
            let end = sql.string(end);
            format!("(length({column}) >= length({end}) AND substr({column}, -length({end})) = {end})")
        }
        TextTest::Empty => format!("{column} = ''"),
        TextTest::NotEmpty => format!("{column} <> ''"),
    }
}

/// A condition that no pass meets.
pub(super) fn is_impossible(condition: &Condition) -> bool {
    match condition {
        Condition::State(states) => states.is_empty(),
        Condition::Wallets(wallets) => wallets.is_empty(),
        Condition::Id(TextTest::In(values)) | Condition::Template(TextTest::In(values)) => values.is_empty(),
        Condition::Subject(_, TextTest::In(values)) => values.is_empty(),
        Condition::Attribute { test: TextTest::In(values), macs, .. } => values.is_empty() && macs.is_empty(),
        _ => false,
    }
}
