//! The images of an Apple pass: their names, and which of them go together.
//!
//! Owns names only; a host owns the bytes, and puts all images of a template's folder into the package, under the same name, but those below
//! `google/`, which are for Google alone.

use super::error::{Problem, Report};
use super::field::Style;
use super::spelling::likeliest;

/// What Wallet looks for; `artwork`, `primaryLogo`, `secondaryLogo` and `footer` in newer layouts.
const NAMES: [&str; 9] =
    ["icon", "logo", "strip", "thumbnail", "background", "artwork", "footer", "primaryLogo", "secondaryLogo"];

const FOLDER: &str = "images";

/// Names relative to the folder `images`.
pub(super) fn check(report: &Report, images: &[String], locales: &[&str], style: Style) {
    for image in images {
        if !is_known(image, locales) {
            let file = image.rsplit('/').next().unwrap_or_default();
            let names: Vec<String> =
                NAMES.iter().flat_map(|name| ["", "@2x", "@3x"].map(|scale| format!("{name}{scale}.png"))).collect();
            let nearest = likeliest(file, names.iter().map(String::as_str));
            report.file(FOLDER, Problem::UnknownImage { name: image.clone(), nearest });
        }
    }
    // Smaller sizes are made of the largest one when it is packed.
    let has = |name: &str| {
        let stem = name.strip_suffix(".png").and_then(|stem| stem.split('@').next()).unwrap_or(name);
        let larger = if name.contains("@3x") { &[][..] } else { &["@3x"][..] };
        images.iter().any(|image| image == name)
            || larger.iter().any(|scale| images.iter().any(|image| *image == format!("{stem}{scale}.png")))
    };
    let any = |name: &str| ["", "@2x", "@3x"].iter().any(|scale| has(&format!("{name}{scale}.png")));
    if any("icon") {
        for scale in ["icon@2x.png", "icon@3x.png"] {
            if !has(scale) {
                report.warn(FOLDER, Problem::IconScale(scale.to_owned()));
            }
        }
    } else {
        report.file(FOLDER, Problem::NoIcon("icon.png".to_owned()));
    }
    if style == Style::EventTicket && any("strip") && (any("background") || any("thumbnail")) {
        let why = "an event ticket has either a strip, or a background and a thumbnail: the phone drops the latter";
        report.file(FOLDER, Problem::ImageConflict(why));
    }
}

/// `logo@2x.png`, `fr.lproj/logo@2x.png`.
fn is_known(image: &str, locales: &[&str]) -> bool {
    let file = match image.split_once('/') {
        Some(("google", _)) => return image.ends_with(".png"),
        Some((folder, file)) => match folder.strip_suffix(".lproj") {
            Some(locale) if locales.contains(&locale) => file,
            _ => return false,
        },
        None => image,
    };
    file.strip_suffix(".png").is_some_and(|stem| {
        let name = stem.strip_suffix("@2x").or_else(|| stem.strip_suffix("@3x")).unwrap_or(stem);
        NAMES.contains(&name)
    })
}
