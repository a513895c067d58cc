//! The scenes: what is done in SecuTix, and what the phones must show afterwards.
//!
//! Owns the play: the order of the scenes and what each expects. Does not own how one is performed and judged (`scene`).

use std::cell::Cell;

use anyhow::Context as _;
use passerelle_simulator::{Change, Delivery, Holder, Origin, Performance, Simulator};

use super::installations;
use super::report::{Report, Scenario};
use super::say;
use super::scene::{Scene, ended, member_card, number, other_barcode, other_barcode_google, purchase, scene};
use super::stage::{Held, Stage};

/// Copies of one notification in the burst: SecuTix is known to repeat itself, a dozen within a second is a bad day.
const BURST: u32 = 12;

/// Milliseconds without a notification after which a run begins: what the demo's server is configured with; an edge waits longer.
const QUIET: i64 = 50;

/// Milliseconds from the first notification's way out to the last one's answer.
fn taken(change: &Change) -> i64 {
    let sent = change.receipts.iter().map(|receipt| receipt.sent_at).min().unwrap_or(0);
    let answered = change.receipts.iter().map(|receipt| receipt.answered_at).max().unwrap_or(0);
    answered - sent
}

/// The play, to its end or until something stands in its way, which the report then says.
pub async fn play(stage: &Stage) -> Report {
    let (mut scenarios, mut steps) = (Vec::new(), Vec::new());
    let played = async {
        let missing = perform(stage, &mut scenarios).await?;
        if stage.reports {
            say("Putting a pass on phones and taking it off, with a CRM that listens ...");
            steps = installations::play(stage).await?;
        }
        anyhow::Ok(missing)
    };
    match played.await {
        Ok(mut missing) => {
            // Phones keep to Apple's protocol, and say where a server does not.
            missing.extend(stage.world.complaints());
            Report::of(scenarios, steps, missing, None)
        }
        Err(error) => Report::of(scenarios, steps, Vec::new(), Some(format!("{error:#}"))),
    }
}

/// What is missing when all of it is over, beside what is missing of a scenario.
async fn perform(stage: &Stage, scenarios: &mut Vec<Scenario>) -> anyhow::Result<Vec<String>> {
    let secutix = stage.world.secutix();

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
    let took = Cell::new(0);
    let movement = number(&season)?;
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
        async {
            let change = secutix.reprint(movement, Origin::BackOffice).await?;
            took.set(taken(&change));
            Ok(change)
        },
    )
    .await?;
    secutix.set_delivery(Delivery::default());
    // One run for all of them; a notification that came during the run forces a second. On a busy machine the twelve do not come at once, and each
    // pause that is long enough to be one begins another burst.
    let most = 2 + took.get() / QUIET;
    if i64::try_from(burst.secutix_calls).is_ok_and(|calls| calls > most) {
        burst.missing.push(format!("{} calls for one change", burst.secutix_calls));
        burst.ok = false;
    }
    scenarios.push(burst);

    let depth = stage.rest().await?;
    let given_up = depth.tasks_dead > 0 || depth.effects_dead > 0 || depth.tasks_held > 0;
    Ok(given_up.then(|| format!("nothing given up: {depth:?}")).into_iter().collect())
}

fn performance(world: &Simulator, product: &str) -> anyhow::Result<Performance> {
    let catalogue = world.secutix().catalogue();
    let id = catalogue.product(product).and_then(|product| product.performances.first().copied());
    id.and_then(|id| catalogue.performances.get(&id).cloned()).context("no such performance")
}
