//! A checked query, as data: what a store answers.
//!
//! Owns the vocabulary. Names are gone (a column is its number in the table before it), types are known, and what differs between KQL and
//! others is spelled out: folded case, conversions, order of nulls. There is no tenant in it: the store brings it.

use super::schema::Table;

/// KQL's types, as far as they are here. Datetimes and timespans are whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Long,
    Real,
    /// Never null: what is not there is empty.
    Text,
    Datetime,
    Timespan,
    /// JSON; its null is null.
    Dynamic,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Long => "long",
            Self::Real => "real",
            Self::Text => "string",
            Self::Datetime => "datetime",
            Self::Timespan => "timespan",
            Self::Dynamic => "dynamic",
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Long | Self::Real)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    /// May be null.
    pub nullable: bool,
}

/// A pipeline and what comes out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub table: Table,
    pub steps: Vec<Step>,
    pub columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Where(Expr),
    /// Every column of the next table.
    Project(Vec<Expr>),
    /// First the groups' columns, then the aggregates'. Without groups one row, always; without aggregates the distinct groups.
    Summarize {
        by: Vec<Expr>,
        aggregates: Vec<Aggregate>,
    },
    Sort(Vec<Order>),
    Take(u32),
    Join(Box<Join>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub by: Expr,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    pub kind: JoinKind,
    pub right: Plan,
    /// Kinds of the left's columns.
    pub left: Vec<Kind>,
    /// Columns of the left and of the right that are equal.
    pub on: Vec<(usize, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// One row of the left per key, and each of the right that fits: KQL's default.
    InnerUnique,
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
    /// Rows of the left that have a partner, and its columns only.
    LeftSemi,
    /// Those that have none.
    LeftAnti,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub function: AggregateFunction,
    pub kind: Kind,
    /// What is counted or added up; none: rows.
    pub of: Option<Expr>,
    /// Rows that count.
    pub only: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AggregateFunction {
    Count,
    /// Exact.
    DistinctCount,
    Sum,
    Average,
    Least,
    Greatest,
    /// The value at this share of all, from 0 to 100, by the nearest rank.
    Percentile(f64),
    List,
    Set,
    Any,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: Kind,
    pub nullable: bool,
    pub node: Node,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Column(usize),
    Literal(Literal),
    Call(Function, Vec<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    /// Numbers, and the milliseconds of datetimes and timespans.
    Whole(i64),
    Real(f64),
    Text(String),
}

/// A step into a dynamic value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Name(String),
    /// Negative: from the end.
    Index(i64),
}

/// What a call does. Arguments are of the kinds that it needs; the result is the expression's.
#[derive(Clone, Debug, PartialEq)]
pub enum Function {
    And,
    Or,
    Not,
    /// Null and a value are different, two nulls are unknown.
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The first among the others, which are literals.
    In,
    Add,
    Subtract,
    Multiply,
    /// Whole numbers to whole numbers, as KQL does; by nothing is null.
    Divide,
    Modulo,
    Negate,
    Absolute,
    /// To so many decimals.
    Round(u8),
    /// Down to a multiple of the second, a positive literal. Times are counted from the year 1, which is a Monday.
    Bin,
    /// Condition and value, again and again; then the value otherwise.
    Choose,
    /// The first that is there.
    Coalesce,
    Concatenate,
    Lower,
    Length,
    Upper,
    /// From this character (from 0), so many.
    Substring,
    Contains,
    StartsWith,
    EndsWith,
    /// The second, a literal, stands in the first between characters that are neither letters nor digits.
    Has,
    IsNull,
    Path(Vec<Key>),
    Convert,
    ParseJson,
    ArrayLength,
    StartOfDay,
    StartOfWeek,
    StartOfMonth,
    StartOfYear,
    Part(Part),
    /// A pattern of SQLite's `strftime`, made of letters that the check allows.
    Format(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Hour,
    DayOfMonth,
    /// A timespan since Sunday, as KQL has it.
    DayOfWeek,
    Month,
    Year,
}

impl Expr {
    pub fn literal(kind: Kind, literal: Literal) -> Self {
        Self { kind, nullable: literal == Literal::Null, node: Node::Literal(literal) }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::literal(Kind::Text, Literal::Text(text.into()))
    }

    pub fn column(at: usize, column: &Column) -> Self {
        Self { kind: column.kind, nullable: column.nullable, node: Node::Column(at) }
    }

    /// Null when an argument is.
    pub fn call(kind: Kind, function: Function, arguments: Vec<Self>) -> Self {
        let nullable = kind != Kind::Text && arguments.iter().any(|argument| argument.nullable);
        Self { kind, nullable, node: Node::Call(function, arguments) }
    }

    /// May be null whatever the arguments are.
    pub fn maybe(kind: Kind, function: Function, arguments: Vec<Self>) -> Self {
        Self { nullable: kind != Kind::Text, ..Self::call(kind, function, arguments) }
    }

    pub fn as_literal(&self) -> Option<&Literal> {
        if let Node::Literal(literal) = &self.node { Some(literal) } else { None }
    }

    /// Calls, values and columns in it.
    pub fn size(&self) -> usize {
        match &self.node {
            Node::Column(_) | Node::Literal(_) => 1,
            Node::Call(_, arguments) => 1 + arguments.iter().map(Self::size).sum::<usize>(),
        }
    }

    /// Levels of calls.
    pub fn depth(&self) -> usize {
        match &self.node {
            Node::Column(_) | Node::Literal(_) => 1,
            Node::Call(_, arguments) => 1 + arguments.iter().map(Self::depth).max().unwrap_or(0),
        }
    }
}
