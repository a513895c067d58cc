//! A step: a named command, announced before it runs, timed after it.
//!
//! Owns the progress lines and the tally. Does not hide what the commands print: their output is the caller's terminal.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The steps of one run of xtask.
pub struct Steps {
    began: Instant,
    /// Name, outcome and duration of each that counts.
    done: Vec<(String, Outcome, Duration)>,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    /// Nothing was checked, and why.
    Skipped(String),
}

impl Steps {
    pub fn start() -> Self {
        Self { began: Instant::now(), done: Vec::new() }
    }

    /// A line of progress.
    pub fn say(&self, what: impl Display) {
        println!("[{}] {what}", clock(self.began.elapsed()));
        // Lines must not wait behind a child's output when standard output is a pipe.
        let _ = std::io::stdout().flush();
    }

    /// A step without which nothing after it makes sense.
    pub fn must(&mut self, name: &str, command: Command) -> Result<()> {
        if self.run(name, command)? { Ok(()) } else { bail!("{name}: failed, see above") }
    }

    /// A step among others: its failure is counted and the next one runs.
    pub fn run(&mut self, name: &str, mut command: Command) -> Result<bool> {
        self.say(format_args!("{name}: {}", shown(&command)));
        let began = Instant::now();
        let status = command.status().with_context(|| format!("cannot start {}", shown(&command)))?;
        self.count(name, if status.success() { Outcome::Passed } else { Outcome::Failed }, began.elapsed());
        Ok(status.success())
    }

    /// A step whose failure is no verdict: what comes after it tells.
    pub fn try_to(&self, name: &str, mut command: Command) {
        self.say(format_args!("{name}: {}", shown(&command)));
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => self.say(format_args!("{name}: {status}, which may do no harm")),
            Err(error) => self.say(format_args!("{name}: {error}, which may do no harm")),
        }
    }

    /// A step that is not a command.
    pub fn inline(&mut self, name: &str, step: impl FnOnce(&Self) -> Result<Outcome>) {
        self.say(name);
        let began = Instant::now();
        let outcome = step(self).unwrap_or_else(|error| {
            eprintln!("{error:#}");
            Outcome::Failed
        });
        self.count(name, outcome, began.elapsed());
    }

    /// The last command of a run, which speaks for itself.
    pub fn hand_over(&self, name: &str, mut command: Command) -> Result<bool> {
        self.say(format_args!("{name}: {}", shown(&command)));
        Ok(command.status().with_context(|| format!("cannot start {}", shown(&command)))?.success())
    }

    fn count(&mut self, name: &str, outcome: Outcome, took: Duration) {
        match &outcome {
            Outcome::Passed => {}
            Outcome::Failed => self.say(format_args!("{name}: FAILED")),
            Outcome::Skipped(why) => self.say(format_args!("{name}: skipped, {why}")),
        }
        self.done.push((name.to_owned(), outcome, took));
    }

    /// Prints what was run and how it ended; true when nothing failed.
    pub fn summary(&self) -> bool {
        println!();
        for (name, outcome, took) in &self.done {
            let outcome = match outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed => "FAILED".to_owned(),
                Outcome::Skipped(why) => format!("skipped: {why}"),
            };
            println!("  {:>6}  {name:<40} {outcome}", clock(*took));
        }
        let count = |wanted: fn(&Outcome) -> bool| self.done.iter().filter(|(_, outcome, _)| wanted(outcome)).count();
        let failed = count(|o| *o == Outcome::Failed);
        let skipped = count(|o| matches!(o, Outcome::Skipped(_)));
        println!(
            "\nxtask: {} steps passed, {failed} failed, {skipped} skipped, in {}",
            count(|o| *o == Outcome::Passed),
            clock(self.began.elapsed()),
        );
        failed == 0
    }
}

/// The cargo that runs us, at the workspace's root.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    command
}

pub fn with(command: &mut Command, args: &[&str]) -> Command {
    let mut longer = Command::new(command.get_program());
    longer.current_dir(root()).args(command.get_args()).args(args);
    longer
}

pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// As a person would type it; the program without its folder.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program()).to_string_lossy();
    command.get_args().fold(program.into_owned(), |mut text, arg| {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
        text
    })
}

fn clock(elapsed: Duration) -> String {
    format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}
