//! The store's part for lists of passes: they are read, nothing else.

use passerelle_flow::store::{PassLists, PassPage, PassQuery, StoreResult};
use passerelle_sqlite::pass_list;

use super::SqliteStore;

impl PassLists for SqliteStore {
    async fn list_passes(&self, query: PassQuery) -> StoreResult<PassPage> {
        self.readers.call(move |conn| pass_list::list(conn, &query)).await
    }
}
