//! A folder is a test: what SecuTix sends, and what the connector must make of it.
//!
//! Owns the reading of `tests/cases/<name>/`, the little host that carries passes from one step to the next, and the comparison with
//! `expected.json` (`UPDATE_GOLDEN=1` writes it). Does not own the connector: whoever runs the cases brings one, native or sandboxed, and both must
//! answer with the same bytes. Everything of a folder is optional but `expected.json`:
//!
//! - `notification.json`, `content-type`: the notification of the first step (`notification-2.json` of the second, …);
//! - `before.json` (`before.contact.json`): SecuTix's answer from which the passes come, by accepting every offer;
//! - `passes.json`: what happens to those passes: `{"erased": ["movement"], "void": ["movement"], "forgotten": ["movement"], "file": "id"}`;
//! - `after.json` (`after.contact.json`), `after-2.json`, …: the answers that are classified, each seen from the passes that the one before left;
//! - `template`: the name of a template of the example tenant: what the passes that change then show is told as well;
//! - `hostile.json`: any of these by its stem, as pieces to put together, for what is too large or too broken to be a file:
//!   `{"notification": [{"text": "x", "times": 100000}, {"hex": "c3"}]}`; `{n}` in a text is the number of the repetition.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use passerelle_connector::contract::payload::{self, Item, Job, Rebuilt};
use passerelle_connector::contract::scenario::{
    Action, Answer, Evidence, Fault, Hint, KnownPass, Observation, Operation, Verdict,
};
use passerelle_connector::contract::types::{EventPart, PassState, Subject};
use passerelle_connector::contract::webhook::{Notification, OrderChange, Rejection};
use passerelle_connector::template::{TemplateSource, compile};
use serde_json::{Map, Value};

use told::{difference, tell_classification, tell_payload, tell_validation};

// By path: this file is a module of several test binaries, in none of which its folder is its own.
#[path = "case_told.rs"]
mod told;

/// Something that answers as the connector does.
pub trait Connector {
    fn validate(&mut self, notification: &Notification) -> Result<OrderChange, Rejection>;
    fn classify(&mut self, observation: &Observation) -> Result<Verdict, Fault>;
    fn rebuild(&mut self, job: &Job) -> Result<Rebuilt, payload::Fault>;
}

/// The connector as a library.
pub struct Native;

impl Connector for Native {
    fn validate(&mut self, notification: &Notification) -> Result<OrderChange, Rejection> {
        passerelle_connector::webhook::validate(notification)
    }

    fn classify(&mut self, observation: &Observation) -> Result<Verdict, Fault> {
        passerelle_connector::scenario::classify(observation)
    }

    fn rebuild(&mut self, job: &Job) -> Result<Rebuilt, payload::Fault> {
        passerelle_connector::payload::rebuild(job)
    }
}

/// As the example tenant's `tenant.toml` has them.
const LOCALES: [&str; 3] = ["fr", "en", "de"];
const ORGANIZATION: &str = "Opéra de Démonstration";
const SETTINGS: [(&str, &str); 2] = [("phone", "+41 22 555 01 00"), ("website", "https://opera.example.org")];

/// One folder, read.
pub struct Case {
    pub name: String,
    folder: PathBuf,
    pub before: Option<Answer>,
    pub passes: Option<Value>,
    pub steps: Vec<Step>,
    /// Compiled.
    template: Option<String>,
}

/// What arrives together.
pub struct Step {
    pub notification: Option<Notification>,
    pub after: Option<Answer>,
}

/// Every case below `folder`, by name.
pub fn load_all(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            cases.push(Case::load(&path).map_err(|error| format!("{}: {error}", path.display()))?);
        }
    }
    cases.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(cases)
}

impl Case {
    pub fn load(folder: &Path) -> Result<Self, String> {
        let source = Source { folder: folder.to_owned(), hostile: read_json(&folder.join("hostile.json"))? };
        let mut steps = Vec::new();
        for number in 1.. {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let notification = source.notification(&format!("notification{suffix}"))?;
            let after = source.answer(&format!("after{suffix}"))?;
            if notification.is_none() && after.is_none() {
                break;
            }
            steps.push(Step { notification, after });
        }
        Ok(Self {
            name: folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            folder: folder.to_owned(),
            before: source.answer("before")?,
            passes: read_json(&folder.join("passes.json"))?,
            steps,
            template: template(folder)?,
        })
    }

