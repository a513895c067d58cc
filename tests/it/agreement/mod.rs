//! The cases of `tests/cases`, but for those that it names with the reason, over HTTP from outside, on a server and on Spin: both must answer
//! alike and leave the same behind.
//!
//! Owns the play: in each round SecuTix says something new to every tenant, the notifications are posted, both clocks are put forward, all work is
//! driven to its end, and everything that can be seen from outside is compared: answers, histories, members of packages, what Google got, whom
//! Apple woke. A case is a tenant, so that one server and one edge are enough for all. What the connector makes of a case is compared with its
//! `expected.json`, too, as far as it shows.

pub mod other_side;
mod plugin_cases;
mod plugins;
mod scene;
mod seen;
pub mod side;
mod wallets;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use passerelle_flow::identity::Millis;
use passerelle_simulator::Simulator;
use serde_json::{Value, json};

use crate::case_folder;
use crate::spin::{self, OwnFlag};
use scene::{Scene, Sent};
use seen::{Looking, Seen, Watch};
use side::Side;

/// Between two rounds: more than the debounce, than a second look at an absence waits (`safety.confirm_absence_after_s`), and than a first retry;
/// less than what a receiver of webhooks takes for now.
const BETWEEN: Millis = 130_000;
/// Characters of a difference that are shown.
const SHOWN: usize = 1_200;

#[tokio::test(flavor = "multi_thread")]
async fn cases_end_alike_on_the_server_and_on_spin() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let program = spin::program();
    let clock = spin::takes(&program, OwnFlag::ClockFile);
    let all: Vec<Scene> =
        case_folder::load_all(&folder).unwrap().into_iter().map(|case| Scene::new(case, &folder)).collect();
    let mut excused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for scene in &all {
        if let Some(excuse) = scene.excuse(clock) {
            excused.entry(excuse).or_default().push(scene.name());
        }
    }
    let only = std::env::var("CASE").ok();
    let played: Vec<&Scene> = all
        .iter()
        .filter(|scene| scene.excuse(clock).is_none() && only.as_deref().is_none_or(|only| scene.name() == only))
        .collect();
    let tenants: Vec<&str> = played.iter().map(|scene| scene.name()).collect();

    let (world, server, edge) = Side::both(&tenants, &program, clock).await;
    let (on_server, on_edge) = tokio::join!(play(&world, &server, &played), play(&world, &edge, &played));

    let mut wrong = Vec::new();
    let mut compared = 0;
    for ((scene, server), edge) in played.iter().zip(&on_server).zip(&on_edge) {
        wrong.extend(server.unexpected.iter().map(|problem| format!("{}, on the server: {problem}", scene.name())));
        compared += server.seen.values().map(BTreeMap::len).sum::<usize>();
        wrong.extend(difference(&server.seen, &edge.seen).map(|problem| format!("{}, {problem}", scene.name())));
    }
    tell(&spin::named(&program), played.len(), all.len(), compared, &excused);
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), played.len(), wrong.join("\n\n"));
    // A Spin whose clock cannot be put forward plays those of one step.
    let least = if clock { 138 } else { 100 };
    assert!(only.is_some() || played.len() > least, "only {} cases were played", played.len());
    server.end().await;
    edge.end().await;
    world.stop().await;
}

/// What came of one case on one host.
#[derive(Default)]
struct Played {
    /// By round.
    seen: BTreeMap<usize, Seen>,
    /// What `expected.json` says and the host did not do.
    unexpected: Vec<String>,
    watch: Watch,
    absent: BTreeSet<String>,
}

async fn play(world: &Simulator, side: &Side, scenes: &[&Scene]) -> Vec<Played> {
    let mut played: Vec<Played> = scenes.iter().map(|_| Played::default()).collect();
    let last = scenes.iter().map(|scene| scene.rounds()).max().unwrap_or(0);
    let mut pushed = 0;
    for round in 0..=last {
        let live = |scene: &Scene| round <= scene.rounds();
        for scene in scenes.iter().filter(|scene| live(scene)) {
            side.other.answer(scene.name(), scene.answer(round));
        }
        let mut answers = BTreeMap::new();
        for (scene, played) in scenes.iter().zip(&mut played).filter(|(scene, _)| live(scene)) {
            for (at, sent) in scene.sent(round).into_iter().enumerate() {
                let answer = send(side, scene, round, sent).await;
                if at == 0 && round > 0 {
                    played.unexpected.extend(judged(scene, round, &answer));
                }
                answers.entry(scene.name()).or_insert_with(Vec::new).push(answer);
            }
        }
        // What is being sent holds a lease, and a clock that jumps ends it: the same push would be sent twice.
        side.drive().await;
        side.advance(BETWEEN);
        side.drive().await;
        let pushes: Vec<String> = world.push().records().into_iter().skip(pushed).map(|record| record.token).collect();
        pushed += pushes.len();
        for (scene, played) in scenes.iter().zip(&mut played).filter(|(scene, _)| live(scene)) {
            let looking = Looking { world, side, scene };
            let seen = played.seen.entry(round).or_default();
            looking.know(&mut played.watch, seen).await;
            for (at, answer) in answers.remove(scene.name()).into_iter().flatten().enumerate() {
                seen.insert(format!("answer {at}"), looking.reply(&played.watch, &answer));
            }
            // What the run set in motion, before anything is asked for.
            looking.google(&played.watch, "sent by itself", seen);
            looking.look(&mut played.watch, &pushes, seen).await;
        }
        // A look may be what makes a host build an erased pass again: what follows of it is sent behind the answer.
        side.drive().await;
        for (scene, played) in scenes.iter().zip(&mut played).filter(|(scene, _)| live(scene)) {
            let looking = Looking { world, side, scene };
            looking.google(&played.watch, "sent for those who looked", played.seen.entry(round).or_default());
            if round > 0 {
                let wrong = unexpected(scene, round, played);
                played.unexpected.extend(wrong);
            } else if let Some(edits) = &scene.case.passes {
                side.edit(scene.name(), edits);
            }
        }
    }
    played
}

