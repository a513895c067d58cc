//! What a plugin decides of a pass: its template, and the variables that are added to it.
//!
//! Owns the two hooks within a run, one after the other as a run calls them, and what stands in their place when a hook fails. Values of variables name
//! people as often as not: they are shown to who asks for them, and otherwise only whether they differ.

#![allow(clippy::print_stdout)] // a comparison is what it is run for

use std::collections::BTreeMap;

use passerelle_contract::tenant::types::Fault;
use passerelle_flow::hooks::recall::Recalled;
use passerelle_flow::hooks::shape::PREFIX;
use passerelle_flow::plugin::case::{Answers, Case, Played};
use passerelle_flow::plugin::hook::{Event, Hook, HookCall, Turn};
use passerelle_sandbox::Plugin;

use super::difference::plain;

/// What is decided, by name. The order is that of a print.
type Decided = BTreeMap<String, String>;

/// One plugin's.
#[derive(Default)]
pub struct Decision {
    template: Decided,
    variables: Decided,
    asked: Vec<Hook>,
    failed: Vec<Hook>,
}

/// Asks a plugin as a run would; without one, or without the hook, it is the default.
pub async fn decide(pass: &Recalled<'_>, plugin: Option<&Plugin>, answers: &Answers) -> Decision {
    let mut decision = Decision::default();
    let default = pass.default_template().map_or_else(|| pass.view.pass.template.clone(), str::to_owned);
    let mut template = default;
    if let Some(played) = decision.play(pass, plugin, pass.choose(), answers).await {
        match &played.ended {
            Ok(Ok(Turn::Chosen(name))) if is_offered(pass, name) => template.clone_from(name),
            Ok(Ok(Turn::Chosen(name))) => {
                decision.note(Hook::ChooseTemplate, format!("chooses {name}, which is none for such a pass"));
            }
            _ => {}
        }
    }
    decision.template.insert("template".to_owned(), template.clone());
    // Without the hook there are none.
    let mut variables = vec![];
    if let Some(played) = decision.play(pass, plugin, pass.shape(&template), answers).await {
        variables = match played.ended {
            Ok(Ok(Turn::Variables(variables))) => variables,
            // Unchanged, rejected or failed: those of before.
            _ => pass.opened.variables.clone(),
        };
    }
    decision.variables.extend(variables.into_iter().map(|(name, value)| (format!("{PREFIX}{name}"), value)));
    decision
}

fn is_offered(pass: &Recalled<'_>, name: &str) -> bool {
    matches!(pass.choose().event, Event::ChooseTemplate(candidate) if candidate.templates.iter().any(|it| it == name))
}

impl Decision {
    /// None: it has no such hook.
    async fn play(
        &mut self,
        pass: &Recalled<'_>,
        plugin: Option<&Plugin>,
        call: HookCall,
        answers: &Answers,
    ) -> Option<Played> {
        let hook = call.event.hook();
        let plugin = plugin.filter(|plugin| plugin.hooks().contains(&hook))?;
        let setup = &pass.tenant.plugin;
        let case = Case::answered(call, answers.clone());
        let played = case.play_for(setup, |call| plugin.call(&setup.limits, call)).await;
        self.asked.push(hook);
        let names: Vec<&str> = played.asked.iter().flatten().map(|request| request.name.as_str()).collect();
        if !names.is_empty() {
            self.decided(hook).insert(format!("{} asks for", hook.name()), names.join(", "));
        }
        if !played.denied.is_empty() {
            // Whom it wants to call it may have made of a name.
            let denied = format!("{} of what it asks for", played.denied.len());
            self.decided(hook).insert(format!("{} is denied", hook.name()), denied);
        }
        if played.failed() {
            self.failed.push(hook);
        }
        match &played.ended {
            Err(failure) => {
                self.note(hook, format!("fails: {failure}"));
            }
            Ok(Err(Fault::Reject(_))) => self.note(hook, "rejects it".to_owned()),
            Ok(Err(Fault::Retry)) => self.note(hook, "asks to be tried again later".to_owned()),
            Ok(Ok(_)) => {}
        }
        Some(played)
    }

    fn decided(&mut self, hook: Hook) -> &mut Decided {
        if hook == Hook::ChooseTemplate { &mut self.template } else { &mut self.variables }
    }

    fn note(&mut self, hook: Hook, what: String) {
        self.decided(hook).insert(hook.name().to_owned(), what);
    }

    pub fn of(&self, hook: Hook) -> impl Iterator<Item = (&String, &String)> {
        let decided = if hook == Hook::ChooseTemplate { &self.template } else { &self.variables };
        decided.iter()
    }

    pub fn asked(&self, hook: Hook) -> bool {
        self.asked.contains(&hook)
    }

    pub fn failed(&self, hook: Hook) -> bool {
        self.failed.contains(&hook)
    }

    /// Template first, then the variables by their names.
    pub fn print(was: &Self, is: &Self, values: bool) {
        for line in lines(was, is, values) {
            println!("{}", plain(&line));
        }
        println!();
    }
}

fn lines(was: &Decision, is: &Decision, values: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (was, is) in [(&was.template, &is.template), (&was.variables, &is.variables)] {
        let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        for name in names {
            let shown = |value: &String, hidden: &str| match (values, name.starts_with(PREFIX)) {
                (false, true) => format!("{name}{hidden}"),
                (true, true) => format!("{name} = {value}"),
                (_, false) => format!("{name}: {value}"),
            };
            match (was.get(name), is.get(name)) {
                (Some(old), Some(new)) if old == new => lines.push(format!("  {}", shown(old, ""))),
                (Some(old), Some(new)) => {
                    lines.push(format!("- {}", shown(old, "")));
                    lines.push(format!("+ {}", shown(new, ", another value")));
                }
                (Some(old), None) => lines.push(format!("- {}", shown(old, ""))),
                (None, Some(new)) => lines.push(format!("+ {}", shown(new, ""))),
                (None, None) => {}
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(template: &str, variables: &[(&str, &str)]) -> Decision {
        Decision {
            template: [("template".to_owned(), template.to_owned())].into(),
            variables: variables.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned())).collect(),
            ..Decision::default()
        }
    }

    #[test]
    fn values_of_variables_are_shown_to_who_asks_for_them_and_names_to_everybody() {
        let was = decision("event-ticket", &[("gone", "Ada"), ("same", "x"), ("tier", "gold")]);
        let is = decision("vip", &[("new", "Ben"), ("same", "x"), ("tier", "platinum")]);
        assert_eq!(
            lines(&was, &is, false),
            [
                "- template: event-ticket",
                "+ template: vip",
                "- tenant.gone",
                "+ tenant.new",
                "  tenant.same",
                "- tenant.tier",
                "+ tenant.tier, another value",
            ]
        );
        let shown = lines(&was, &is, true);
        assert!(
            shown.contains(&"- tenant.gone = Ada".to_owned()) && shown.contains(&"+ tenant.tier = platinum".to_owned())
        );
    }
}
