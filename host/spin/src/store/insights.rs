//! The store's part for questions and hourly figures. A statement cannot be stopped here: what bounds a question is what it may be
//! (`passerelle_flow::insights::limit`).

use passerelle_flow::identity::Millis;
use passerelle_flow::store::{Figure, Insights, Outcome, Question, StoreResult};
use passerelle_sqlite::{figures, insights};

use super::EdgeStore;
use super::session::Database;

impl<D: Database> Insights for EdgeStore<D> {
    async fn ask(&self, question: Question) -> StoreResult<Outcome> {
        self.session.read(|conn| insights::ask(conn, &question))
    }

    async fn figures(&self, hour: Millis) -> StoreResult<Vec<Figure>> {
        self.session.read(|conn| figures::figures(conn, hour))
    }

    async fn keep_figures(&self, hour: Millis, figures: Vec<Figure>) -> StoreResult<u64> {
        self.session.write(|conn| figures::keep(conn, hour, &figures))
    }
}
