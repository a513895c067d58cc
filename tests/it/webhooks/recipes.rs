//! What docs/webhooks.md tells a receiver to write, run as it stands there against what we really send; and the receiver of the command line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::json;

use super::*;
use crate::process::binary;

#[path = "recipe.rs"]
mod recipe;

const DOCS: &str = include_str!("../../../docs/webhooks.md");

/// The first block of that language.
fn block(language: &str) -> String {
    let begin = format!("```{language}\n");
    let from = DOCS.find(&begin).unwrap_or_else(|| panic!("no block of {language}")) + begin.len();
    let to = DOCS[from..].find("```").unwrap() + from;
    DOCS[from..to].to_owned()
}

/// One webhook as the CRM got it, and the secret that it verifies with.
async fn one() -> (Received, String) {
    let post = Post::new().await;
    let desk = post.desk("crm");
    let made = post.endpoint(&desk, &["*"], json!({ "neostoreSignature": "base64" })).await;
    post.test(&made).await;
    let seen = post.seen(&desk, "a test", |all| !all.is_empty()).await.remove(0);
    post.house.end().await;
    (seen, made["secret"].as_str().unwrap().to_owned())
}

/// Genuine, then with another body, another secret, an old time; as what the program prints.
fn judged(program: &str, file: &str, code: &str, seen: &Received, secret: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    std::fs::write(&path, code).unwrap();
    let headers: serde_json::Map<String, Value> =
        seen.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let given = json!({ "secret": secret, "headers": headers, "body": hex::encode(&seen.body) });
    let mut child = Command::new(program)
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask test` brings it"));
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

const EXPECTED: [bool; 4] = [true, false, false, false];

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_receivers_tell_a_genuine_webhook_from_others() {
    let (seen, secret) = one().await;
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    let javascript = format!(
        "{}\nimport {{ readFileSync }} from \"node:fs\";\nconst given = JSON.parse(readFileSync(0, \"utf8\"));\n\
         const body = Buffer.from(given.body, \"hex\");\nconst {{ secret, headers }} = given;\n\
         console.log(JSON.stringify([genuine(secret, headers, body), genuine(secret, headers, Buffer.concat([body, Buffer.from(\"\\n\")])), \
         genuine(\"{other}\", headers, body), genuine(secret, headers, body, Date.now() / 1000 + 301)]));\n",
        block("javascript")
    );
    assert_eq!(judged("node", "receiver.mjs", &javascript, &seen, &secret), EXPECTED);

    let python = format!(
        "{}\nimport json, sys\ngiven = json.load(sys.stdin)\nbody = bytes.fromhex(given[\"body\"])\nsecret, headers = given[\"secret\"], given[\"headers\"]\n\
         print(json.dumps([genuine(secret, headers, body), genuine(secret, headers, body + b\"\\n\"), genuine(\"{other}\", headers, body), \
         genuine(secret, headers, body, time.time() + 301)]))\n",
        block("python")
    );
    let program =
        std::env::var("GOOGLE_CLIENT_PYTHON").expect("GOOGLE_CLIENT_PYTHON names a Python; `cargo xtask test` sets it");
    assert_eq!(judged(&program, "receiver.py", &python, &seen, &secret), EXPECTED);

    // Compiled into this test, and the same text as in the documentation.
    assert_eq!(block("rust"), include_str!("recipe.rs"));
    let header = |name: &str| seen.header(name).unwrap_or_default();
    let (id, time, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let now: i64 = time.parse().unwrap();
    let longer = [&seen.body[..], b"\n"].concat();
    let judged = [
        recipe::genuine(&secret, id, time, signatures, &seen.body, now),
        recipe::genuine(&secret, id, time, signatures, &longer, now),
        recipe::genuine(other, id, time, signatures, &seen.body, now),
        recipe::genuine(&secret, id, time, signatures, &seen.body, now + 301),
    ];
    assert_eq!(judged, EXPECTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_judges_what_was_received_elsewhere() {
    let (seen, secret) = one().await;
    let folder = tempfile::tempdir().unwrap();
    let (body, other) = (folder.path().join("body.json"), folder.path().join("other.json"));
    std::fs::write(&body, &seen.body).unwrap();
    std::fs::write(&other, [&seen.body[..], b"\n"].concat()).unwrap();
    let header = |name: &str| seen.header(name).unwrap().to_owned();
    let (id, time, list) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let verify = |body: &std::path::Path, more: &[&str]| {
        let mut command = Command::new(binary());
        command.args(["webhook", "verify", "--secret", &secret, "--body"]).arg(body).args(more);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let three = ["--id", &id, "--timestamp", &time, "--signature", &list];
    assert_eq!(verify(&body, &three), (Some(0), "Genuine.\n".to_owned()));
    let (code, said) = verify(&other, &three);
    assert!(code == Some(1) && said.contains("ends in a line break"), "{said}");
    let late: i64 = time.parse::<i64>().unwrap() + 3_600;
    let (code, said) = verify(&body, &[&three[..], &["--at", &late.to_string()]].concat());
    assert!(code == Some(1) && said.contains("too old"), "{said}");
    let neostore = header("x-neostore-signature");
    assert_eq!(verify(&body, &["--neostore-signature", &neostore]).0, Some(0));
    assert_eq!(verify(&other, &["--neostore-signature", &neostore]).0, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_developer_sees_webhooks_arrive_on_the_own_machine() {
    let post = Post::new().await;
    let draft = json!({ "endpoint": "http://localhost:9/", "events": ["*"] });
    let made = post.ask("POST", "", &draft).await.json();
    let id = made["id"].as_str().unwrap();
    let mut child = Command::new(binary())
        .args(["webhook", "listen", "--port", "0", "--count", "1", "--secret", made["secret"].as_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let url = first.strip_prefix("Listening: ").unwrap();
    assert_eq!(post.ask("PATCH", &format!("/{id}"), &json!({ "endpoint": url })).await.status, 200);
    let event = post.test(&made).await;
    let printed: Vec<String> = tokio::task::spawn_blocking(move || lines.map(Result::unwrap).collect()).await.unwrap();
    let printed = printed.join("\n");
    assert!(printed.contains(&format!("POST {event}  genuine")) && printed.contains("Webhook:Test"), "{printed}");
    assert!(child.wait().unwrap().success());
    post.until_delivery(&made, &event, is("delivered")).await;
    post.house.end().await;
}
