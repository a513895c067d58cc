//! Where every movement of a file stands: alive, between two tickets, ended, or merely mentioned.
//!
//! Owns the reading of orders and of what several of them say about one movement. The latest order that states something wins. A movement that
//! lives keeps its pass, so ending at once needs a statement: an unknown state, a missing one, and a dead ticket are none. What points to an end
//! without stating it (a CANCELLED ticket alone, a refund or an exchange that merely names the movement) is as good as an absence.

use std::borrow::Cow;

use super::answer::{FileAnswer, Movement, Operation, Order};
use super::claim::{Claim, claim, says_alive};
use super::envelope::{self, Unread, unreadable};
use super::moment;
use crate::contract::scenario::{Fault, KnownPass};
use crate::contract::types::PassState;
use crate::lenient::{Node, parse_id};
use crate::order::{self, Ranked};

/// States of a file that is void as a whole; SecuTix's spelling and the dictionary's.
const ENDED_FILE: [&str; 4] = ["CANCELED", "CANCELLED", "ABANDONNED", "ABANDONED"];
/// Kinds of product whose sale makes movements (domain.md 3.4); goods and services may have none.
const WITH_MOVEMENTS: [&str; 5] = ["SINGLE_ENTRY", "SEASONTICKET", "PASS", "PACKAGE", "MEMBERSHIP"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderKind {
    Sale,
    Exchange,
    Refund,
    /// A reservation or an option: nothing is sold yet, or it is let go.
    Hold,
}

impl OrderKind {
    fn of(order: &Order<'_>) -> Self {
        let Some(kind) = order.order_type.text() else { return Self::Sale };
        let kind = kind.to_ascii_uppercase();
        if kind.starts_with("EXCHANGE") {
            Self::Exchange
        } else if kind.starts_with("REFUND") {
            Self::Refund
        } else if kind.starts_with("RESERVATION") || kind.starts_with("OPTION") {
            Self::Hold
        } else {
            Self::Sale
        }
    }
}

/// An order, at its place in time.
pub(super) struct OrderView<'f> {
    pub id: i64,
    pub kind: OrderKind,
    pub originator: Option<Cow<'f, str>>,
    /// Its place in the answer.
    pub at: usize,
    raw: &'f Order<'f>,
}

pub(super) struct OperationView<'f> {
    pub raw: &'f Operation<'f>,
    id: Option<i64>,
    /// Of its order, in time.
    rank: usize,
    /// Places in the answer.
    pub order_at: usize,
    pub at: usize,
}

impl OperationView<'_> {
    pub(super) fn pointer(&self) -> String {
        Self::pointer_of(self.order_at, self.at)
    }

    pub(super) fn pointer_of(order_at: usize, at: usize) -> String {
        format!("/orderDetailsDatas/{order_at}/operationDatas/{at}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// `stated`: by a living ticket or by its own state, not merely by being there.
    Alive { stated: bool },
    /// Its tickets are dead and it is not: the new one is on its way.
    Between,
    /// The file says that it ended.
    Ended,
    /// Its ticket is CANCELLED, and nothing else is said. Interfaces differ in what they call the old ticket of a reprint (domain.md 3.4, 7.6),
    /// so this may be an end or a gap: as good as absent.
    Withdrawn,
    /// A refund or an exchange names it and states nothing, and no other order says that it lives: as good as absent.
    Returned,
    /// Mentioned by a reservation or an option that states nothing.
    Silent,
}

impl Life {
    /// The pass must end: at once, or when a second look agrees.
    pub(super) fn is_gone(self) -> bool {
        matches!(self, Self::Ended | Self::Withdrawn | Self::Returned)
    }
}

/// What one order says of one movement.
#[derive(Clone, Copy)]
struct Statement<'f> {
    id: i64,
    rank: usize,
    at: usize,
    movement: &'f Movement<'f>,
}

/// A movement as the whole file states it.
pub(super) struct Standing<'f> {
    pub id: i64,
    pub life: Life,
    /// Rank of the order that sold it: the first that mentions it.
    pub first: usize,
    /// Rank of the latest refund, or later exchange, that mentions it.
    pub left_by: Option<usize>,
    /// The statement that describes the ticket, and the rank of its order: the latest that says what the ticket is.
    pub movement: &'f Movement<'f>,
    pub rank: usize,
    at: usize,
    /// It lives, by its ticket or its own state, and yet a refund or an exchange names it: the place of that mention.
    doubt: Option<(usize, usize)>,
}

