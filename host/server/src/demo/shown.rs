//! What the phones show, in a line for the table; and whether anybody's pass changed that should not have.
//!
//! Owns what a person tells passes apart by. Does not own what a scene expects of them (`scenes`).

use passerelle_simulator::{GoogleView, PassView};

use super::report::PassPair;
use super::stage::{Held, Stage};

pub(super) type Others = (Vec<PassView>, Vec<GoogleView>);

pub(super) fn others(stage: &Stage, held: &[Held]) -> Others {
    let apple = stage.iphone.passes().into_iter().filter(|view| held.iter().all(|held| held.serial != view.serial));
    let google =
        stage.android.passes().into_iter().filter(|view| held.iter().all(|held| held.object != view.object_id));
    (apple.collect(), google.collect())
}

pub(super) fn others_changed(stage: &Stage, (apple, google): &Others) -> bool {
    apple.iter().any(|view| stage.iphone.pass(&view.serial).is_none_or(|now| now.raw != view.raw))
        || google.iter().any(|view| stage.android.pass(&view.object_id).is_none_or(|now| now.object != view.object))
}

pub(super) fn pairs(
    stage: &Stage,
    held: &Held,
    apple: Option<&PassView>,
    google: Option<&GoogleView>,
) -> Vec<PassPair> {
    let pair = |phone: &str, before: Option<String>, after: Option<String>| PassPair {
        phone: phone.to_owned(),
        movement: held.movement.clone(),
        before: before.unwrap_or_default(),
        after: after.unwrap_or_default(),
    };
    let (apple_now, google_now) = (stage.apple(held), stage.google(held));
    let apple_after =
        apple_now.as_ref().map(|now| apple_line(now) + &apple.map(|then| changed(then, now)).unwrap_or_default());
    let google_after = google_now.as_ref().map(|now| {
        let renamed = google.is_some_and(|then| then.holder != now.holder);
        google_line(now) + if renamed { " · another holder" } else { "" }
    });
    vec![pair("iPhone", apple.map(apple_line), apple_after), pair("Android", google.map(google_line), google_after)]
}

/// Fields of the pass that differ and that the line does not show, by their keys.
fn changed(then: &PassView, now: &PassView) -> String {
    if now.voided || apple_line(then) != apple_line(now) && then.barcode == now.barcode {
        return String::new();
    }
    let keys = then.fields.keys().chain(now.fields.keys());
    let mut differing: Vec<&str> = keys.filter(|key| then.field(key) != now.field(key)).map(String::as_str).collect();
    differing.sort_unstable();
    differing.dedup();
    if differing.is_empty() { String::new() } else { format!(" · other {}", differing.join(", ")) }
}

fn apple_line(view: &PassView) -> String {
    let state = if view.voided { "void" } else { "valid" };
    line(view.title.as_deref(), view.date.as_deref(), view.barcode.as_deref(), state)
}

fn google_line(view: &GoogleView) -> String {
    line(view.title.as_deref(), view.date.as_deref(), view.barcode.as_deref(), &view.state.to_lowercase())
}

/// What a person tells passes apart by. The barcode's last digits are those of an invented ticket.
fn line(title: Option<&str>, date: Option<&str>, barcode: Option<&str>, state: &str) -> String {
    let date = date.map(|date| date.get(..16).unwrap_or(date).replace('T', " ")).unwrap_or_default();
    let barcode = barcode.map_or("no barcode".to_owned(), |code| {
        format!("…{}", code.get(code.len().saturating_sub(4)..).unwrap_or(code))
    });
    [title.unwrap_or_default(), &date, &barcode, state]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}
