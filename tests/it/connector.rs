//! The connector's artefact, and its agreement with the same code run natively.

use std::path::Path;

use passerelle_connector::contract::{installation, payload, scenario, webhook};
use passerelle_flow::explain::explain;
use passerelle_flow::ports::Connector as _;
use passerelle_sandbox::{Capacity, Engine, Sandbox};
use passerelle_server::connector::CONNECTOR;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;
use wasmparser::{Parser, Payload};

use crate::case_folder::{self, Connector, Native};

/// design.md: the ceiling of the component's size.
const CEILING: usize = 600_000;

#[test]
fn the_component_imports_nothing() {
    let mut depth_zero_imports = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(CONNECTOR) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                depth_zero_imports.extend(section.into_iter().map(|import| format!("{:?}", import.unwrap().name)));
            }
            _ => {}
        }
    }
    assert_eq!(depth_zero_imports, Vec::<String>::new());
}

#[test]
fn the_component_is_smaller_than_its_ceiling() {
    assert!(CONNECTOR.len() <= CEILING, "{} bytes", CONNECTOR.len());
}

/// Both sides have types of their own that are generated from the same WIT; their serialised forms are the same.
fn same<A: Serialize, B: DeserializeOwned>(value: &A) -> B {
    serde_json::from_value(serde_json::to_value(value).unwrap()).unwrap()
}

/// Answers natively and in the sandbox, and insists that both are the same.
struct Both {
    sandbox: Sandbox,
    runtime: Runtime,
    compared: usize,
}

impl Both {
    fn new() -> Self {
        let engine = Engine::new(Capacity::default()).unwrap();
        Self { sandbox: Sandbox::load(&engine, CONNECTOR).unwrap(), runtime: Runtime::new().unwrap(), compared: 0 }
    }

    fn agree<T: Serialize, U: Serialize + DeserializeOwned>(&mut self, native: &T, sandboxed: &U) {
        self.compared += 1;
        assert_eq!(serde_json::to_string(native).unwrap(), serde_json::to_string(sandboxed).unwrap());
    }
}

impl Connector for Both {
    fn validate(&mut self, notification: &webhook::Notification) -> Result<webhook::OrderChange, webhook::Rejection> {
        let native = Native.validate(notification);
        let sandboxed = self.runtime.block_on(self.sandbox.validate(same(notification))).unwrap();
        self.agree(&native, &sandboxed);
        native
    }

    fn classify(&mut self, observation: &scenario::Observation) -> Result<scenario::Verdict, scenario::Fault> {
        let native = Native.classify(observation);
        let sandboxed = self.runtime.block_on(self.sandbox.classify(same(observation))).unwrap();
        self.agree(&native, &sandboxed);
        native
    }

    fn rebuild(&mut self, job: &payload::Job) -> Result<payload::Rebuilt, payload::Fault> {
        let native = Native.rebuild(job);
        let sandboxed = self.runtime.block_on(self.sandbox.rebuild(same(job))).unwrap();
        self.agree(&native, &sandboxed);
        native
    }
}

