//! The store's part for Vibes' sake. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{InstanceEvent, InstanceLook, StoreResult, VibesLedger};
use passerelle_sqlite::vibes;

use super::SqliteStore;
use super::writer::WhenFull::{Refuse, Wait};

impl VibesLedger for SqliteStore {
    async fn vibes_event(&self, tenant: &TenantId, event: InstanceEvent, fold_at: Millis) -> StoreResult<bool> {
        let tenant = tenant.clone();
        // Whoever posts it sends it again.
        self.writer.call(Refuse, move |conn| vibes::event(conn, &tenant, &event, fold_at)).await
    }

    async fn vibes_look(&self, tenant: &TenantId, look: InstanceLook, fold_at: Millis) -> StoreResult<bool> {
        let tenant = tenant.clone();
        self.writer.call(Wait, move |conn| vibes::look(conn, &tenant, &look, fold_at)).await
    }
}
