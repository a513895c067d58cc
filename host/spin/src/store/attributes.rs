//! The store's part for attributes of passes. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{Attribute, AttributeKind, Attributes, StoreResult};
use passerelle_sqlite::attributes;

use super::EdgeStore;
use super::session::Database;

impl<D: Database> Attributes for EdgeStore<D> {
    async fn attributes(&self, tenant: &TenantId, pass: &PassId) -> StoreResult<Vec<Attribute>> {
        self.session.read(|conn| attributes::of_pass(conn, tenant, pass))
    }

    async fn set_attributes(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        given: Vec<Attribute>,
        without: Vec<(AttributeKind, String)>,
        now: Millis,
    ) -> StoreResult<bool> {
        self.session.write(|conn| attributes::set(conn, tenant, pass, &given, &without, now))
    }
}
