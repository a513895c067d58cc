//! Passes that were made before there was an identifier to join them by.
//!
//! Owns the walk over them. Does not own where their identifiers come from: whoever asks (`passerelle backfill --identifiers`) knows. The walk goes by
//! creation, from place to place, so that it can be given up and taken up again: a pass that is given the identifier drops out, and the rest is handed
//! out all the same.

use crate::flow::Flow;
use crate::identity::{PassId, TenantId};
use crate::ports::Host;
use crate::store::{
    AttributeKind, Condition, Count, Order, PassLists as _, PassQuery, PassSubject, Position, Start, StoreResult,
    TextTest,
};

/// Some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    pub passes: Vec<(PassId, PassSubject)>,
    /// From where the next ones are; none: these were the last.
    pub next: Option<Position>,
}

/// Up to `batch` passes, of any state, that have no identifier of that name, the oldest first. `after` is the place that the last batch ended at.
pub async fn lacking<H: Host>(
    flow: &Flow<H>,
    tenant: &TenantId,
    identifier: &str,
    after: Option<Position>,
    batch: u32,
) -> StoreResult<Lacking> {
    let query = PassQuery {
        tenant: tenant.clone(),
        conditions: vec![Condition::Attribute {
            kind: AttributeKind::Identifier,
            name: identifier.to_owned(),
            test: TextTest::Empty,
            macs: vec![],
        }],
        order: Order::Created,
        descending: false,
        start: after.map_or(Start::Offset(0), Start::After),
        limit: batch,
        count: Count::Never,
    };
    let page = flow.host.store().list_passes(query).await?;
    let next = page.passes.last().filter(|_| page.more).map(|(position, _)| position.clone());
    Ok(Lacking { passes: page.passes.into_iter().map(|(_, pass)| (pass.id, pass.subject)).collect(), next })
}
