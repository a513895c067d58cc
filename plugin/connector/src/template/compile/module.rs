//! Free texts and links of Google's classes and objects.

use super::context::Allowed;
use super::document::Section;
use super::error::Problem;
use super::field::each;
use super::google::Resource;
use super::tree::{Node, Part, quoted};
use super::wording::Words;

/// Google: "a maximum of 10 fields will be displayed" for text modules; the same cap serves for links.
const MAX_MODULES: usize = 10;

impl<'s> Resource<'_, 's> {
    /// `[[google.class.textModulesData]]` and `[[google.class.linksModuleData]]`; the same of the object.
    pub(super) fn modules(&mut self, section: &Section<'s>) {
        let texts: Vec<Node> =
            section.sections("textModulesData").into_iter().filter_map(|module| self.text_module(module)).collect();
        let links: Vec<Node> =
            section.sections("linksModuleData").into_iter().filter_map(|module| self.link_module(module)).collect();
        for (what, count) in [("text modules", texts.len()), ("links", links.len())] {
            if count > MAX_MODULES {
                let problem = Problem::TooMany { what, style: "Google's", count, limit: MAX_MODULES };
                section.problem(&section.place, problem);
            }
        }
        self.nodes.push(Node::array("\"textModulesData\":", texts));
        self.nodes.push(Node::object("\"linksModuleData\":", vec![Node::array("\"uris\":", links)]));
    }

    fn text_module(&self, module: Section<'s>) -> Option<Node> {
        let when = self.context.when(&module, self.allowed);
        let each = if self.allowed == Allowed::NotHolder { each(&module) } else { false };
        let id = module.string("id");
        let words = |key, each| module.written(key).and_then(|text| self.context.words(&text, self.allowed, each));
        let (header, body) = (words("header", false), words("body", each));
        let mut parts = vec![Part::Raw("{".to_owned())];
        match id {
            Some((_, id)) => parts.push(Part::Raw(format!("\"id\":{}", quoted(id)))),
            None => module.missing("id"),
        }
        if let Some(words) = header {
            parts.extend(either("header", "localizedHeader", words));
        }
        match body {
            Some(words) => parts.extend(either("body", "localizedBody", words)),
            None => module.missing("body"),
        }
        parts.push(Part::Raw("}".to_owned()));
        module.finish();
        Some(Node::leaf(parts).only(&when))
    }

    fn link_module(&self, module: Section<'s>) -> Option<Node> {
        let when = self.context.when(&module, self.allowed);
        let id = module.string("id");
        let uri = self.context.address(&module, "uri", self.allowed);
        let description = module.written("description").and_then(|text| self.context.words(&text, self.allowed, false));
        if id.is_none() {
            module.missing("id");
        }
        if uri.is_none() {
            module.missing("uri");
        }
        module.finish();
        let mut parts = vec![Part::Raw(format!("{{\"id\":{},\"uri\":", quoted(id?.1))), Part::Plain(uri?)];
        if let Some(words) = description {
            parts.extend([Part::Raw(",\"description\":".to_owned()), Part::Plain(words.clone())]);
            if !words.is_uniform() {
                parts.extend([Part::Raw(",\"localizedDescription\":".to_owned()), Part::Localized(words)]);
            }
        }
        parts.push(Part::Raw("}".to_owned()));
        Some(Node::leaf(parts).only(&when))
    }
}

/// A text in its short form where it has no translations.
fn either(plain: &str, localized: &str, words: Words) -> [Part; 2] {
    match words.is_uniform() {
        true => [Part::Raw(format!(",\"{plain}\":")), Part::Plain(words)],
        false => [Part::Raw(format!(",\"{localized}\":")), Part::Localized(words)],
    }
}
