//! The store's part for questions and hourly figures. Questions have readers of their own, so that none keeps the others waiting.

use passerelle_flow::identity::Millis;
use passerelle_flow::store::{Bound, Figure, Insights, Outcome, Question, StoreResult};
use passerelle_sqlite::{figures, insights};

use super::SqliteStore;
use super::writer::WhenFull::Wait;

impl Insights for SqliteStore {
    async fn ask(&self, question: Question) -> StoreResult<Outcome> {
        let asked = self.questions.call_within(self.patience, move |conn| insights::ask(conn, &question)).await?;
        Ok(asked.unwrap_or(Outcome::Beyond(Bound::Time)))
    }

    async fn figures(&self, hour: Millis) -> StoreResult<Vec<Figure>> {
        self.questions.call(move |conn| figures::figures(conn, hour)).await
    }

    async fn keep_figures(&self, hour: Millis, figures: Vec<Figure>) -> StoreResult<u64> {
        self.writer.call(Wait, move |conn| figures::keep(conn, hour, &figures)).await
    }
}
