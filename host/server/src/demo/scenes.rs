//! The scenes: what is done in SecuTix, and what the phones must show afterwards.
//!
//! Owns the play and its expectations. Each scene asks: was it recognised, do the facts agree with the matrix and with whose hand it was, do the
//! phones show it, and nobody else's.

use anyhow::Context as _;
use passerelle_flow::run::FindingRecord;
use passerelle_flow::store::TaskSubject;
use passerelle_simulator::{
    Change, Delivery, GoogleView, Holder, Origin, PassView, Performance, PhoneEvent, Simulator,
};

use super::report::{Report, Scenario, disagreeing, facts};
use super::say;
use super::shown::{others, others_changed, pairs};
use super::stage::{Held, LIMIT, Stage};

/// Copies of one notification in the burst: SecuTix is known to repeat itself, a dozen within a second is a bad day.
const BURST: u32 = 12;

/// What a phone must show, given what it showed before.
type AppleSees = fn(&PassView, &PassView) -> bool;
type GoogleSees = fn(&GoogleView, &GoogleView) -> bool;

struct Scene<'a> {
    case: &'static str,
    expected: &'static str,
    /// Whose order makes the change; none: no order does, and nothing says whose hand it was.
    origin: Option<Origin>,
    /// Tickets that change.
    held: &'a [Held],
    apple: AppleSees,
    google: GoogleSees,
    /// The holder sees nothing of it.
    invisible: bool,
}

pub async fn play(stage: &Stage) -> anyhow::Result<Report> {
    let secutix = stage.world.secutix();
    let mut scenarios = Vec::new();

    let ada = Holder::new("Ada", "Lovelace");
    let family = ["Marie", "Pierre", "Irène", "Ève"].map(|name| Holder::new(name, "Curie"));
    say("Selling a single ticket, a family of four and a season ticket, and making a member card ...");
    let single =
        purchase(stage, "single ticket", secutix.sell_single("CARMEN", ada.clone(), Origin::TicketShop)).await?;
    scenarios.push(single.0);
    let single = single.1;
    let four =
        purchase(stage, "family of four", secutix.sell_family("FLUTE", family.to_vec(), Origin::TicketShop)).await?;
    scenarios.push(four.0);
    let four = four.1;
    let season =
        purchase(stage, "season ticket", secutix.sell_season(Holder::new("Emmy", "Noether"), Origin::BackOffice))
            .await?;
    scenarios.push(season.0);
    let season = season.1;
    scenarios.push(member_card(stage, &Holder::new("Sofia", "Kovalevskaya")).await?);

    let one = |held: &[Held], index: usize| -> anyhow::Result<Vec<Held>> {
        Ok(vec![held.get(index).context("the stage has fewer tickets than the play")?.clone()])
    };
    say("Performing the seven use cases, a scan and a burst ...");
    let flute = performance(&stage.world, "FLUTE")?;
    let later = flute.start.checked_add(jiff::Span::new().minutes(45))?;
    // The family's tickets, and the season ticket, of which it is one performance.
    let concerned = [four.as_slice(), season.as_slice()].concat();
    scenarios.push(
        scene(
            stage,
            Scene {
                case: "change of the title or schedule of an event",
                expected: "event-change",
                origin: None,
                held: &concerned,
                apple: |before, now| {
                    let programme = now.field("programme") != before.field("programme");
                    (now.date != before.date || programme) && !now.voided
                },
                google: |before, now| now.class != before.class && now.is_active(),
                invisible: false,
            },
            secutix.reschedule(flute.id, later),
        )
        .await?,
    );
    let ticket = one(&single, 0)?;
    let movement = number(&ticket)?;
    scenarios.push(
        scene(
            stage,
            Scene {
                case: "reprinting of a ticket",
                expected: "reprint",
                origin: None,
                held: &ticket,
                apple: other_barcode,
                google: other_barcode_google,
                invisible: false,
            },
            secutix.reprint(movement, Origin::TicketShop),
        )
        .await?,
    );
    scenarios.push(
        scene(
            stage,
            Scene {
                case: "change of ticket holder's name",
                expected: "holder-change",
                origin: None,
                held: &ticket,
                apple: |before, now| now.fields != before.fields && !now.voided,
                google: |before, now| now.holder != before.holder && now.is_active(),
                invisible: false,
            },
            secutix.change_holder(movement, Holder::new("Augusta", "King"), Origin::TicketShop),
        )
        .await?,
    );
    let contact = secutix.create_contact(&Holder::new("Charles", "Babbage"), false);
    scenarios.push(
        scene(
            stage,
            Scene {
                case: "change of cultural contact",
                expected: "cultural-contact-change",
                origin: None,
                held: &ticket,
                apple: |before, now| now.barcode == before.barcode && !now.voided,
                google: |before, now| now.barcode == before.barcode && now.is_active(),
                invisible: true,
            },
            secutix.change_cultural_contact(movement, &contact),
        )
        .await?,
    );
    let replaced = one(&four, 1)?;
    scenarios.push(
        scene(
            stage,
            ended("replacement of a spectator", "replacement", Origin::TicketShop, &replaced),
            secutix.replace_spectator(number(&replaced)?, Holder::new("Paul", "Langevin"), Origin::TicketShop),
        )
        .await?,
    );
    let orphee = performance(&stage.world, "ORPHEE")?;
    scenarios.push(
        scene(
            stage,
            ended("ticket exchange", "exchange", Origin::TicketShop, &ticket),
            secutix.exchange(movement, orphee.id, Origin::TicketShop),
        )
        .await?,
    );
    let cancelled = one(&four, 0)?;
    scenarios.push(
        scene(
            stage,
            ended("cancellation of a ticket", "cancellation", Origin::BackOffice, &cancelled),
            secutix.cancel(number(&cancelled)?),
        )
        .await?,
    );
    let scanned = one(&four, 2)?;
    scenarios.push(
        scene(
            stage,
            Scene {
                case: "entry scan",
                expected: "entry-scan",
                origin: None,
                held: &scanned,
                apple: |before, now| now.fields != before.fields && !now.voided,
                google: |_, now| now.state == "COMPLETED",
                invisible: false,
            },
            secutix.scan(number(&scanned)?),
        )
        .await?,
    );
    secutix.set_delivery(Delivery::burst(BURST));
    let mut burst = scene(
        stage,
        Scene {
            case: "reprint, announced twelve times at once",
            expected: "reprint",
            origin: None,
            held: &season,
            apple: other_barcode,
            google: other_barcode_google,
            invisible: false,
        },
        secutix.reprint(number(&season)?, Origin::BackOffice),
    )
    .await?;
    secutix.set_delivery(Delivery::default());
    // One run for all of them; a notification that came during the run forces a second, and no more.
    if burst.secutix_calls > 2 {
        burst.missing.push(format!("{} calls for one change", burst.secutix_calls));
        burst.ok = false;
    }
    scenarios.push(burst);

    let depth = stage.rest().await?;
    anyhow::ensure!(
        depth.tasks_dead == 0 && depth.effects_dead == 0 && depth.tasks_held == 0,
        "something was given up: {depth:?}"
    );
    Ok(Report::of(scenarios))
}

