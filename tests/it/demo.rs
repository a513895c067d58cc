//! The demo, as a test: all that it shows must be as it says.

use passerelle_server::demo::stage::StageOptions;

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_of_the_demo_ends_as_the_matrix_says() {
    let house = House::with(StageOptions { reports: true, ..StageOptions::default() }).await;
    let report = passerelle_server::demo::play(&house.stage).await.unwrap();
    assert!(report.ok, "{:?}", report.missing);
    let wrong: Vec<_> = report.scenarios.iter().filter(|scenario| !scenario.ok).collect();
    assert!(wrong.is_empty(), "{}", serde_json::to_string_pretty(&wrong).unwrap());
    let cases: Vec<&str> = report.scenarios.iter().map(|scenario| scenario.recognised.as_str()).collect();
    // Seven things that a holder does, and in each SecuTix, the ticket and the CRM as they should be.
    assert_eq!(report.installations.len(), 7);
    let wrong: Vec<_> = report.installations.iter().filter(|step| !step.ok).collect();
    assert!(wrong.is_empty(), "{}", serde_json::to_string_pretty(&wrong).unwrap());
    for case in [
        "event-change",
        "reprint",
        "holder-change",
        "cultural-contact-change",
        "replacement",
        "exchange",
        "cancellation",
        "entry-scan",
        "purchase",
    ] {
        assert!(cases.contains(&case), "{case} was not played: {cases:?}");
    }
    house.end().await;
}
