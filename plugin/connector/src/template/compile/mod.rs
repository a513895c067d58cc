//! The compiler: from the files of a template's folder to the flat data that a pass is filled from.
//!
//! Owns the way through the files and the header of the result. Does no I/O. Runs when a tenant is loaded, on hosts only. The same source
//! gives the same bytes.

mod apple;
mod colour;
mod condition;
mod context;
mod document;
mod error;
mod field;
mod google;
mod handling;
mod image;
mod merchant;
mod module;
mod nfc;
mod pass;
mod picture;
mod places;
mod poster;
mod semantics;
mod spelling;
#[cfg(test)]
mod tests;
mod tree;
mod wording;

use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::DeTable;

use self::context::{Context, Locale};
use self::document::Section;
use self::error::Report;
use self::tree::{Node, Writer};
use crate::payload::json;
use crate::template::format::{MAGIC, VERSION};
use crate::template::program::Kind;

pub use self::error::{Language, Problem, TemplateError};
pub use self::nfc::Nfc;
pub use self::places::{DISTANCE, MAX_LOCATIONS, Place, Venue};
pub use self::spelling::{nearest, plain};

const FILE: &str = "template.toml";

/// A template as its folder has it.
#[derive(Debug, Clone, Default)]
pub struct TemplateSource {
    /// The folder's name: `[a-z0-9-]`, a part of Google's class ids.
    pub name: String,
    /// `template.toml`
    pub template: String,
    /// The tenant's languages, the default first, each with the text of its `<language>.toml`; empty text where there is no such file.
    pub locales: Vec<(String, String)>,
    /// Names of the images relative to `images/`: `icon.png`, `fr.lproj/logo@2x.png`.
    pub images: Vec<String>,
    /// The tenant's settings by name, without `settings.`. Their values are judged where Apple has a rule, and are not in the result.
    pub settings: Vec<(String, String)>,
    /// The tenant's venues.
    pub venues: Vec<Venue>,
    /// None: the tenant has no NFC, and so no poster tickets.
    pub nfc: Option<Nfc>,
}

/// A template that can be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// What `rebuild` takes as `template`.
    pub text: String,
    /// `event-ticket` or `member-card`: which passes it is for.
    pub kind: &'static str,
    /// As in the source: the languages that a pass has.
    pub locales: Vec<String>,
    /// Worth saying, no reason to refuse.
    pub warnings: Vec<TemplateError>,
}

const KINDS: [&str; 2] = ["event-ticket", "member-card"];

/// Compiles a template, or says everything that is wrong with it.
pub fn compile(source: &TemplateSource) -> Result<Compiled, Vec<TemplateError>> {
    let report = Report::default();
    let compiled = with_report(source, &report);
    let (errors, warnings) = report.into_parts();
    match compiled {
        Some((text, kind)) if errors.is_empty() => {
            let locales = source.locales.iter().map(|(tag, _)| tag.clone()).collect();
            Ok(Compiled { text, kind, locales, warnings })
        }
        _ => Err(errors),
    }
}

/// None only after something was reported.
fn with_report(source: &TemplateSource, report: &Report) -> Option<(String, &'static str)> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if source.name.is_empty() || !source.name.chars().all(allowed) {
        report.file(FILE, Problem::BadName(source.name.clone()));
    }
    if source.locales.is_empty() {
        report.file(FILE, Problem::NoLocale);
    }
    let files: Vec<String> = source.locales.iter().map(|(tag, _)| format!("{tag}.toml")).collect();
    let tables: Vec<Option<Spanned<DeTable<'_>>>> =
        source.locales.iter().zip(&files).map(|((_, text), file)| document::parse(file, text, report)).collect();
    let template = document::parse(FILE, &source.template, report)?;
    let mut locales = Vec::new();
    for (((tag, text), file), table) in source.locales.iter().zip(&files).zip(&tables) {
        if tag.is_empty() || !tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            report.file(file, Problem::BadLocale(tag.clone()));
        }
        let texts = table.as_ref().map(|table| Section::root(file, text, table.get_ref(), report).texts());
        locales.push(Locale { tag, file, texts: texts? });
    }
    if locales.is_empty() {
        return None;
    }
    unknown_texts(report, &locales);

    let root = Section::root(FILE, &source.template, template.get_ref(), report);
    let Some(kind) = root.one_of("kind", &KINDS) else {
        if root.string("kind").is_none() {
            root.missing("kind");
        }
        return None;
    };
    let kind_name = KINDS.get(kind).copied()?;
    let kind = if kind == 0 { Kind::EventTicket } else { Kind::MemberCard };
    let context = Context::new(report, locales, kind, &source.settings);
    Some((header_and_body(&context, source, root)?, kind_name))
}

