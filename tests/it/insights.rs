//! The Insights API over real sockets, on a server and on an edge, and `passerelle insights query`: who may ask, how often, and what a wrong query is
//! told. What a right one is answered is `store::insights`'s.

use std::process::Command;

use passerelle_simulator::{Holder, Origin};
use serde_json::{Value, json};

use crate::house::{House, Reply};
use crate::process::{Process, binary};

const PATH: &str = "/api/demo/insights/query";

impl House {
    async fn ask(&self, key: &str, body: &Value) -> Reply {
        self.with_key("POST", PATH, key, body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_run_is_counted_and_told_as_columns_and_rows() {
    let house = House::new().await;
    let holders = ["Ada", "Grace"].map(|name| Holder::new(name, "Lovelace")).to_vec();
    let file =
        house.stage.world.secutix().sell_family("CARMEN", holders, Origin::TicketShop).await.unwrap().file().unwrap();
    house.stage.rest().await.unwrap();
    let key = house.key_for(&["Insights.Read"]).await;
    let query = "Logs | where eventType == name and timestamp > ago(7d) | summarize n = count(), calls = sum(tolong(properties.secutixCalls)) by message, bin(timestamp, 7d)";
    let reply = house.ask(&key, &json!({"query": query, "parameters": {"name": "Run:Finished"}, "options": {}})).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    assert_eq!(reply.header("cache-control"), "no-store");
    let answer = reply.json();
    assert_eq!(answer["truncated"], false);
    let columns = [("message", "string"), ("timestamp", "datetime"), ("n", "long"), ("calls", "long")];
    let expected: Vec<Value> = columns.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    assert_eq!(answer["columns"], json!(expected));
    let runs: i64 = answer["rows"].as_array().unwrap().iter().map(|row| row[2].as_i64().unwrap()).sum();
    assert_eq!(runs, i64::try_from(house.outcomes(file).await.len()).unwrap());

    // A run leads to the notification that it answered, and neither tells a name.
    let joined = "Logs | where eventType == 'Run:Finished' and message == 'done' | join kind=inner (Logs | where eventType == 'Notification:Received') on operationId | take 1";
    let row = house.ask(&key, &json!({"query": joined})).await.json();
    assert_eq!(row["rows"].as_array().unwrap().len(), 1, "{row}");
    let all = house.ask(&key, &json!({"query": "Logs"})).await;
    for name in ["Ada", "Grace", "Lovelace", "example.org"] {
        assert!(!String::from_utf8_lossy(&all.body).contains(name), "{name}");
    }

    // The hour's figures are kept once, whoever comes first.
    let flow = &house.stage.server().unwrap().flow;
    let (one, other) = tokio::join!(flow.keep_figures(), flow.keep_figures());
    assert!(one.unwrap() + other.unwrap() > 0);
    assert_eq!(flow.keep_figures().await.unwrap(), 0);
    let figures = "Metrics | where metricType == 'Passes:Count' | summarize passes = sum(value), hours = dcount(timestamp) by state = tostring(properties.state)";
    assert_eq!(house.ask(&key, &json!({"query": figures})).await.json()["rows"], json!([["live", 2, 1]]));

    let document = house.send("GET", "/openapi.json", &[], "").await.json();
    let schema = json!({"$ref": "#/components/schemas/Answer", "components": document["components"]});
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&answer), "{answer}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_query_is_told_its_place_and_a_wrong_caller_nothing() {
    let house = House::new().await;
    let key = house.key_for(&["Insights.Read"]).await;
    let reply = house.ask(&key, &json!({"query": "Events\n| where evenType == 'x'"})).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (400, "application/problem+json"));
    let problem = reply.json();
    assert_eq!(problem["type"], "urn:passerelle:problem:invalid-query");
    let place =
        json!({"line": 2, "column": 9, "near": "evenType", "expected": [], "hint": "did you mean `eventType`?"});
    assert_eq!(problem["position"], place);
    assert_eq!(problem["detail"], "line 2, column 9: there is no column `evenType` here; did you mean `eventType`?");
    assert_eq!(problem["errors"]["query"][0], problem["detail"]);
    let document = house.send("GET", "/openapi.json", &[], "").await.json();
    let schema = json!({"$ref": "#/components/schemas/ProblemDetails", "components": document["components"]});
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&problem), "{problem}");
    let unfinished = house.ask(&key, &json!({"query": "Events | summarize"})).await.json();
    assert!(!unfinished["position"]["expected"].as_array().unwrap().is_empty(), "{unfinished}");

    for (body, field) in [
        (json!({}), "body"),
        (json!({"query": 1}), "body"),
        (json!({"query": "Events", "tenant": "annex"}), "body"),
        (json!({"query": "Events", "parameters": {"a": []}}), "parameters"),
    ] {
        let reply = house.ask(&key, &body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(!reply.json()["errors"][field].is_null(), "{body}");
    }
    let many = json!({"query": format!("Events{}", " | join (Events) on tenantId".repeat(4))});
    assert_eq!(house.ask(&key, &many).await.status, 200, "there are no events yet");
    assert_eq!(house.ask("psk_live_aaaaaaaa_b", &json!({"query": "Events"})).await.status, 401);
    assert_eq!(house.ask(house.stage.caller.key(), &json!({"query": "Events"})).await.status, 403);
    let other = house.send("POST", "/api/annex/insights/query", &[("x-api-key", key.as_str())], "{}").await;
    assert_eq!(other.status, 404);
    let annex = house.second_tenant(|text| text).await;
    let other = house.send("POST", "/api/annex/insights/query", &[("x-api-key", key.as_str())], "{}").await;
    assert_eq!(other.status, 401, "the key is another tenant's");
    assert_eq!(annex.get(&house, "insights/query").await.status, 405);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_calls_a_minute_are_answered_and_the_next_is_told_when() {
    let house = House::new().await;
    let key = house.key_for(&["Insights.Read"]).await;
    for n in 0..60 {
        // Half of them are wrong: a call is a call.
        let query = if n % 2 == 0 { "Events | count" } else { "Events | cuont" };
        assert_eq!(house.ask(&key, &json!({"query": query})).await.status, if n % 2 == 0 { 200 } else { 400 }, "{n}");
    }
    let refused = house.ask(&key, &json!({"query": "Events | count"})).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["type"], "urn:passerelle:problem:too-many-calls");
    let seconds: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    house.advance(seconds * 1000).await;
    assert_eq!(house.ask(&key, &json!({"query": "Events | count"})).await.status, 200);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_answers_as_table_json_and_csv() {
    let process = Process::new().await;
    let holders = vec![Holder::new("Ada", "Lovelace")];
    process.world.secutix().sell_family("CARMEN", holders, Origin::TicketShop).await.unwrap();
    process.rest().await;
    let config = process.config();
    let told = |more: &[&str]| {
        let arguments = [&["insights", "query", "--config", &config, "--tenant", "demo"][..], more].concat();
        let output = Command::new(binary()).args(&arguments).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let query = "Logs | where message == word and eventType == 'Run:Finished' | project message, n = 1 | take 1";
    let word = ["--parameter", "word=done"];
    let (code, json, _) = told(&[&[query, "--format", "json"][..], &word].concat());
    assert_eq!(code, Some(0));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows"], json!([["done", 1]]));
    assert_eq!(told(&[&[query, "--format", "csv"][..], &word].concat()).1, "message,n\r\ndone,1\r\n");
    let (_, table, _) = told(&[&[query][..], &word].concat());
    assert!(table.contains("message") && table.contains("done"), "{table}");
    let (code, _, error) = told(&["Logs | were true"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("line 1, column 8") && error.contains("did you mean `where`?"), "{error}");
}
