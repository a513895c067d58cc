//! The store's part for lists of passes: they are read, nothing else.

use passerelle_flow::store::{PassLists, PassPage, PassQuery, StoreResult};
use passerelle_sqlite::pass_list;

use super::EdgeStore;
use super::session::Database;

impl<D: Database> PassLists for EdgeStore<D> {
    async fn list_passes(&self, query: PassQuery) -> StoreResult<PassPage> {
        self.session.read(|conn| pass_list::list(conn, &query))
    }
}
