//! The store's part for attributes of passes. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{Attribute, AttributeKind, Attributes, StoreResult};
use passerelle_sqlite::attributes;

use super::SqliteStore;
use super::writer::WhenFull::Wait;

impl Attributes for SqliteStore {
    async fn attributes(&self, tenant: &TenantId, pass: &PassId) -> StoreResult<Vec<Attribute>> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.readers.call(move |conn| attributes::of_pass(conn, &tenant, &pass)).await
    }

    async fn set_attributes(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        given: Vec<Attribute>,
        without: Vec<(AttributeKind, String)>,
        now: Millis,
    ) -> StoreResult<bool> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.writer.call(Wait, move |conn| attributes::set(conn, &tenant, &pass, &given, &without, now)).await
    }
}
