//! The store's part for Vibes' sake. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{InstanceEvent, InstanceLook, StoreResult, VibesLedger};
use passerelle_sqlite::vibes;

use super::EdgeStore;
use super::session::Database;

impl<D: Database> VibesLedger for EdgeStore<D> {
    async fn vibes_event(&self, tenant: &TenantId, event: InstanceEvent, fold_at: Millis) -> StoreResult<bool> {
        self.session.write(|conn| vibes::event(conn, tenant, &event, fold_at))
    }

    async fn vibes_look(&self, tenant: &TenantId, look: InstanceLook, fold_at: Millis) -> StoreResult<bool> {
        self.session.write(|conn| vibes::look(conn, tenant, &look, fold_at))
    }
}