    /// What the connector makes of it, in the form of `expected.json`.
    pub fn run(&self, connector: &mut impl Connector) -> Result<Value, String> {
        let mut passes = Passes::default();
        if let Some(before) = &self.before {
            let observation = passes.observe(vec![], before.clone());
            let verdict = connector.classify(&observation).map_err(|fault| format!("before.json: {fault:?}"))?;
            passes.apply(&verdict);
        }
        if let Some(edits) = &self.passes {
            passes.edit(edits);
        }
        let mut steps = Vec::new();
        for step in &self.steps {
            let mut told = Map::new();
            let mut hints = Vec::new();
            if let Some(notification) = &step.notification {
                let answer = connector.validate(notification);
                told.insert("notification".to_owned(), tell_validation(&answer));
                hints.extend(answer.ok().map(|change| Hint {
                    state: change.state,
                    sale_movement: change.sale_movement,
                    ticket: change.ticket,
                }));
            }
            if let Some(after) = &step.after {
                let verdict = connector.classify(&passes.observe(hints, after.clone()));
                told.insert("verdict".to_owned(), tell_classification(&verdict));
                if let Ok(verdict) = &verdict {
                    passes.apply(verdict);
                    if let Some(template) = &self.template {
                        told.insert("passes".to_owned(), passes.show(verdict, template, connector)?);
                    }
                }
            }
            steps.push(Value::Object(told));
        }
        Ok(Value::Array(steps))
    }

    /// Compares with `expected.json`, or writes it when `UPDATE_GOLDEN` is set.
    pub fn check(&self, actual: &Value) -> Result<(), String> {
        let path = self.folder.join("expected.json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text = serde_json::to_string_pretty(actual).map_err(|error| error.to_string())?;
            return fs::write(&path, text + "\n").map_err(|error| format!("{}: {error}", path.display()));
        }
        let expected = read_json(&path)?.ok_or_else(|| format!("{} is missing", path.display()))?;
        match difference(&expected, actual, String::new()) {
            Some(difference) => Err(format!("{}: {difference}", path.display())),
            None => Ok(()),
        }
    }
}

/// The template that the folder names, compiled.
fn template(folder: &Path) -> Result<Option<String>, String> {
    let Ok(name) = fs::read_to_string(folder.join("template")) else { return Ok(None) };
    let name = name.trim();
    let from = folder.join("../../../examples/tenants/demo/templates").join(name);
    let read = |path: PathBuf| fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()));
    let mut images = Vec::new();
    for image in fs::read_dir(from.join("images")).map_err(|error| format!("{}: {error}", from.display()))? {
        images.push(image.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned());
    }
    let locale = |tag: &str| Ok::<_, String>((tag.to_owned(), read(from.join(format!("{tag}.toml")))?));
    let source = TemplateSource {
        name: name.to_owned(),
        template: read(from.join("template.toml"))?,
        locales: LOCALES.into_iter().map(locale).collect::<Result<_, _>>()?,
        images,
        settings: SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..TemplateSource::default()
    };
    compile(&source).map(|compiled| Some(compiled.text)).map_err(|errors| format!("{errors:?}"))
}

fn read_json(path: &Path) -> Result<Option<Value>, String> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// Files of a folder, or their pieces.
struct Source {
    folder: PathBuf,
    hostile: Option<Value>,
}

impl Source {
    fn bytes(&self, stem: &str, extension: &str) -> Result<Option<Vec<u8>>, String> {
        if extension == "json"
            && let Some(pieces) = self.hostile.as_ref().and_then(|hostile| hostile.get(stem))
        {
            return put_together(pieces).map(Some);
        }
        let path = self.folder.join(format!("{stem}.{extension}"));
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    fn answer(&self, stem: &str) -> Result<Option<Answer>, String> {
        match self.bytes(stem, "json")? {
            Some(bytes) => Ok(Some(Answer::File(bytes))),
            None => Ok(self.bytes(stem, "contact.json")?.map(Answer::Contact)),
        }
    }

    /// `content-type` says what the header is; an empty file, that there is none.
    fn notification(&self, stem: &str) -> Result<Option<Notification>, String> {
        let Some(body) = self.bytes(stem, "json")? else { return Ok(None) };
        let content_type = match fs::read_to_string(self.folder.join("content-type")) {
            Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Err(_) => Some("application/json".to_owned()),
        };
        Ok(Some(Notification { content_type, body }))
    }
}

fn put_together(pieces: &Value) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for piece in pieces.as_array().ok_or("hostile.json: a list of pieces is expected")? {
        let times = piece.get("times").and_then(Value::as_u64).unwrap_or(1);
        let between = piece.get("between").and_then(Value::as_str).unwrap_or_default();
        for number in 0..times {
            if number > 0 {
                bytes.extend_from_slice(between.as_bytes());
            }
            if let Some(text) = piece.get("text").and_then(Value::as_str) {
                bytes.extend_from_slice(text.replace("{n}", &number.to_string()).as_bytes());
            } else if let Some(hex) = piece.get("hex").and_then(Value::as_str) {
                bytes.extend(unhex(hex).ok_or("hostile.json: pairs of hexadecimal digits are expected")?);
            } else {
                return Err("hostile.json: a piece has text or hex".to_owned());
            }
        }
    }
    Ok(bytes)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// The host's side of a case: passes and events as a store would keep them.
#[derive(Default, Clone)]
pub struct Passes {
    pub known: Vec<KnownPass>,
    pub events: Vec<EventPart>,
    /// Places in `known`: ten thousand passes are no list to walk.
    places: BTreeMap<String, usize>,
    /// Passes whose movement one look has missed.
    absent: BTreeSet<String>,
}

impl Passes {
    pub fn observe(&self, hints: Vec<Hint>, answer: Answer) -> Observation {
        Observation { hints, answer, passes: self.known.clone(), events: self.events.clone() }
    }

