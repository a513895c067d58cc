//! Joins of two pipelines, each a stage before.

use std::fmt::Write as _;

use passerelle_flow::insights::limit;
use passerelle_flow::insights::plan::{Join, JoinKind, Kind};
use passerelle_flow::store::Bound;

use super::Halt;
use super::stage::{Builder, Select};

impl Builder<'_> {
    pub fn join(&mut self, left: Select, join: &Join) -> Result<Select, Halt> {
        let width = left.columns.len();
        let left = self.close(Select { order: None, ..left }, None)?;
        let right = self.plan(&join.right)?;
        let right = self.close(Select { order: None, ..right }, None)?;
        let left = if join.kind == JoinKind::InnerUnique { self.first_of_key(&left, width, join)? } else { left };
        let mut on = String::new();
        for (at, (a, b)) in join.on.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(on, "{}l.c{a} = r.c{b}", if at > 0 { " AND " } else { "" });
        }
        let of = |side: &str, width: usize| (0..width).map(|at| format!("{side}.c{at}")).collect::<Vec<_>>();
        let mut columns = of("l", width);
        let word = match join.kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => {
                let not = if join.kind == JoinKind::LeftAnti { "NOT " } else { "" };
                let condition = format!("{not}EXISTS (SELECT 1 FROM {} AS r WHERE {on})", right.from);
                let from = format!("{} AS l", left.from);
                // Closed: what follows may be joined again under the same names.
                return self
                    .close(Select { from, conditions: vec![condition], columns, computed: false, order: None }, None);
            }
            JoinKind::Inner | JoinKind::InnerUnique => "JOIN",
            JoinKind::LeftOuter => "LEFT JOIN",
            JoinKind::RightOuter => "RIGHT JOIN",
            JoinKind::FullOuter => "FULL JOIN",
        };
        let from = format!("{} AS l {word} {} AS r ON {on}", left.from, right.from);
        // Counted no further than it takes to know that it is too many. What a row holds counts as well: one that holds a list is many.
        let cells = columns.iter().cloned().chain(of("r", join.right.columns.len()));
        let size = cells.map(|cell| format!("coalesce(length({cell}), 0)")).collect::<Vec<_>>().join(" + ");
        let count = format!(
            "SELECT max(count(*), coalesce(sum(b), 0) / {}) FROM (SELECT {size} AS b FROM {from} LIMIT {})",
            limit::ROW,
            limit::JOINED + 1
        );
        self.measure(&count, Bound::Joined);
        columns.extend(of("r", join.right.columns.len()));
        if matches!(join.kind, JoinKind::RightOuter | JoinKind::FullOuter) {
            fill(columns.iter_mut().take(width), join.left.iter().copied());
        }
        if matches!(join.kind, JoinKind::LeftOuter | JoinKind::FullOuter) {
            fill(columns.iter_mut().skip(width), join.right.columns.iter().map(|column| column.kind));
        }
        self.close(Select { from, conditions: vec![], columns, computed: true, order: None }, None)
    }

    /// One row per key, whichever.
    fn first_of_key(&mut self, left: &Select, width: usize, join: &Join) -> Result<Select, Halt> {
        let keys: Vec<String> = join.on.iter().map(|(a, _)| format!("c{a}")).collect();
        let columns: Vec<String> = (0..width).map(|at| format!("c{at}")).collect();
        let columns = columns.join(", ");
        let body = format!(
            "SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY {}) AS n FROM {}) WHERE n = 1",
            keys.join(", "),
            left.from
        );
        self.stage(&body, width, false)
    }
}

/// A text that is not there is empty.
fn fill<'a>(texts: impl Iterator<Item = &'a mut String>, kinds: impl Iterator<Item = Kind>) {
    for (text, _) in texts.zip(kinds).filter(|(_, kind)| *kind == Kind::Text) {
        *text = format!("coalesce({text}, '')");
    }
}
