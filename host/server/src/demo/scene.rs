//! One scene: a change in SecuTix, performed and judged.
//!
//! Owns what is asked of each: was it recognised, do the facts agree with the matrix and with whose hand it was, do the phones show it and nobody
//! else's, and is the reason told in words. Does not own which scenes there are (`scenes`).

use anyhow::Context as _;
use passerelle_flow::identity::PassId;
use passerelle_flow::run::FindingRecord;
use passerelle_flow::store::{Store as _, TaskSubject};
use passerelle_flow::words;
use passerelle_simulator::{Change, GoogleView, Holder, Origin, PassView, PhoneEvent};

use super::report::{PassPair, Scenario, disagreeing, facts};
use super::shown::{others, others_changed, pairs};
use super::stage::{Held, LIMIT, Stage};

/// What a phone must show, given what it showed before.
pub(super) type AppleSees = fn(&PassView, &PassView) -> bool;
pub(super) type GoogleSees = fn(&GoogleView, &GoogleView) -> bool;

pub(super) struct Scene<'a> {
    pub case: &'static str,
    pub expected: &'static str,
    /// Whose order makes the change; none: no order does, and nothing says whose hand it was.
    pub origin: Option<Origin>,
    /// Tickets that change.
    pub held: &'a [Held],
    pub apple: AppleSees,
    pub google: GoogleSees,
    /// The holder sees nothing of it.
    pub invisible: bool,
}

pub(super) fn other_barcode(before: &PassView, now: &PassView) -> bool {
    now.barcode.is_some() && now.barcode != before.barcode && !now.voided
}

pub(super) fn other_barcode_google(before: &GoogleView, now: &GoogleView) -> bool {
    now.barcode.is_some() && now.barcode != before.barcode && now.is_active()
}

/// The pass is dead on both phones, and its barcode gone.
pub(super) fn ended<'a>(case: &'static str, expected: &'static str, origin: Origin, held: &'a [Held]) -> Scene<'a> {
    Scene {
        case,
        expected,
        origin: Some(origin),
        held,
        apple: |_, now| now.voided && now.barcode.is_none(),
        google: |_, now| now.state == "INACTIVE" && now.barcode.is_none(),
        invisible: false,
    }
}

pub(super) fn number(held: &[Held]) -> anyhow::Result<i64> {
    Ok(held.first().context("no ticket")?.movement.parse()?)
}

/// A sale: recognised as a purchase, and its links lead onto both phones.
pub(super) async fn purchase(
    stage: &Stage,
    case: &'static str,
    sale: impl Future<Output = Result<Change, passerelle_simulator::InstitutionError>>,
) -> anyhow::Result<(Scenario, Vec<Held>)> {
    let calls = stage.world.secutix().call_count();
    let change = sale.await?;
    let file = change.file().context("a sale without a file")?;
    stage.rest().await?;
    let finding = finding(stage, &TaskSubject::File(file.to_string()), "purchase").await?;
    let held = stage.put_on_phones(file).await?;
    let mut missing = Vec::new();
    if held.len() != change.movements().len() {
        missing.push(format!("{} of {} tickets on the phones", held.len(), change.movements().len()));
    }
    if finding.as_ref().is_none_or(|finding| finding.use_case != "purchase") {
        missing.push("recognised as a purchase".to_owned());
    }
    let explanation = explanation(stage, &held, &mut missing).await?;
    let passes = held.iter().flat_map(|held| pairs(stage, held, None, None)).collect();
    let spent = stage.world.secutix().call_count() - calls;
    let scenario = judged(case, finding.as_ref(), explanation, passes, None, spent, missing);
    Ok((scenario, held))
}

pub(super) async fn member_card(stage: &Stage, holder: &Holder) -> anyhow::Result<Scenario> {
    let calls = stage.world.secutix().call_count();
    let contact = stage.world.secutix().create_contact(holder, true);
    let held = stage.put_card(&contact).await?;
    let finding = finding(stage, &TaskSubject::Contact(contact), "purchase").await?;
    let passes = pairs(stage, &held, None, None);
    let mut missing = Vec::new();
    if passes.iter().any(|pass| pass.after.is_empty()) {
        missing.push("the card on the phones".to_owned());
    }
    if finding.as_ref().is_none_or(|finding| finding.use_case != "purchase") {
        missing.push("recognised as a purchase".to_owned());
    }
    let explanation = explanation(stage, std::slice::from_ref(&held), &mut missing).await?;
    let spent = stage.world.secutix().call_count() - calls;
    Ok(judged("member card", finding.as_ref(), explanation, passes, None, spent, missing))
}

