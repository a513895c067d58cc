//! Hourly figures.

use super::*;

fn figures<E: Engine>() {
    const HOUR: Millis = 3_600_000;
    let engine = E::start();
    let store = engine.store().clone();
    block_on(async {
        use passerelle_flow::store::{Priority, Store as _, TaskSubject};
        assert_eq!(store.figures(HOUR).await.unwrap(), [], "nobody is there");
        store.enqueue(&opera(), TaskSubject::File("1".to_owned()), "t", Priority::Normal, 0).await.unwrap();
        let counted = store.figures(HOUR).await.unwrap();
        let again = store.figures(HOUR).await.unwrap();
        assert_eq!(counted, again);
        assert!(counted.iter().any(|figure| figure.kind == "Tasks:Waiting" && figure.value == 1));
        assert!(counted.iter().any(|figure| figure.kind == "Deliveries:Dead" && figure.value == 0));
        let kept = store.keep_figures(HOUR, counted.clone()).await.unwrap();
        assert_eq!(kept, counted.len() as u64);
        assert_eq!(store.keep_figures(HOUR, again).await.unwrap(), 0, "another node was first");
        assert_eq!(store.figures(HOUR).await.unwrap(), [], "the hour is kept");
        assert_eq!(store.figures(2 * HOUR).await.unwrap(), counted);
    });
    let query = "Metrics | where metricType == 'Tasks:Waiting' | project tenantId, value, timestamp, metricId";
    let found = block_on(ask(&engine, opera().as_str(), query, &json!({}), 2 * HOUR)).unwrap();
    assert_eq!(json!(found.rows), json!([["opera", 1, "1970-01-01T01:00:00Z", "Tasks:Waiting/3600000/{}"]]));
}

#[test]
fn an_hours_figures_are_kept_once_on_the_servers_store() {
    figures::<Sqlite>();
}

#[test]
fn an_hours_figures_are_kept_once_on_the_edges_store() {
    figures::<Edge>();
}