pub(super) struct File<'f> {
    pub id: String,
    pub cancelled: bool,
    /// In time: by creation, then by number.
    pub orders: Vec<OrderView<'f>>,
    /// By rank of their order.
    pub operations: Vec<OperationView<'f>>,
    /// By movement.
    pub standings: Vec<Standing<'f>>,
    /// Operations by number and rank, for lookups.
    by_number: Vec<Ranked>,
    /// Ranks of orders by number.
    ranks: Vec<Ranked>,
    /// Rank of the latest refund that lists no movement.
    last_blank_refund: Option<usize>,
}

impl<'f> File<'f> {
    pub(super) fn of(answer: &'f FileAnswer<'f>, passes: &[KnownPass], unread: &mut Unread) -> Result<Self, Fault> {
        let details = answer.file_details_data.get().ok_or_else(|| unreadable("/fileDetailsData"))?;
        let id = details.file_id.id().ok_or_else(|| unreadable("/fileDetailsData/fileId"))?.to_string();
        unread.check(&details.file_state, || "/fileDetailsData/fileState".to_owned());
        let state = details.file_state.text().unwrap_or_default();
        let cancelled = ENDED_FILE.iter().any(|ended| state.eq_ignore_ascii_case(ended));
        let orders = orders(answer, unread)?;
        let mut operations = Vec::new();
        let mut statements = Vec::new();
        let live = passes.iter().filter(|pass| matches!(pass.state, PassState::Live));
        let with_passes = order::sorted(live.filter_map(|pass| parse_id(pass.order.as_deref()?)));
        for (rank, order) in orders.iter().enumerate() {
            read_operations(rank, order, &mut operations, unread);
            read_movements(rank, order, &with_passes, &mut statements, unread)?;
        }
        let numbered = operations.iter().enumerate().filter_map(|(place, operation): (_, &OperationView<'_>)| {
            Some((operation.id?, order::number(operation.rank), 0, place))
        });
        let mut by_number: Vec<Ranked> = numbered.collect();
        order::sort(&mut by_number);
        let standings = standings(&statements, &orders, cancelled);
        let mut ranks: Vec<Ranked> = orders.iter().enumerate().map(|(rank, order)| (order.id, 0, 0, rank)).collect();
        order::sort(&mut ranks);
        let blank = |order: &OrderView<'_>| order.raw.movement_datas.nodes().is_empty();
        let last_blank_refund = orders.iter().rposition(|order| order.kind == OrderKind::Refund && blank(order));
        Ok(Self { id, cancelled, orders, operations, standings, by_number, ranks, last_blank_refund })
    }

    pub(super) fn standing(&self, id: i64) -> Option<&Standing<'f>> {
        let place = self.standings.binary_search_by_key(&id, |standing| standing.id).ok()?;
        self.standings.get(place)
    }

    pub(super) fn order(&self, rank: usize) -> Option<&OrderView<'f>> {
        self.orders.get(rank)
    }

    pub(super) fn rank_of_order(&self, id: i64) -> Option<usize> {
        order::find(&self.ranks, id)
    }

    /// JSON pointer of the statement that describes the movement.
    pub(super) fn pointer(&self, standing: &Standing<'_>) -> String {
        self.pointer_at(standing.rank, standing.at)
    }

    /// JSON pointer of the mention that contradicts the movement's being alive.
    pub(super) fn doubt(&self, standing: &Standing<'_>) -> Option<String> {
        standing.doubt.map(|(rank, at)| self.pointer_at(rank, at))
    }

    fn pointer_at(&self, rank: usize, at: usize) -> String {
        let order = self.order(rank).map_or(0, |order| order.at);
        format!("/orderDetailsDatas/{order}/movementDatas/{at}")
    }

    /// The operation that the movement belongs to: in its own order, else in the file; without a number, the only one of its order.
    pub(super) fn operation(&self, standing: &Standing<'f>) -> Option<&OperationView<'f>> {
        self.operations.get(self.place_of_operation(standing)?)
    }

    /// Its place in `operations`.
    pub(super) fn place_of_operation(&self, standing: &Standing<'f>) -> Option<usize> {
        let number = standing.movement.operation_id.id();
        if number.is_none() {
            let start = self.operations.partition_point(|operation| operation.rank < standing.rank);
            let end = self.operations.partition_point(|operation| operation.rank <= standing.rank);
            return (end == start + 1).then_some(start);
        }
        let number = number?;
        let rank = order::number(standing.rank);
        let after = self.by_number.partition_point(|entry| (entry.0, entry.1) <= (number, rank));
        let get = |at: usize| self.by_number.get(at).filter(|entry| entry.0 == number).map(|entry| entry.3);
        after.checked_sub(1).and_then(get).or_else(|| get(after))
    }

    /// The latest refund after the given rank that lists no movement: it may have made this one go. One that lists movements speaks of those.
    pub(super) fn refund_after(&self, rank: usize) -> Option<usize> {
        self.last_blank_refund.filter(|refund| *refund > rank)
    }
}