fn other_barcode(before: &PassView, now: &PassView) -> bool {
    now.barcode.is_some() && now.barcode != before.barcode && !now.voided
}

fn other_barcode_google(before: &GoogleView, now: &GoogleView) -> bool {
    now.barcode.is_some() && now.barcode != before.barcode && now.is_active()
}

/// The pass is dead on both phones, and its barcode gone.
fn ended<'a>(case: &'static str, expected: &'static str, origin: Origin, held: &'a [Held]) -> Scene<'a> {
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

fn number(held: &[Held]) -> anyhow::Result<i64> {
    Ok(held.first().context("no ticket")?.movement.parse()?)
}

fn performance(world: &Simulator, product: &str) -> anyhow::Result<Performance> {
    let catalogue = world.secutix().catalogue();
    let id = catalogue.product(product).and_then(|product| product.performances.first().copied());
    id.and_then(|id| catalogue.performances.get(&id).cloned()).context("no such performance")
}

/// A sale: recognised as a purchase, and its links lead onto both phones.
async fn purchase(
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
    let passes = held.iter().flat_map(|held| pairs(stage, held, None, None)).collect();
    let scenario = Scenario {
        case: case.to_owned(),
        recognised: finding.as_ref().map(|finding| finding.use_case.clone()).unwrap_or_default(),
        facts: finding.as_ref().map(facts).unwrap_or_default(),
        passes,
        notification_to_phone_ms: None,
        secutix_calls: stage.world.secutix().call_count() - calls,
        ok: missing.is_empty(),
        missing,
    };
    Ok((scenario, held))
}

async fn member_card(stage: &Stage, holder: &Holder) -> anyhow::Result<Scenario> {
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
    Ok(Scenario {
        case: "member card".to_owned(),
        recognised: finding.as_ref().map(|finding| finding.use_case.clone()).unwrap_or_default(),
        facts: finding.as_ref().map(facts).unwrap_or_default(),
        passes,
        notification_to_phone_ms: None,
        secutix_calls: stage.world.secutix().call_count() - calls,
        ok: missing.is_empty(),
        missing,
    })
}

/// One change, from the notification to both phones.
async fn scene(
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
    let passes = scene
        .held
        .iter()
        .zip(&before)
        .flat_map(|(held, (apple, google))| pairs(stage, held, apple.as_ref(), google.as_ref()))
        .collect();
    let measured = sent.zip(slowest).map(|(sent, seen)| (seen - sent).max(0));
    Ok(Scenario {
        case: scene.case.to_owned(),
        recognised: recognised.as_ref().map(|finding| finding.use_case.clone()).unwrap_or_default(),
        facts: recognised.as_ref().map(facts).unwrap_or_default(),
        passes,
        notification_to_phone_ms: measured.filter(|_| !scene.invisible),
        secutix_calls: stage.world.secutix().call_count() - calls,
        ok: missing.is_empty(),
        missing,
    })
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
