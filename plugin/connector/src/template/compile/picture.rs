//! The images of a Google pass: addresses that Google fetches.
//!
//! Owns where they may stand. An image is an address (`https://…`) or the name of a file in the template's folder `images`, which a host serves:
//! the connector knows no address of a host, so the bare name is handed over. Does not own Apple's images (`image`).

use super::context::{Allowed, Context};
use super::document::Section;
use super::error::Problem;
use super::google::Resource;
use super::spelling::likeliest;
use super::tree::{Node, Part, quoted};
use super::wording::{Segment, Words};

/// Google: one image module of a class, one of an object.
const MAX_MODULES: usize = 1;

/// Files out of which a host makes a loyalty class's logo where the template names none: it must have one.
const LOGOS: [&str; 2] = ["logo", "icon"];

impl<'s> Resource<'_, 's> {
    /// The key of the section as a member of the resource.
    pub(super) fn image(&mut self, section: &Section<'s>, key: &'static str, name: &str) {
        let words = self.picture(section, key);
        self.nodes.extend(words.map(|words| Node::leaf(image(&format!("\"{name}\":"), words))));
    }

    /// A loyalty class's logo, which must be there.
    pub(super) fn program_logo(&mut self) {
        match self.picture(self.google, "logo") {
            Some(words) => self.nodes.push(Node::leaf(image("\"programLogo\":", words)).demanded()),
            None if self.images.iter().any(|file| LOGOS.iter().any(|logo| file.starts_with(logo))) => {}
            None => self.google.missing("logo"),
        }
    }

    /// `[[google.class.imageModulesData]]`, or of the object: `id` and `mainImage`.
    pub(super) fn image_modules(&mut self, section: &Section<'s>) {
        let modules = section.sections("imageModulesData");
        if modules.len() > MAX_MODULES {
            let (what, style) = ("image modules", "Google's");
            let problem = Problem::TooMany { what, style, count: modules.len(), limit: MAX_MODULES };
            section.problem(&section.place, problem);
        }
        let mut nodes = Vec::new();
        for module in modules {
            let when = self.context.when(&module, self.allowed);
            let id = module.string("id");
            let words = self.picture(&module, "mainImage");
            for (key, missing) in [("id", id.is_none()), ("mainImage", words.is_none())] {
                if missing {
                    module.missing(key);
                }
            }
            if let (Some((_, id)), Some(words)) = (id, words) {
                let mut parts = image(&format!("{{\"id\":{},\"mainImage\":", quoted(id)), words);
                parts.push(Part::Raw("}".to_owned()));
                nodes.push(Node::leaf(parts).only(&when));
            }
            module.finish();
        }
        self.nodes.push(Node::array("\"imageModulesData\":", nodes));
    }

    fn picture(&self, section: &Section<'s>, key: &'static str) -> Option<Words> {
        source(self.context, self.images, section, key, self.allowed)
    }
}

/// An address, a file of the folder, or what a variable brings.
fn source<'s>(
    context: &Context<'s>,
    images: &[String],
    section: &Section<'s>,
    key: &'static str,
    allowed: Allowed,
) -> Option<Words> {
    let written = section.written(key)?;
    let words = context.uniform(&written, allowed)?;
    let text = match words.lists.first().and_then(|list| list.first()) {
        None => return None,
        Some(Segment::Literal(text)) => text,
        Some(_) => return Some(words),
    };
    let file = words.constant().is_some() && images.contains(text);
    if !file && !text.starts_with("https://") {
        let nearest = likeliest(text, images.iter().map(String::as_str));
        context.report.at(written.place(), Problem::NoImageFile { name: text.clone(), nearest });
    }
    Some(words)
}

fn image(prefix: &str, words: Words) -> Vec<Part> {
    vec![Part::Raw(format!("{prefix}{{\"sourceUri\":{{\"uri\":")), Part::Plain(words), Part::Raw("}}".to_owned())]
}