    /// Does what the verdict says, as a host would: every offer is taken, and an absence is believed the second time.
    pub fn apply(&mut self, verdict: &Verdict) {
        let mut changed = BTreeSet::new();
        for event in &verdict.events {
            match self.events.iter_mut().find(|known| known.key == event.key) {
                Some(known) if known.body == event.body => {}
                Some(known) => {
                    known.clone_from(event);
                    changed.insert(&event.key);
                }
                None => self.events.push(event.clone()),
            }
        }
        // Who shows a changed event shows what it was before, unless an operation says otherwise.
        for (key, as_stored) in self.known.iter_mut().flat_map(|pass| &mut pass.shown) {
            *as_stored &= !changed.contains(key);
        }
        for operation in &verdict.operations {
            self.operate(operation, verdict);
        }
    }

    fn operate(&mut self, operation: &Operation, verdict: &Verdict) {
        let id = match (&operation.pass, &operation.subject) {
            (Some(pass), _) => pass.clone(),
            (None, Subject::Movement(id) | Subject::Contact(id)) => format!("pass-{id}"),
        };
        if let Action::Offer(_) = &operation.action {
            self.places.insert(id.clone(), self.known.len());
            self.known.push(KnownPass {
                pass: id.clone(),
                subject: operation.subject.clone(),
                state: PassState::Live,
                order: None,
                file: None,
                ticket: None,
                snapshot: None,
                shown: vec![],
            });
        }
        let Some(pass) = self.places.get(&id).and_then(|place| self.known.get_mut(*place)) else { return };
        match &operation.action {
            Action::Offer(part) | Action::Update(part) | Action::Revive(part) => {
                pass.state = PassState::Live;
                pass.order.clone_from(&operation.order);
                pass.file.clone_from(&verdict.file);
                pass.ticket.clone_from(&operation.ticket);
                pass.shown = part.events.iter().map(|key| (key.clone(), true)).collect();
                pass.snapshot = Some(part.clone());
                self.absent.remove(&id);
            }
            Action::End(Evidence::Positive) => pass.state = PassState::Void,
            Action::End(Evidence::Absence) if !self.absent.insert(id.clone()) => pass.state = PassState::Void,
            Action::End(Evidence::Absence) => {}
            // It was seen: another absence begins anew.
            Action::Keep => {
                self.absent.remove(&id);
            }
        }
    }

    /// What the passes show that the verdict has just made, changed or ended.
    fn show(&self, verdict: &Verdict, template: &str, connector: &mut impl Connector) -> Result<Value, String> {
        let pass_of = |id: &str| format!("pass-{id}");
        let mut items = Vec::new();
        for operation in &verdict.operations {
            let (Subject::Movement(id) | Subject::Contact(id)) = &operation.subject;
            let pass = operation.pass.clone().unwrap_or_else(|| pass_of(id));
            let known = self.places.get(&pass).and_then(|place| self.known.get(*place));
            let Some(KnownPass { state, snapshot: Some(ticket), .. }) = known else { continue };
            if matches!(operation.action, Action::Keep) {
                continue;
            }
            let mut variables = vec![("host.organization".to_owned(), ORGANIZATION.to_owned())];
            if let Some(successor) = &operation.successor {
                variables.push(("host.successor".to_owned(), format!("https://example.org/{}", pass_of(successor))));
            }
            let (subject, state, ticket) = (operation.subject.clone(), *state, ticket.clone());
            items.push(Item { pass, subject, state, ticket, variables });
        }
        let job = Job {
            template: template.to_owned(),
            locales: LOCALES.map(str::to_owned).to_vec(),
            settings: SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            events: self.events.clone(),
            items,
        };
        let rebuilt = connector.rebuild(&job).map_err(|fault| format!("{fault:?}"))?;
        let mut told = Map::new();
        for built in rebuilt.passes {
            let built = built.map_err(|fault| format!("{fault:?}"))?;
            told.insert(built.pass.clone(), tell_payload(&built, &rebuilt.classes)?);
        }
        Ok(told.into())
    }

    fn edit(&mut self, edits: &Value) {
        let listed = |name: &str, pass: &KnownPass| {
            let list = edits.get(name).and_then(Value::as_array);
            let (Subject::Movement(id) | Subject::Contact(id)) = &pass.subject;
            list.is_some_and(|list| list.iter().any(|entry| entry == id.as_str()))
        };
        self.known.retain(|pass| !listed("forgotten", pass));
        self.places = self.known.iter().enumerate().map(|(place, pass)| (pass.pass.clone(), place)).collect();
        for pass in &mut self.known {
            if listed("erased", pass) {
                pass.snapshot = None;
            }
            if listed("void", pass) {
                pass.state = PassState::Void;
            }
            if let Some(file) = edits.get("file").and_then(Value::as_str) {
                pass.file = Some(file.to_owned());
            }
        }
    }
}