/// One change, from the notification to both phones.
pub(super) async fn scene(
    stage: &Stage,
    scene: Scene<'_>,
    act: impl Future<Output = Result<Change, passerelle_simulator::InstitutionError>>,
) -> anyhow::Result<Scenario> {
    let calls = stage.world.secutix().call_count();
    let before: Vec<(Option<PassView>, Option<GoogleView>)> =
        scene.held.iter().map(|held| (stage.apple(held), stage.google(held))).collect();
    let others = others(stage, scene.held);
    let change = act.await?;
    let sent = change.receipts.iter().map(|receipt| receipt.sent_at).min();
    let mut missing: Vec<String> = Vec::new();
    if !change.receipts.iter().all(passerelle_simulator::Receipt::accepted) || change.receipts.is_empty() {
        missing.push("every notification accepted".to_owned());
    }

    let mut slowest = None;
    for (held, (apple, google)) in scene.held.iter().zip(&before) {
        let (Some(apple), Some(google)) = (apple, google) else { continue };
        let seen_apple =
            stage.iphone.wait_until(|view| view.serial == held.serial && (scene.apple)(apple, view), LIMIT);
        let seen_google =
            stage.android.wait_until(|view| view.object_id == held.object && (scene.google)(google, view), LIMIT);
        let (seen_apple, seen_google) = tokio::join!(seen_apple, async { (seen_google.await, now()) });
        match seen_apple {
            Err(_) => missing.push(format!("the iPhone shows it ({})", held.serial)),
            Ok(_) => slowest = slowest.max(replaced_at(stage, &held.serial)),
        }
        match seen_google {
            (Err(_), _) => missing.push(format!("the Android phone shows it ({})", held.serial)),
            (Ok(_), at) => slowest = slowest.max(Some(at)),
        }
    }
    stage.rest().await?;
    let mut recognised = None;
    for file in &change.files {
        recognised = recognised.or(finding(stage, &TaskSubject::File(file.to_string()), scene.expected).await?);
    }
    match &recognised {
        Some(finding) if finding.use_case == scene.expected => {
            missing.extend(disagreeing(&facts(finding)).into_iter().map(|name| format!("{name} as in the matrix")));
            missing.extend(told_otherwise(finding, scene.origin));
        }
        Some(finding) => missing.push(format!("recognised as {}, not {}", scene.expected, finding.use_case)),
        None => missing.push(format!("recognised as {}", scene.expected)),
    }
    if others_changed(stage, &others) {
        missing.push("everybody else's pass left alone".to_owned());
    }
    let explanation = explanation(stage, scene.held, &mut missing).await?;
    let passes = scene
        .held
        .iter()
        .zip(&before)
        .flat_map(|(held, (apple, google))| pairs(stage, held, apple.as_ref(), google.as_ref()))
        .collect();
    let measured = sent.zip(slowest).map(|(sent, seen)| (seen - sent).max(0));
    let measured = measured.filter(|_| !scene.invisible);
    let spent = stage.world.secutix().call_count() - calls;
    Ok(judged(scene.case, recognised.as_ref(), explanation, passes, measured, spent, missing))
}

/// The scenario, which is in order when nothing is missing.
fn judged(
    case: &str,
    finding: Option<&FindingRecord>,
    explanation: String,
    passes: Vec<PassPair>,
    notification_to_phone_ms: Option<i64>,
    secutix_calls: u64,
    missing: Vec<String>,
) -> Scenario {
    Scenario {
        case: case.to_owned(),
        recognised: finding.map(|finding| finding.use_case.clone()).unwrap_or_default(),
        explanation,
        facts: finding.map(facts).unwrap_or_default(),
        passes,
        notification_to_phone_ms,
        secutix_calls,
        ok: missing.is_empty(),
        missing,
    }
}

/// Whose hand it was, where the finding says another than it was.
fn told_otherwise(finding: &FindingRecord, origin: Option<Origin>) -> Option<String> {
    let facts = facts(finding);
    let observed = |name: &str| facts.get(name).map(|fact| fact.observed.as_str());
    let told = (finding.originator.as_deref(), observed("ticket-shop"), observed("back-office"));
    let expected = match origin {
        Some(Origin::TicketShop) => (Some(Origin::TicketShop.originator()), Some("yes"), Some("no")),
        Some(Origin::BackOffice) => (Some(Origin::BackOffice.originator()), Some("no"), Some("yes")),
        None => (None, Some("unknown"), Some("unknown")),
    };
    (told != expected).then(|| format!("made by {:?}, not by {:?}", expected.0, told.0))
}

/// The newest finding of the file or contact that says so; else the newest that says anything.
async fn finding(stage: &Stage, subject: &TaskSubject, expected: &str) -> anyhow::Result<Option<FindingRecord>> {
    let runs = stage.runs_of(subject).await?;
    let mut told = runs
        .into_iter()
        .map(|(_, findings)| findings.findings)
        .filter(|findings| findings.iter().any(|finding| finding.use_case != "nothing"));
    let Some(newest) = told.next() else { return Ok(None) };
    let wanted = newest.iter().find(|finding| finding.use_case == expected).cloned();
    Ok(wanted.or_else(|| newest.into_iter().next()))
}

/// Why the first of these passes is as it is, as its history tells it.
async fn explanation(stage: &Stage, held: &[Held], missing: &mut Vec<String>) -> anyhow::Result<String> {
    let Some(held) = held.first() else { return Ok(String::new()) };
    let history = stage.on.store().history(&stage.tenant, &PassId::parse(&held.serial)?).await?;
    let told = history.last().map(|line| words::change(&line.change));
    if told.is_none() {
        missing.push("a reason in words".to_owned());
    }
    Ok(told.unwrap_or_default())
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// When the iPhone last replaced the pass, by its own log.
fn replaced_at(stage: &Stage, serial: &str) -> Option<i64> {
    let log = stage.iphone.log();
    let entry = log
        .iter()
        .rev()
        .find(|entry| matches!(&entry.event, PhoneEvent::Replaced { serial: replaced, .. } if replaced == serial));
    entry.map(|entry| entry.at)
}
