//! What is seen of a case from outside of one host, in a form in which two hosts can be compared.
//!
//! Owns the looking (API, packages, save links, Google's and Apple's records) and what is taken out before comparing, by place: identifiers of
//! passes, proofs derived from them, the host's own address, and times. Everything else is compared byte by byte.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use passerelle_simulator::Simulator;
use serde_json::Value;

use super::other_side::Written;
use super::scene::{Line, Scene, Subject};
use super::side::Side;
use crate::house::Reply;

/// Passes of a case that are saved to Google: each costs a host a signature or two.
const SAVED: usize = 2;
/// Of an answer; the others are of its transport, or a time.
const HEADERS: [&str; 9] = [
    "allow",
    "cache-control",
    "content-disposition",
    "content-type",
    "location",
    "retry-after",
    "www-authenticate",
    "x-content-type-options",
    "x-correlation-id",
];
/// Members of the API's answers that are times or identifiers of a host's own.
const OWN: [&str; 5] = ["at", "run", "creationDate", "lastUpdateDate", "correlation_id"];

/// By what it is.
pub type Seen = BTreeMap<String, Bytes>;

/// One case on one host, between two looks.
#[derive(Default)]
pub struct Watch {
    /// Passes by their identifiers.
    passes: BTreeMap<String, Subject>,
    /// Apple's proofs.
    proofs: BTreeMap<Subject, String>,
    /// By push token.
    phones: BTreeMap<String, Subject>,
    saved: BTreeSet<Subject>,
    /// Lines of the histories that an earlier look has seen.
    known: BTreeMap<Subject, usize>,
    /// New ones of the last look.
    pub lines: BTreeMap<String, Vec<Line>>,
}

pub struct Looking<'a> {
    pub world: &'a Simulator,
    pub side: &'a Side,
    pub scene: &'a Scene,
}

