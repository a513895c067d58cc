//! Identifiers and metadata over a real socket: given, found by, proven, taken away; and where a person's address may be read.

use std::os::unix::fs::PermissionsExt as _;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::house::{House, Reply};

const PASSES: &str = "/api/demo/passes";
const SECRET: &str = "the organiser's shared secret";
/// What `keyed` and `browser` ask for.
const JSON: &str = "application/json";

/// As the organiser's back end makes it.
fn proof(value: &str) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), value.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn identifiers_and_metadata_are_given_found_by_and_taken_away() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Mary"]).await;
    let [ada, mary] = &sold.held[..] else { panic!("two tickets") };
    let before = house.described(&ada.serial).await;
    house.advance(1_000).await;
    let create = json!({
        "identifiers": {"secutix.movementId": ada.movement, "crm.id": 4711, "email": " Ada@Example.ORG "},
        "metadata": {"campaign": "spring"},
    });
    let made = house.keyed("POST", PASSES, &create).await;
    assert_eq!((made.status.as_u16(), &made.json()["id"]), (200, &json!(ada.serial)));
    assert!(made.json()["links"]["apple"].as_str().unwrap().contains(&ada.serial));
    let after = house.described(&ada.serial).await;
    assert_eq!(
        after["identifiers"],
        json!({"crm.id": "4711", "email": "ada@example.org", "secutix.movementId": ada.movement})
    );
    assert_eq!(after["metadata"], json!({"campaign": "spring"}));
    assert!(after["lastUpdateDate"].as_str() > before["lastUpdateDate"].as_str());
    assert_eq!(after["version"], before["version"], "no phone sees a difference");

    for query in
        ["crm.id=4711", "email=ADA@example.org", "email=ada%40example.org&passType=event-ticket&utm_source=mail"]
    {
        let found = house.get(&format!("{PASSES}/findPass?{query}")).await;
        assert_eq!((found.status.as_u16(), &found.body[..]), (200, ada.serial.as_bytes()), "{query}");
    }
    for query in ["crm.id=4712", "email=mary@example.org", "crm.id=4711&passType=member-card"] {
        assert_eq!(house.get(&format!("{PASSES}/findPass?{query}")).await.status, 204, "{query}");
    }
    for query in ["crm.id=4711&email=ada@example.org", "crm.id=Ada%20Lovelace", "a%20b=1", "neo.src=x"] {
        house.get(&format!("{PASSES}/findPass?{query}")).await.problem(400, "invalid-request");
    }

    let path = format!("{PASSES}/{}", mary.serial);
    let patched = house.keyed("PATCH", &path, &json!({"identifiers": {"crm.id": "4711"}})).await;
    assert_eq!(patched.json(), house.described(&mary.serial).await);
    house.get(&format!("{PASSES}/findPass?crm.id=4711")).await.problem(409, "ambiguous-identifier");
    let patched = house.keyed("PATCH", &path, &json!({"identifiers": {"crm.id": null}, "metadata": {"x": "1"}})).await;
    assert_eq!(patched.json()["identifiers"], json!({"secutix.movementId": mary.movement}));
    assert_eq!(house.get(&format!("{PASSES}/findPass?crm.id=4711")).await.status, 200);

    let wrong = json!({
        "identifiers": {"secutix.movementId": "1", "a b": "x"}, "metadata": {"email": "ada@example.org"}, "passType": "x",
    });
    let told = house.keyed("PATCH", &path, &wrong).await.problem_as(JSON, 400, "invalid-request");
    let names: Vec<_> = told["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["identifiers.a b", "identifiers.secutix.movementId", "metadata.email", "passType"]);
    house.keyed("PATCH", &path, &json!({})).await.problem_as(JSON, 400, "invalid-request");
    let nobody = house.keyed("PATCH", &format!("{PASSES}/AAAAAAAAAAAAAAAA"), &json!({"metadata": {"x": "1"}})).await;
    nobody.problem_as(JSON, 404, "not-found");
    assert_eq!(house.send("PATCH", &path, &[], "{}").await.status, 401);
    let listed = house
        .get(&format!(
            "{PASSES}?filter[0].field=identifiers.email&filter[0].operator=equals&filter[0].value=ada@EXAMPLE.org"
        ))
        .await;
    assert_eq!(listed.json()[0]["identifiers"]["email"], "ada@example.org");

    // A person's address is nowhere in the files, in no spelling.
    for suffix in ["", "-wal"] {
        let file = format!("{}{suffix}", house.stage.settings.store.display());
        let bytes = std::fs::read(file).unwrap_or_default().to_ascii_lowercase();
        assert!(!bytes.windows(11).any(|window| window == b"example.org"), "an address is in the store");
    }
    house.end().await;
}