async fn send(side: &Side, scene: &Scene, round: usize, sent: Sent<'_>) -> crate::house::Reply {
    let tenant = scene.name();
    match sent {
        Sent::Notification { media_type, body } => {
            let correlation = format!("{tenant}.{round}");
            let mut headers = vec![("x-correlation-id", correlation.as_str())];
            headers.extend(media_type.map(|media_type| ("content-type", media_type)));
            side.ask("POST", &format!("/api/{tenant}/webhooks/listeners/secutix/orders"), &headers, body).await
        }
        Sent::Contact(number) => {
            let path = format!("/api/{tenant}/webhooks/listeners/secutix/contacts?contactNumber={number}");
            side.ask("POST", &path, &[("x-correlation-id", &format!("{tenant}.{round}"))], "").await
        }
        Sent::Card(number) => {
            let body = json!({"identifiers": {"secutix.contactNumber": number}});
            side.post_as(&format!("{tenant}.{round}"), tenant, &format!("/api/{tenant}/passes"), &body).await
        }
    }
}

/// The answer to the case's notification, against what the case says of it.
fn judged(scene: &Scene, round: usize, answer: &crate::house::Reply) -> Option<String> {
    let expected = match scene.rejected(round) {
        Some(Value::String(kind)) if kind == "too-large" => 413,
        Some(Value::String(_)) => 415,
        Some(_) => 400,
        None => 200,
    };
    if answer.status != expected {
        return Some(format!("round {round}: {expected} was expected, {} was answered", answer.status));
    }
    let violations = scene.rejected(round).and_then(Value::as_array)?;
    let errors = answer.json()["errors"].as_object().cloned().unwrap_or_default();
    let messages: usize = errors.values().map(|messages| messages.as_array().map_or(0, Vec::len)).sum();
    let named = |violation: &Value| {
        let field = violation.as_str().unwrap_or_default().split(' ').next().unwrap_or_default();
        errors.contains_key(field.trim_start_matches('/'))
    };
    (messages != violations.len() || !violations.iter().all(named))
        .then(|| format!("round {round}: {violations:?} were expected, {errors:?} were answered"))
}

/// New lines of the histories, against the verdict's operations.
fn unexpected(scene: &Scene, round: usize, played: &mut Played) -> Vec<String> {
    let expected = scene.lines(round, &mut played.absent);
    let mut wrong = Vec::new();
    for subject in &scene.subjects {
        let told = subject.told();
        let lines = played.watch.lines.get(&told).map(Vec::as_slice).unwrap_or_default();
        let wanted = expected.get(&told);
        if !scene.fills_template() || (wanted.is_none() && !scene.told_whole(round)) {
            continue;
        }
        if lines.iter().ne(wanted) {
            wrong.push(format!("round {round}, {told}: {wanted:?} was expected, the history has {lines:?}"));
        }
    }
    wrong
}

fn difference(server: &BTreeMap<usize, Seen>, edge: &BTreeMap<usize, Seen>) -> Option<String> {
    let rounds: BTreeSet<&usize> = server.keys().chain(edge.keys()).collect();
    rounds.into_iter().find_map(|round| {
        let nothing = Seen::new();
        let (server, edge) = (server.get(round).unwrap_or(&nothing), edge.get(round).unwrap_or(&nothing));
        let names: BTreeSet<&String> = server.keys().chain(edge.keys()).collect();
        names.into_iter().find_map(|name| match (server.get(name), edge.get(name)) {
            (left, right) if left == right => None,
            (left, right) => Some(format!(
                "round {round}, {name}:\n  server: {}\n  edge:   {}",
                shown(left, right),
                shown(right, left)
            )),
        })
    })
}

/// From a little before the first difference on.
fn shown(bytes: Option<&Bytes>, other: Option<&Bytes>) -> String {
    let Some(bytes) = bytes else { return "nothing".to_owned() };
    let same = bytes.iter().zip(other.into_iter().flatten()).take_while(|(left, right)| left == right).count();
    let from = same.saturating_sub(80).min(bytes.len());
    let to = (from + SHOWN).min(bytes.len());
    format!("({} bytes) …{}", bytes.len(), String::from_utf8_lossy(&bytes[from..to]))
}

/// Past the capture of a test's output: on what it ran must be seen when it passes, too.
fn tell(spin: &str, played: usize, all: usize, compared: usize, excused: &BTreeMap<&str, Vec<&str>>) {
    let mut out = std::io::stderr().lock();
    _ = writeln!(
        out,
        "{played} of {all} cases over HTTP on the server and on {spin}: {compared} answers and files compared"
    );
    for (excuse, names) in excused {
        _ = writeln!(out, "  not over HTTP ({excuse}): {}", names.join(", "));
    }
}