impl Looking<'_> {
    /// Which passes there are. Before anything else of a round: what is seen later may name any of them.
    pub async fn know(&self, watch: &mut Watch, seen: &mut Seen) {
        for subject in &self.scene.subjects {
            let path = format!("/api/{}/passes/findPass?{}", self.scene.name(), subject.query());
            let found = self.side.get(self.scene.name(), &path).await;
            if found.status == 200 {
                watch.passes.insert(found.json()["id"].as_str().unwrap().to_owned(), subject.clone());
            }
            seen.insert(format!("{}: findPass", subject.told()), self.reply(watch, &found));
        }
    }

    /// Everything, after all work of a round is done. `pushes`: tokens that Apple has seen in it.
    pub async fn look(&self, watch: &mut Watch, pushes: &[String], seen: &mut Seen) {
        watch.lines.clear();
        // In an order that both hosts have.
        let mut passes: Vec<(Subject, String)> =
            watch.passes.iter().map(|(id, subject)| (subject.clone(), id.clone())).collect();
        passes.sort();
        for (subject, id) in passes {
            self.pass(watch, &id, &subject, seen).await;
        }
        let mut woken: Vec<String> =
            pushes.iter().filter_map(|token| watch.phones.get(token)).map(Subject::told).collect();
        woken.sort();
        seen.insert("Apple's push service: who was woken".to_owned(), Bytes::from(woken.join("\n")));
    }

    /// What Google got since the last time, in no order: effects are sent at the same time.
    pub fn google(&self, watch: &Watch, when: &str, seen: &mut Seen) {
        let mut written: Vec<String> =
            self.side.other.written(self.scene.name()).iter().map(|it| self.written(watch, it)).collect();
        written.sort();
        seen.insert(format!("Google: {when}"), Bytes::from(written.join("\n")));
    }

    fn written(&self, watch: &Watch, written: &Written) -> String {
        let Written { method, collection, status, body } = written;
        let body = self.normal(watch, body);
        format!("{method} {collection} {status} {}", String::from_utf8_lossy(&body))
    }

    async fn pass(&self, watch: &mut Watch, id: &str, subject: &Subject, seen: &mut Seen) {
        let (side, tenant, told) = (self.side, self.scene.name(), subject.told());
        let described = side.get(tenant, &format!("/api/{tenant}/passes/{id}")).await;
        seen.insert(format!("{told}: described"), self.reply(watch, &described));
        let history = side.get(tenant, &format!("/api/{tenant}/passes/{id}/history")).await;
        seen.insert(format!("{told}: history"), self.reply(watch, &history));
        self.remember_lines(watch, subject, &history.json());

        let described = described.json();
        let apple = match (described["links"]["apple"].as_str(), watch.proofs.get(subject)) {
            (Some(link), _) if described["state"] == "live" => side.ask("GET", link, &[], "").await,
            (_, Some(proof)) => {
                let path = format!("/apple/{tenant}/v1/passes/{}/{id}", self.world.pass_type());
                side.ask("GET", &path, &[("authorization", &format!("ApplePass {proof}"))], "").await
            }
            // Void when it was seen first: no phone has it.
            (link, None) => side.ask("GET", link.unwrap_or_default(), &[], "").await,
        };
        if apple.header("content-type") == "application/vnd.apple.pkpass" {
            seen.insert(format!("{told}: package"), self.head(watch, &apple));
            self.package(watch, subject, &apple, seen).await;
        } else {
            seen.insert(format!("{told}: no package"), self.reply(watch, &apple));
        }
        if described["state"] == "live" && (watch.saved.contains(subject) || watch.saved.len() < SAVED) {
            watch.saved.insert(subject.clone());
            let link = described["links"]["google"].as_str().unwrap();
            let reply = side.ask("GET", link, &[("accept", "text/html")], "").await;
            seen.insert(format!("{told}: save link"), self.save_link(watch, &reply));
        }
    }

    fn remember_lines(&self, watch: &mut Watch, subject: &Subject, history: &Value) {
        let all = history.as_array().unwrap();
        let known = watch.known.insert(subject.clone(), all.len()).unwrap_or(0);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let lines = all[known..].iter().map(|line| Line {
            action: text(&line["action"]),
            reason: text(&line["reason"]),
            fields: line["fields"].as_array().unwrap().iter().map(text).collect(),
        });
        watch.lines.insert(subject.told(), lines.collect());
    }

    /// Its members; and on a phone of its own, which checks manifest and signature and registers.
    async fn package(&self, watch: &mut Watch, subject: &Subject, reply: &Reply, seen: &mut Seen) {
        let told = subject.told();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(reply.body.to_vec())).unwrap();
        let mut manifest = BTreeMap::new();
        let mut changed = Vec::new();
        for index in 0..archive.len() {
            let mut member = archive.by_index(index).unwrap();
            let (name, mut content) = (member.name().unwrap().into_owned(), Vec::new());
            member.read_to_end(&mut content).unwrap();
            match name.as_str() {
                "signature" => {}
                "manifest.json" => manifest = serde_json::from_slice::<BTreeMap<String, String>>(&content).unwrap(),
                _ => {
                    if name == "pass.json" {
                        let pass: Value = serde_json::from_slice(&content).unwrap();
                        let proof = pass["authenticationToken"].as_str().unwrap().to_owned();
                        watch.proofs.insert(subject.clone(), proof);
                    }
                    let content = Bytes::from(content);
                    let normal = self.normal(watch, &content);
                    if normal != content {
                        changed.push(name.clone());
                    }
                    seen.insert(format!("{told}: {name}"), normal);
                }
            }
        }
        // The digests of all others are the same; those of what names the pass cannot be, and the phone checks them.
        manifest.retain(|name, _| !changed.contains(name));
        seen.insert(format!("{told}: manifest.json"), Bytes::from(format!("{manifest:#?}")));
        if watch.phones.values().any(|known| known == subject) {
            return;
        }
        let phone = self.world.iphone(&format!("{}/{}/{told}", self.side.name, self.scene.name()));
        // It looks at nothing by itself: what is fetched is fetched here.
        phone.switch_off();
        let last_modified = reply.header("last-modified").to_owned();
        assert!(!last_modified.is_empty());
        let added = phone.add_bytes(&reply.body, Some(last_modified)).await.map(drop);
        seen.insert(format!("{told}: on a phone"), Bytes::from(format!("{added:?}")));
        watch.phones.insert(phone.push_token().to_owned(), subject.clone());
    }

    /// Where it leads, and the claims of its token.
    fn save_link(&self, watch: &Watch, reply: &Reply) -> Bytes {
        let Some((address, token)) = reply.header("location").rsplit_once('/') else { return self.reply(watch, reply) };
        let claims = token.split('.').nth(1).unwrap();
        let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert!(claims.as_object_mut().unwrap().remove("iat").is_some());
        let claims = self.normal(watch, &Bytes::from(claims.to_string()));
        Bytes::from(format!("{} {address} {}", reply.status, String::from_utf8_lossy(&claims)))
    }

    /// Status, headers, body.
    pub fn reply(&self, watch: &Watch, reply: &Reply) -> Bytes {
        let body = match serde_json::from_slice::<Value>(&reply.body) {
            Ok(mut value) => {
                forget(&mut value, watch);
                Bytes::from(value.to_string())
            }
            Err(_) => reply.body.clone(),
        };
        let mut whole = self.head(watch, reply).to_vec();
        whole.extend_from_slice(&self.normal(watch, &body));
        Bytes::from(whole)
    }

    fn head(&self, watch: &Watch, reply: &Reply) -> Bytes {
        let mut head = format!("{}\n", reply.status);
        for name in HEADERS {
            // Ours where the test has sent one, and a host's own where not.
            let own = name == "x-correlation-id" && !reply.header(name).starts_with(self.scene.name());
            if !own && reply.headers.contains_key(name) {
                head.push_str(&format!("{name}: {}\n", reply.header(name)));
            }
        }
        for (id, subject) in &watch.passes {
            head = head.replace(&format!("\"{id}.pkpass\""), &format!("\"<{}>.pkpass\"", subject.told()));
        }
        Bytes::from(head)
    }

    /// Takes out, where they are known to be: links to passes, identifiers of passes and of Google's objects, Apple's proof, this host's address.
    fn normal(&self, watch: &Watch, bytes: &Bytes) -> Bytes {
        let Ok(text) = std::str::from_utf8(bytes) else { return bytes.clone() };
        let (base, tenant) = (&self.side.base, self.scene.name());
        let mut text = text.to_owned();
        let link = format!("{base}/api/{tenant}/passes/");
        while let Some(at) = text.find(&link) {
            let (id, proof) =
                text[at + link.len()..].split_once("?token=").unwrap_or_else(|| panic!("no link: {text}"));
            let told = watch.passes.get(id).map_or_else(|| "a pass".to_owned(), Subject::told);
            let length = proof.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).unwrap_or(proof.len());
            let end = at + link.len() + id.len() + "?token=".len() + length;
            text.replace_range(at..end, &format!("<link to {told}>"));
        }
        for (id, subject) in &watch.passes {
            let told = subject.told();
            // A problem's `instance`.
            for below in
                [format!("/api/{tenant}/passes"), format!("/apple/{tenant}/v1/passes/{}", self.world.pass_type())]
            {
                text = text.replace(&format!("\"{below}/{id}\""), &format!("\"{below}/<{told}>\""));
            }
            text = text.replace(&format!("\"{id}\""), &format!("\"<{told}>\""));
            let object = format!("\"{}.", self.world.google_issuer());
            text = text.replace(&format!("{object}{id}\""), &format!("{object}<{told}>\""));
        }
        for proof in watch.proofs.values() {
            text = text.replace(&format!("\"authenticationToken\":\"{proof}\""), "\"authenticationToken\":\"<proof>\"");
        }
        for below in ["apple", "api"] {
            text = text.replace(&format!("{base}/{below}/{tenant}"), &format!("<host>/{below}/{tenant}"));
        }
        Bytes::from(text)
    }
}

/// Values of a host's own stay as names only, and so do passes that are not looked at.
fn forget(value: &mut Value, watch: &Watch) {
    let own = || Value::from("<own>");
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    // By wallet: a time.
                    ("providers", Value::Object(times)) => times.values_mut().for_each(|time| *time = own()),
                    ("successor", Value::String(id)) if !watch.passes.contains_key(id) => "<a pass>".clone_into(id),
                    (name, member) if OWN.contains(&name) => {
                        if !member.is_null() {
                            *member = own();
                        }
                    }
                    (_, member) => forget(member, watch),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, watch)),
        _ => {}
    }
}
