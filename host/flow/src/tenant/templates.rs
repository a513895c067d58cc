//! The templates of a tenant's folder: each compiled, its images looked at, its digest made.
//!
//! Owns the layout `templates/<name>/{template.toml, <language>.toml, images/**}` and the digest. Does not own the template language
//! (`passerelle_connector::template`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use passerelle_connector::template::{self as language, Nfc, TemplateError, TemplateSource, Venue};
use sha2::{Digest as _, Sha256};

use super::load::TenantFiles;
use super::problem::{Fault, Place, Position, Problem};
use super::{Template, image};

const FOLDER: &str = "templates/";
const TEMPLATE_FILE: &str = "template.toml";

/// What became of the folder.
#[derive(Default)]
pub(super) struct TemplateFolder {
    pub templates: BTreeMap<String, Arc<Template>>,
    /// What each is for: `event-ticket`, `member-card`.
    pub kinds: BTreeMap<String, &'static str>,
    /// All that have a folder, good or not.
    pub names: BTreeSet<String>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

/// What templates may name of their tenant.
pub(super) struct Surroundings<'a> {
    pub locales: &'a [String],
    pub settings: &'a [(String, String)],
    pub venues: &'a [Venue],
    pub nfc: Option<Nfc>,
}

/// Compiles every template.
pub(super) fn load(files: &TenantFiles, tenant: &Surroundings<'_>) -> TemplateFolder {
    let mut folders: BTreeMap<&str, BTreeMap<&str, &Bytes>> = BTreeMap::new();
    for (path, content) in &files.files {
        if let Some((name, file)) = path.strip_prefix(FOLDER).and_then(|path| path.split_once('/')) {
            folders.entry(name).or_default().insert(file, content);
        }
    }
    let mut result = TemplateFolder::default();
    for (name, content) in folders {
        result.names.insert(name.to_owned());
        let mut template = TemplateReader { tenant: files, name, problems: Vec::new(), warnings: Vec::new() };
        let compiled = template.read(&content, tenant);
        result.problems.append(&mut template.problems);
        result.warnings.append(&mut template.warnings);
        if let Some((template, kind)) = compiled {
            result.kinds.insert(name.to_owned(), kind);
            result.templates.insert(name.to_owned(), Arc::new(template));
        }
    }
    result
}

struct TemplateReader<'a> {
    tenant: &'a TenantFiles,
    name: &'a str,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl TemplateReader<'_> {
    fn read(&mut self, files: &BTreeMap<&str, &Bytes>, tenant: &Surroundings<'_>) -> Option<(Template, &'static str)> {
        let locales = tenant.locales;
        let mut images = BTreeMap::new();
        let mut whole = true;
        for (file, content) in files {
            if let Some(image) = file.strip_prefix("images/") {
                if let Some(fault) = image::fault(content) {
                    whole = false;
                    self.problem(file, Fault::Image(fault));
                } else if let Some(small) = image::too_small(image, content) {
                    let place = self.place(file, None);
                    self.warnings.push(Problem { place, fault: Fault::SmallImage(small) });
                }
                images.insert(image.to_owned(), Bytes::clone(content));
            } else if *file != TEMPLATE_FILE
                && !file.strip_suffix(".toml").is_some_and(|tag| locales.iter().any(|locale| locale == tag))
            {
                let place = self.place(file, None);
                self.warnings.push(Problem { place, fault: Fault::UnusedFile });
            }
        }
        let Some(template) = self.text(files, TEMPLATE_FILE) else {
            if !files.contains_key(TEMPLATE_FILE) {
                self.problem(TEMPLATE_FILE, Fault::NoFile);
            }
            return None;
        };
        let mut texts = Vec::new();
        for locale in locales {
            let file = format!("{locale}.toml");
            match self.text(files, &file) {
                Some(text) => texts.push((locale.clone(), text)),
                // A template of one language needs no file for it.
                None if !files.contains_key(file.as_str()) => texts.push((locale.clone(), String::new())),
                None => whole = false,
            }
        }
        if !whole {
            return None;
        }
        let source = TemplateSource {
            name: self.name.to_owned(),
            template,
            locales: texts,
            images: images.keys().cloned().collect(),
            settings: tenant.settings.to_vec(),
            venues: tenant.venues.to_vec(),
            nfc: tenant.nfc.clone(),
        };
        match language::compile(&source) {
            Ok(compiled) => {
                for warning in compiled.warnings {
                    let problem = self.told(warning);
                    self.warnings.push(problem);
                }
                let digest = digest(&compiled.text, &images);
                let template = Template {
                    name: source.name,
                    kind: compiled.kind,
                    compiled: compiled.text,
                    digest,
                    images,
                    apple_images: OnceLock::new(),
                    locales: compiled.locales,
                };
                Some((template, compiled.kind))
            }
            Err(errors) => {
                for error in errors {
                    let problem = self.told(error);
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    fn text(&mut self, files: &BTreeMap<&str, &Bytes>, file: &str) -> Option<String> {
        let content = files.get(file)?;
        match std::str::from_utf8(content) {
            Ok(text) => Some(text.to_owned()),
            Err(_) => {
                self.problem(file, Fault::NotText);
                None
            }
        }
    }

    fn place(&self, file: &str, position: Option<Position>) -> Place {
        Place { position, ..self.tenant.place(&format!("{FOLDER}{}/{file}", self.name)) }
    }

    fn problem(&mut self, file: &str, fault: Fault) {
        let place = self.place(file, None);
        self.problems.push(Problem { place, fault });
    }

    fn told(&self, error: TemplateError) -> Problem {
        let position = (error.line > 0).then_some(Position { line: error.line, column: error.column });
        let place = self.place(&error.file, position);
        // The images' folder is the compiler's place for what is wrong with their names.
        let fault = if error.file == "images" {
            Fault::ImageNames(error.problem.to_string())
        } else {
            Fault::Template { key: error.key, problem: error.problem.to_string() }
        };
        Problem { place, fault }
    }
}

/// Hex SHA-256 over the compiled template and its images by name, each part preceded by its length in eight bytes, big end first: no two
/// templates read alike, and a template whose source was only reformatted stays the same.
fn digest(compiled: &str, images: &BTreeMap<String, Bytes>) -> String {
    let mut hash = Sha256::new();
    let parts = images.iter().flat_map(|(name, image)| [name.as_bytes(), image.as_ref()]);
    for part in std::iter::once(compiled.as_bytes()).chain(parts) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_apart_what_lies_where() {
        let image =
            |name: &str, content: &'static [u8]| BTreeMap::from([(name.to_owned(), Bytes::from_static(content))]);
        let digests = [
            digest("a", &image("logo.png", b"b")),
            digest("a", &image("logo.pn", b"gb")),
            digest("a", &image("logo.png", b"c")),
            digest("alogo.pngb", &BTreeMap::new()),
            digest("b", &image("logo.png", b"b")),
        ];
        assert_eq!(BTreeSet::from_iter(&digests).len(), digests.len());
        assert_eq!(digest("a", &image("logo.png", b"b")), digests[0]);
    }
}
