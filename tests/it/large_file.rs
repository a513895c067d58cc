//! A file of ten thousand tickets, the largest that is meant to work, on a server. (The shared suite plays two such cases on both hosts by name:
//! `CASE=hostile-ten-thousand-movements`.)

use std::path::Path;

use passerelle_connector::contract::scenario::Answer;
use passerelle_simulator::{Simulator, SimulatorConfig};
use serde_json::json;

use crate::agreement::side::Side;
use crate::case_folder::Case;
use crate::store::rows;

#[tokio::test(flavor = "multi_thread")]
async fn each_of_ten_thousand_tickets_of_one_file_gets_its_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/hostile-ten-thousand-movements");
    let case = Case::load(&folder).unwrap();
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let side = Side::server(&world, &["stadium"], false).await;
    side.other.answer("stadium", case.before.clone());
    let Some(Answer::File(bytes)) = &case.before else { panic!("the case begins with a file") };
    let file: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let text = file.to_string();
    let movements = text.matches("\"movementId\"").count();
    assert!(movements >= 10_000, "{movements}");
    let body = json!({"orderSecretToken": "9f3c0c7e5b", "state": "PAID", "lastUpdate": null}).to_string();
    let path = "/api/stadium/webhooks/listeners/secutix/orders";
    assert_eq!(side.ask("POST", path, &[("content-type", "application/json")], body).await.status, 200);
    side.drive().await;
    assert_eq!(rows(&side.database, "SELECT count(*) FROM pass"), [[format!("Integer({movements})")]]);
    side.end().await;
    world.stop().await;
}
