//! Which condition finds few passes, and by which index.
//!
//! Owns the choice between two ways to a page: gathering all that may be in the list and sorting it, if there are few; or walking along the
//! order and leaving out what does not fit. SQLite chooses without knowing how many there are; here they are counted, up to a limit.

use passerelle_flow::identity::TenantId;
use passerelle_flow::store::{Condition, TextTest, TimeTest};

use super::condition::{Sql, since, subject_kind, text_test};
use crate::{Connection, Fault, column, statement};

/// Passes that are gathered at most. Each costs about 1.5 µs to look up and to sort, so a page costs 6 ms at worst; and where there are more, a walk
/// through a million passes meets one among 250, so that it finds a page of 20 within 5,000.
const FEW: i64 = 4_000;

/// The condition that a statement reads by.
pub(super) struct Driver<'q> {
    condition: &'q Condition,
    rank: u8,
}

impl<'q> Driver<'q> {
    /// The most promising of the conditions.
    pub(super) fn of(conditions: &'q [Condition]) -> Option<Self> {
        conditions
            .iter()
            .filter_map(|condition| Some(Self { condition, rank: rank(condition)? }))
            .min_by_key(|it| it.rank)
    }

    /// ` FROM … WHERE …`, with `p` for the pass; the other conditions are still to be added.
    pub(super) fn from(&self, sql: &mut Sql) {
        // CROSS: the order of the loops is ours.
        self.source(sql, " CROSS JOIN pass p ON p.tenant = d.tenant AND p.id = d.pass");
    }

    /// The same where nothing but the number is asked for: each entry of an index is a pass, which need not be looked up.
    pub(super) fn entries(&self, sql: &mut Sql) {
        self.source(sql, "");
    }

    fn source(&self, sql: &mut Sql, join: &str) {
        match self.condition {
            Condition::Attribute { kind, name, test, macs } => {
                let by_mac = !macs.is_empty();
                let (index, column) = if by_mac { ("mac", "d.mac") } else { ("value", "d.value") };
                sql.push(" FROM pass_attribute d INDEXED BY pass_attribute_").push(index).push(join);
                let (kind, name) = (sql.string(column::of_attribute_kind(*kind)), sql.string(name));
                let sought = if by_mac { TextTest::In(macs.clone()) } else { test.clone() };
                let test = text_test(sql, column, &sought);
                // Said as well, since a partial index is used only if it is.
                sql.push(&format!(
                    " WHERE d.tenant = ?1 AND d.kind = {kind} AND d.name = {name} AND {column} IS NOT NULL AND {test}"
                ));
            }
            Condition::Subject(kind, test) => {
                let kind = sql.string(subject_kind(*kind));
                let test = text_test(sql, "p.subject", test);
                // The index of UNIQUE(tenant, kind, subject).
                sql.push(&format!(
                    " FROM pass p INDEXED BY sqlite_autoindex_pass_2 WHERE p.tenant = ?1 AND p.kind = {kind} AND {test}"
                ));
            }
            Condition::Since(wallet, _) => {
                let (column, index) = since(*wallet);
                sql.push(&format!(" FROM pass p INDEXED BY {index} WHERE p.tenant = ?1 AND {column} IS NOT NULL"));
                sql.and([self.condition]);
            }
            condition => {
                // The index of PRIMARY KEY(tenant, id).
                sql.push(" FROM pass p INDEXED BY sqlite_autoindex_pass_1 WHERE p.tenant = ?1").and([condition]);
            }
        }
    }

    /// The conditions that the driver does not stand for.
    pub(super) fn others<'a>(&'a self, conditions: &'a [Condition]) -> impl Iterator<Item = &'a Condition> {
        conditions.iter().filter(|condition| !std::ptr::eq(*condition, self.condition))
    }

    /// It finds few enough to be gathered.
    pub(super) fn is_selective(&self, conn: &dyn Connection, tenant: &TenantId) -> Result<bool, Fault> {
        let mut sql = Sql::new(tenant);
        sql.push("SELECT count(*) FROM (SELECT 1");
        self.entries(&mut sql);
        let limit = sql.number(FEW + 1);
        sql.push(&format!(" LIMIT {limit})"));
        Ok(statement::number(conn, &sql.text, &sql.values())? <= FEW)
    }
}

/// The lower, the likelier it finds few. None: no index leads to those that meet it.
fn rank(condition: &Condition) -> Option<u8> {
    let text = |test: &TextTest| match test {
        TextTest::In(_) => Some(0),
        TextTest::StartsWith(_) => Some(1),
        TextTest::Contains(_) | TextTest::EndsWith(_) => Some(3),
        TextTest::NotIn(_) | TextTest::Empty | TextTest::NotEmpty => None,
    };
    match condition {
        Condition::Id(test) | Condition::Subject(_, test) => text(test),
        // Two indexes at once lead nowhere.
        Condition::Attribute { test: TextTest::In(values), macs, .. } => {
            (values.is_empty() != macs.is_empty()).then_some(0)
        }
        Condition::Attribute { test, .. } => text(test),
        Condition::Since(_, TimeTest::AtLeast(_) | TimeTest::Below(_)) => Some(2),
        _ => None,
    }
}