impl House {
    async fn with_prover(&self, proven: &str) {
        let file = self.folder.path().join("tenants/demo/proof.secret");
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let section = format!("\n[identifiers]\nproof_secret = \"file:proof.secret\"\nproven = {proven}\n");
        self.rewrite("tenant.toml", |text| text + &section).await;
    }

    async fn browser(&self, body: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        self.send("POST", PASSES, &headers, body.to_string()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_opens_the_pass_of_its_identifier_and_nothing_else() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Mary"]).await;
    let [ada, mary] = &sold.held[..] else { panic!("two tickets") };
    let signed = |movement: &str, proof: &str| json!({"identifiers": {"secutix.movementId": movement, "secutix.movementId.hmac": proof}});
    let good = proof(&ada.movement);
    house.browser(&signed(&ada.movement, &good)).await.problem_as(JSON, 401, "identifier-not-proven");
    house.with_prover("[\"secutix.movementId\", \"crm.id\"]").await;

    let made = house.browser(&signed(&ada.movement, &good)).await;
    assert_eq!((made.status.as_u16(), &made.json()["id"]), (200, &json!(ada.serial)));
    let link = made.json()["links"]["google"].as_str().unwrap().to_owned();
    assert!(house.send("GET", &link, &[], "").await.status.is_success(), "the link goes on without a key");
    let find = |movement: &str, proof: &str| {
        format!("{PASSES}/findPass?secutix.movementId={movement}&secutix.movementId.hmac={proof}")
    };
    let found = house.send("GET", &find(&ada.movement, &good), &[], "").await;
    assert_eq!((found.status.as_u16(), &found.body[..]), (200, ada.serial.as_bytes()));

    for (body, what) in [
        (signed(&mary.movement, &good), "another's"),
        (signed(&ada.movement, &good.replace(&good[..4], "0000")), "forged"),
        (signed(&ada.movement, ""), "empty"),
        (json!({"identifiers": {"secutix.movementId": ada.movement}}), "missing"),
        (json!({"identifiers": {"secutix.movementId": ada.movement, "crm.id.hmac": good}}), "of another name"),
    ] {
        assert_eq!(house.browser(&body).await.status, 401, "{what}");
    }
    for refused in [
        find(&mary.movement, &good),
        find(&ada.movement, "00"),
        format!("{PASSES}/findPass?email=a@b.org&email.hmac={}", proof("a@b.org")),
    ] {
        house.send("GET", &refused, &[], "").await.problem(401, "identifier-not-proven");
    }

    let more = |extra: Value, metadata: Value| {
        let mut body = signed(&ada.movement, &good);
        body["identifiers"].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body["metadata"] = metadata;
        body
    };
    let unproven = house.browser(&more(json!({"crm.id": "9"}), json!({"tier": "gold"}))).await;
    let told = unproven.problem_as(JSON, 401, "identifier-not-proven");
    assert_eq!(told["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["identifiers.crm.id", "metadata"]);
    assert_eq!(house.described(&ada.serial).await["identifiers"], json!({"secutix.movementId": ada.movement}));
    let proven = house.browser(&more(json!({"crm.id": "9", "crm.id.hmac": proof("9")}), Value::Null)).await;
    assert_eq!(proven.status, 200);
    assert_eq!(house.described(&ada.serial).await["identifiers"]["crm.id"], "9");
    // A proof is no key.
    assert_eq!(house.send("GET", &format!("{PASSES}/{}", ada.serial), &[], "").await.status, 401);
    house.end().await;
}