/// A language file may leave out texts that the template does not use, but not have some that the default language lacks.
fn unknown_texts(report: &Report, locales: &[Locale<'_>]) {
    let Some((default, others)) = locales.split_first() else { return };
    for (key, place, _) in others.iter().flat_map(|locale| &locale.texts) {
        if default.text(key).is_none() {
            let nearest = spelling::likeliest(key, default.texts.iter().map(|(key, ..)| *key));
            report.at(place, Problem::UnknownKey { name: (*key).to_owned(), nearest });
        }
    }
}

fn header_and_body<'s>(context: &Context<'s>, source: &TemplateSource, root: Section<'s>) -> Option<String> {
    let common = pass::common(context, &root);
    let (apple, google) = (root.section("apple"), root.section("google"));
    if apple.is_none() && google.is_none() {
        root.problem(&root.place, Problem::NoWallet);
    }
    let relevance = root.section("relevance");
    let tree = |node: Option<&Node>| {
        let mut writer = Writer::default();
        if let Some(node) = node {
            writer.node(context, node);
        }
        writer.bytes
    };
    let mut apple_tree = Vec::new();
    if let Some(apple) = apple {
        let (node, style) = apple::compile(context, apple, relevance.as_ref(), &common, source);
        image::check(context.report, &source.images, &context.tags(), style);
        apple_tree = tree(Some(&node));
    }
    let google = google.map(|google| google::compile(context, google, relevance.as_ref(), &common, source));
    if let Some(relevance) = relevance {
        relevance.finish();
    }
    let class = tree(google.as_ref().map(|google| &google.class));
    let object = tree(google.as_ref().map(|google| &google.object));
    root.finish();

    let mut body = Writer::default();
    body.byte(u8::from(context.kind == Kind::MemberCard));
    body.byte(u8::try_from(google.map_or(0, |google| google.kind)).unwrap_or_default());
    body.chunk(source.name.as_bytes());
    body.list(&context.tags());
    body.list(&context.names.borrow());
    let statics = context.statics.borrow();
    let mut constants = Writer::default();
    constants.number(statics.len());
    for text in statics.iter().flatten() {
        constants.chunk(text.as_bytes());
    }
    body.chunk(&constants.bytes);
    body.list(&strings(context.locales.len(), &statics));
    for tree in [&apple_tree, &class, &object] {
        body.chunk(tree);
    }
    let mut text = [MAGIC.as_slice(), &[VERSION]].concat();
    for byte in Sha256::digest(&body.bytes) {
        text.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    text.extend_from_slice(&body.bytes);
    String::from_utf8(text).ok()
}

/// `pass.strings` of the constant texts, per language. The default language has its texts in pass.json already; it gets its file all the
/// same, because a phone chooses a language among those that have one.
fn strings(locales: usize, statics: &[Vec<String>]) -> Vec<String> {
    if locales < 2 {
        return Vec::new();
    }
    let file = |locale: usize| {
        let mut lines = Vec::new();
        for texts in statics {
            if let (Some(key), Some(text)) = (texts.first(), texts.get(locale))
                && (locale == 0 || key != text)
            {
                json::strings_line(key.as_bytes(), text.as_bytes(), &mut lines);
            }
        }
        String::from_utf8(lines).unwrap_or_default()
    };
    (0..locales).map(file).collect()
}
