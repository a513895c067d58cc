//! The tree, as data. Every part knows its place in the text.

use super::super::error::Span;
use super::super::plan::{JoinKind, Key, Kind, Literal};

#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub named: Vec<Let>,
    pub pipeline: Pipeline,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    pub name: String,
    pub span: Span,
    pub bound: Bound,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    Value(Tree),
    Pipeline(Pipeline),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    pub source: Source,
    pub operators: Vec<Operator>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Name(String, Span),
    Pipeline(Box<Pipeline>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Of its word.
    pub span: Span,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Where(Tree),
    Project(Vec<Named>),
    ProjectAway(Vec<(String, Span)>),
    ProjectRename(Vec<Named>),
    Extend(Vec<Named>),
    Summarize {
        aggregates: Vec<Named>,
        by: Vec<Named>,
    },
    /// None: of all columns.
    Distinct(Option<Vec<Named>>),
    Sort(Vec<SortKey>),
    Take(Tree),
    Top(Tree, SortKey),
    Count,
    Join {
        kind: JoinKind,
        right: Box<Pipeline>,
        on: Vec<On>,
    },
}

/// `name = expression`, or the expression alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub name: Option<(String, Span)>,
    pub of: Tree,
}

/// What is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    pub by: Tree,
    pub descending: bool,
    pub nulls_first: Option<bool>,
}

/// A name of both sides, or `$left.a == $right.b`.
#[derive(Clone, Debug, PartialEq)]
pub struct On {
    pub left: (String, Span),
    pub right: (String, Span),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub span: Span,
    pub node: Branch,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Branch {
    Name(String),
    Literal(Kind, Literal),
    /// `*`, which only a few calls take.
    Star,
    Path(Box<Tree>, Key),
    Call(String, Vec<Tree>),
    Negate(Box<Tree>),
    /// The sign, and where it stands.
    Binary(&'static str, Span, Box<Tree>, Box<Tree>),
    /// `and`, `or`: all their terms.
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Among {
        of: Box<Tree>,
        list: Vec<Tree>,
        folded: bool,
        negated: bool,
    },
    Between {
        of: Box<Tree>,
        from: Box<Tree>,
        to: Box<Tree>,
        negated: bool,
    },
    /// A word between two texts.
    Text {
        of: Box<Tree>,
        what: Vec<Tree>,
        test: TextTest,
        folded: bool,
        negated: bool,
        every: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
    Has,
}