#[test]
fn every_case_gives_the_same_bytes_natively_and_in_the_sandbox() {
    let cases = case_folder::load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).unwrap();
    assert!(cases.len() > 80, "only {} cases were found", cases.len());
    let mut both = Both::new();
    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(difference) = case.run(&mut both).and_then(|actual| case.check(&actual)) {
            wrong.push(format!("{}: {difference}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(both.compared > cases.len());
}

/// Every pass that the cases offer or update is built by both, with every template of the example tenant.
#[test]
fn every_pass_of_the_cases_is_built_alike_natively_and_in_the_sandbox() {
    struct Building {
        both: Both,
        templates: Vec<String>,
        built: usize,
    }
    impl Connector for Building {
        fn validate(
            &mut self,
            notification: &webhook::Notification,
        ) -> Result<webhook::OrderChange, webhook::Rejection> {
            Native.validate(notification)
        }
        fn classify(&mut self, observation: &scenario::Observation) -> Result<scenario::Verdict, scenario::Fault> {
            let verdict = Native.classify(observation)?;
            let mut items = Vec::new();
            for operation in &verdict.operations {
                let (scenario::Action::Offer(ticket)
                | scenario::Action::Update(ticket)
                | scenario::Action::Revive(ticket)) = &operation.action
                else {
                    continue;
                };
                for state in [
                    passerelle_connector::contract::types::PassState::Live,
                    passerelle_connector::contract::types::PassState::Void,
                ] {
                    items.push(payload::Item {
                        pass: format!("pass{:012}", items.len()),
                        subject: operation.subject.clone(),
                        state,
                        ticket: ticket.clone(),
                        variables: vec![
                            ("host.organization".to_owned(), "The house".to_owned()),
                            ("host.successor".to_owned(), "https://example.org/next".to_owned()),
                        ],
                    });
                }
            }
            // Ten thousand tickets say no more than a hundred.
            items.truncate(100);
            for template in self.templates.clone() {
                let job = payload::Job {
                    template,
                    locales: ["fr", "en", "de"].map(str::to_owned).to_vec(),
                    settings: vec![],
                    events: verdict.events.clone(),
                    items: items.clone(),
                };
                let native = self.both.rebuild(&job);
                self.built += native.map_or(0, |built| built.passes.iter().filter(|one| one.is_ok()).count());
            }
            Ok(verdict)
        }
        fn rebuild(&mut self, job: &payload::Job) -> Result<payload::Rebuilt, payload::Fault> {
            Native.rebuild(job)
        }
    }
    let cases = case_folder::load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).unwrap();
    let mut building = Building { both: Both::new(), templates: crate::example::compiled_templates(), built: 0 };
    for case in &cases {
        // What a case expects is the business of the test above.
        let _ = case.run(&mut building);
    }
    assert!(building.built > 100, "only {} passes were built", building.built);
}

#[test]
fn a_saved_answer_is_explained_whichever_call_it_came_from() {
    let both = Both::new();
    let explained = |case: &str, kind: &str| {
        let saved = |stem: &str| {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(case).join(format!("{stem}{kind}.json"));
            std::fs::read(path).unwrap()
        };
        let (before, after) = (saved("before"), saved("after"));
        let verdict = explain(&both.sandbox, Some(&before), &after, None);
        both.runtime.block_on(verdict).unwrap().operations.remove(0).reason.code
    };
    assert_eq!(explained("contact-changed", ".contact"), "card-changed");
    assert_eq!(explained("reprint", ""), "barcode-changed");
}

#[test]
fn signals_are_reduced_alike_natively_and_in_the_sandbox() {
    let both = Both::new();
    let presence =
        || installation::Presence { installed: false, count: 0, changed_at: None, event: None, first_at: None };
    let mut status = installation::Status { apple: presence(), google: presence(), printed: None, written: vec![] };
    let context = installation::Context {
        pass: "KlnqcxVLA9pS4ol5".to_owned(),
        template: "event-ticket".to_owned(),
        ticket: Some("10228305597652".to_owned()),
        persist_status: true,
        persist_printed: true,
    };
    for at in 0..200_u64 {
        let kinds = [installation::Kind::Installed, installation::Kind::Removed, installation::Kind::InferredRemoval];
        let signal = installation::Signal {
            source: "apple".to_owned(),
            event: format!("{at}"),
            wallet: if at % 3 == 0 {
                passerelle_connector::contract::types::Wallet::Google
            } else {
                passerelle_connector::contract::types::Wallet::Apple
            },
            kind: kinds[usize::try_from(at % 7 % 3).unwrap()],
            at: at * 37 % 50,
            count: Some(u32::try_from(at % 4).unwrap()),
        };
        let native = passerelle_connector::installation::reduce(&context, &status, std::slice::from_ref(&signal));
        let sandboxed =
            both.runtime.block_on(both.sandbox.reduce(same(&context), same(&status), same(&vec![signal]))).unwrap();
        assert_eq!(serde_json::to_string(&native).unwrap(), serde_json::to_string(&sandboxed).unwrap());
        status = native.status;
    }
}