fn orders<'f>(answer: &'f FileAnswer<'f>, unread: &mut Unread) -> Result<Vec<OrderView<'f>>, Fault> {
    // A file is made by its first order and was found through one: a list without any is not an empty file but a part that is missing.
    if answer.order_details_datas.nodes().is_empty() {
        return Err(unreadable("/orderDetailsDatas"));
    }
    let mut found = Vec::new();
    let mut dated: Vec<Ranked> = Vec::new();
    for (at, node) in answer.order_details_datas.nodes().iter().enumerate() {
        let Node::Is(raw) = node else { return Err(unreadable(format!("/orderDetailsDatas/{at}"))) };
        let id = raw.order_id.id().ok_or_else(|| unreadable(format!("/orderDetailsDatas/{at}/orderId")))?;
        let created = moment::seconds(&raw.creation_date_time);
        if created.is_none() && !raw.creation_date_time.is_absent() {
            unread.note(|| format!("/orderDetailsDatas/{at}/creationDateTime"));
        }
        let created = created.unwrap_or(i64::MIN);
        let originator = raw.order_originator.text().filter(|originator| envelope::is_code(originator));
        if originator.is_none() && !raw.order_originator.is_absent() {
            unread.note(|| format!("/orderDetailsDatas/{at}/orderOriginator"));
        }
        let order = OrderView { id, kind: OrderKind::of(raw), originator, at, raw };
        dated.push((created, id, order::number(at), at));
        found.push(Some(order));
    }
    order::sort(&mut dated);
    Ok(dated.into_iter().filter_map(|(.., at)| found.get_mut(at)?.take()).collect())
}

/// `orderId`, `orderSecretId` of every order that has both.
pub(super) fn tokens(file: &File<'_>, unread: &mut Unread) -> Vec<(String, String)> {
    let mut tokens = Vec::with_capacity(file.orders.len());
    for order in &file.orders {
        match order.raw.order_secret_id.text() {
            Some(token) => tokens.push((order.id.to_string(), token.into_owned())),
            None => unread.note(|| format!("/orderDetailsDatas/{}/orderSecretId", order.at)),
        }
    }
    tokens
}

fn read_operations<'f>(
    rank: usize,
    order: &OrderView<'f>,
    operations: &mut Vec<OperationView<'f>>,
    unread: &mut Unread,
) {
    let list = &order.raw.operation_datas;
    if list.is_misfit() {
        unread.note(|| format!("/orderDetailsDatas/{}/operationDatas", order.at));
    }
    for (at, node) in list.nodes().iter().enumerate() {
        match node {
            Node::Is(raw) => {
                operations.push(OperationView { raw, id: raw.operation_id.id(), rank, order_at: order.at, at });
            }
            _ => unread.note(|| format!("/orderDetailsDatas/{}/operationDatas/{at}", order.at)),
        }
    }
}

fn read_movements<'f>(
    rank: usize,
    order: &OrderView<'f>,
    with_passes: &[Ranked],
    statements: &mut Vec<Statement<'f>>,
    unread: &mut Unread,
) -> Result<(), Fault> {
    let list = &order.raw.movement_datas;
    let pointer = || format!("/orderDetailsDatas/{}/movementDatas", order.at);
    if list.is_misfit() {
        return Err(unreadable(pointer()));
    }
    if list.is_absent() {
        // An order of goods has no movements, and then none is written. One that we have passes of had some.
        if order::find(with_passes, order.id).is_some() {
            return Err(unreadable(pointer()));
        }
        let sells = |operation: &Operation<'_>| {
            operation
                .kind
                .text()
                .is_some_and(|kind| WITH_MOVEMENTS.iter().any(|known| kind.eq_ignore_ascii_case(known)))
        };
        if order.kind == OrderKind::Sale && order.raw.operation_datas.objects().any(|(_, operation)| sells(operation)) {
            unread.note(pointer);
        }
        return Ok(());
    }
    for (at, node) in list.nodes().iter().enumerate() {
        let Node::Is(movement) = node else { return Err(unreadable(format!("{}/{at}", pointer()))) };
        let id = movement.movement_id.id().ok_or_else(|| unreadable(format!("{}/{at}/movementId", pointer())))?;
        statements.push(Statement { id, rank, at, movement });
    }
    Ok(())
}

/// Every movement once.
fn standings<'f>(statements: &[Statement<'f>], orders: &[OrderView<'f>], cancelled: bool) -> Vec<Standing<'f>> {
    let mut ranked: Vec<Ranked> = statements
        .iter()
        .enumerate()
        .map(|(place, it)| (it.id, order::number(it.rank), order::number(it.at), place))
        .collect();
    order::sort(&mut ranked);
    let mut standings = Vec::with_capacity(statements.len());
    let mut of_one = Vec::new();
    for same in ranked.chunk_by(|left, right| left.0 == right.0) {
        of_one.clear();
        of_one.extend(same.iter().filter_map(|(.., place)| statements.get(*place).copied()));
        standings.extend(standing(&of_one, orders, cancelled));
    }
    standings
}

/// `statements`: of one movement, in time.
fn standing<'f>(statements: &[Statement<'f>], orders: &[OrderView<'f>], cancelled: bool) -> Option<Standing<'f>> {
    let kind = |rank: usize| orders.get(rank).map_or(OrderKind::Sale, |order| order.kind);
    let first = statements.first()?;
    let mut describing = *first;
    let mut life = Life::Silent;
    let mut doubt = None;
    for statement in statements {
        let kind = kind(statement.rank);
        let claim = claim(statement.movement, kind);
        // A refund or an exchange that comes after the sale names what it takes back. (What an exchange gives is first seen there.)
        let taken_back = statement.rank > first.rank && matches!(kind, OrderKind::Refund | OrderKind::Exchange);
        life = match (claim, life) {
            (Claim::Ended, _) | (Claim::Withdrawn, Life::Ended) => Life::Ended,
            (Claim::Living, _) => Life::Alive { stated: true },
            (Claim::Between, _) if taken_back && !says_alive(statement.movement) => Life::Returned,
            (Claim::Between, _) => Life::Between,
            (Claim::Withdrawn, _) => Life::Withdrawn,
            (Claim::Present | Claim::Silent, held @ (Life::Ended | Life::Withdrawn)) => held,
            (Claim::Present | Claim::Silent, Life::Alive { stated: true }) if taken_back => {
                doubt = Some((statement.rank, statement.at));
                life
            }
            (Claim::Present | Claim::Silent, _) if taken_back => Life::Returned,
            // Being there adds nothing to what an earlier order states.
            (Claim::Present, Life::Silent | Life::Returned) => Life::Alive { stated: false },
            (Claim::Present | Claim::Silent, held) => held,
        };
        if !matches!(claim, Claim::Present | Claim::Silent) {
            doubt = None;
        }
        let describes = match claim {
            Claim::Living | Claim::Between => true,
            Claim::Present => describing.rank == first.rank && life == Life::Alive { stated: false },
            Claim::Ended | Claim::Withdrawn | Claim::Silent => false,
        };
        if describes {
            describing = *statement;
        }
    }
    let left_by = statements.iter().rev().map(|statement| statement.rank).find(|rank| match kind(*rank) {
        OrderKind::Refund => true,
        OrderKind::Exchange => *rank > first.rank,
        OrderKind::Sale | OrderKind::Hold => false,
    });
    if life == Life::Silent && statements.iter().all(|statement| kind(statement.rank) == OrderKind::Refund) {
        life = Life::Returned;
    }
    // Two signs that agree are a statement.
    if cancelled || life == Life::Withdrawn && left_by.is_some() {
        life = Life::Ended;
    }
    let Statement { id, rank, at, movement } = describing;
    Some(Standing { id, life, first: first.rank, left_by, movement, rank, at, doubt })
}
