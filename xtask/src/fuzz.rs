//! The fuzz targets: built with libFuzzer and the compiler's own instrumentation, fed with the cases and the committed corpus, run for a bounded time.
//!
//! Owns the flags, the seeds, and what is said of an input that breaks a rule. Does not own the rules (`tests/fuzz`). No nightly compiler and no
//! cargo-fuzz: what both bring for this is in `FLAGS`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::step::{self, Outcome, Steps};
use crate::toolchain;

pub const MANIFEST: &str = "tests/fuzz/targets/Cargo.toml";
/// Not the main one: these flags reach every crate, and would have all of them compiled anew each time.
const TARGET: &str = "target/fuzz";
const CORPUS: &str = "tests/fuzz/corpus";
const DICTIONARIES: &str = "tests/fuzz/dictionaries";
const CASES: &str = "tests/cases";

/// What the step of `cargo xtask test` gives each target: enough to run the whole corpus and some ten thousand inputs made of it.
pub const IN_TEST: u32 = 20;

/// By name, and the longest input in bytes: a notification's limit is tried by the cases, an answer of SecuTix for one order has 4 KB, and what is
/// large for a plugin is written as a repetition.
const TARGETS: [(&str, usize); 4] =
    [("validate", 4 << 10), ("file", 16 << 10), ("plugin_answers", 4 << 10), ("allow_list", 2 << 10)];
pub const NAMES: [&str; 4] = [TARGETS[0].0, TARGETS[1].0, TARGETS[2].0, TARGETS[3].0];

/// Counters at every edge, and every comparison told to the fuzzer: those of cargo-fuzz. The last two keep LLVM from merging branches and from
/// splitting a crate, which would hide edges.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
];

/// For one input: megabytes, and seconds. What takes a hundredth of either is news already.
const LIMITS: [&str; 2] = ["-rss_limit_mb=2048", "-timeout=10"];
/// Lines of a log that are shown at most: a panic with its place, and libFuzzer's words about it.
const SHOWN: usize = 25;

/// What is fed, and for how long.
pub struct Feed<'a> {
    /// Of each target.
    pub seconds: u32,
    /// None named: all.
    pub targets: &'a [String],
}

/// As steps of a longer run.
pub fn run(steps: &mut Steps, feed: &Feed<'_>) -> Result<()> {
    if cfg!(windows) {
        steps.inline("fuzzing", |_| Ok(Outcome::Skipped("the targets are for Linux and macOS".to_owned())));
        return Ok(());
    }
    let Some(programs) = build(steps)? else { return Ok(()) };
    let seeds = seeds()?;
    for (target, longest) in TARGETS {
        if feed.targets.is_empty() || feed.targets.iter().any(|named| named == target) {
            let seeds: Vec<&Seed> = seeds.iter().filter(|seed| seed.target == target).collect();
            steps.inline(&format!("fuzzing {target} for {} s", feed.seconds), |steps| {
                let run = Run { target, longest, seconds: feed.seconds, program: programs.join(target) };
                run.feed(steps, &seeds)
            });
        }
    }
    Ok(())
}

/// One input again, as it is.
pub fn repeat(steps: &mut Steps, target: &str, input: &Path) -> Result<bool> {
    ensure!(input.is_file(), "{} is no file", input.display());
    let input = std::path::absolute(input)?;
    let Some(programs) = build(steps)? else { return Ok(false) };
    let mut program = Command::new(programs.join(target));
    program.args(LIMITS).arg(input);
    steps.hand_over("the input", program)
}

/// The folder with a program for each target; none: they could not be built, which is counted.
fn build(steps: &mut Steps) -> Result<Option<PathBuf>> {
    toolchain::program(steps, &toolchain::CXX)?;
    let host = toolchain::host()?;
    let target_dir = step::root().join(TARGET);
    let mut cargo = step::cargo(&["build", "--bins", "--manifest-path", MANIFEST, "--target-dir"]);
    // Named although it is this machine's own: only then build scripts and macros stay without the flags.
    cargo.arg(&target_dir).args(["--target", &host]);
    cargo.env("RUSTFLAGS", FLAGS.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
    Ok(steps.run("the fuzz targets", cargo)?.then(|| target_dir.join(host).join("debug")))
}

struct Run<'a> {
    target: &'a str,
    longest: usize,
    seconds: u32,
    program: PathBuf,
}

impl Run<'_> {
    fn feed(&self, steps: &Steps, seeds: &[&Seed]) -> Result<Outcome> {
        let root = step::root();
        let own = |folder: &str| root.join(TARGET).join(folder).join(self.target);
        let (found, seeded, crashes) = (own("corpus"), own("seeds"), own("crashes"));
        // A case that is gone would stay a seed.
        if seeded.exists() {
            fs::remove_dir_all(&seeded)?;
        }
        for folder in [&found, &seeded, &crashes] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        for seed in seeds {
            fs::write(seeded.join(&seed.name), &seed.bytes)?;
        }
        let log = root.join(TARGET).join(self.target).with_extension("log");
        let mut program = Command::new(&self.program);
        program.current_dir(&root).args(LIMITS).args([
            format!("-max_total_time={}", self.seconds),
            format!("-max_len={}", self.longest),
            format!("-artifact_prefix={}/", crashes.display()),
            format!("-dict={DICTIONARIES}/{}.dict", self.target),
            "-print_final_stats=1".to_owned(),
        ]);
        // Of a panic its sentence; the way there is in the repetition.
        program.env("RUST_BACKTRACE", "0");
        // What is new goes into the first, and is where the next run on this machine begins.
        program.args([&found, &seeded, &root.join(CORPUS).join(self.target)]);
        program.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
        let status = program.status().with_context(|| self.program.display().to_string())?;
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        if status.success() {
            steps.say(format_args!("{}: {}", self.target, figures(&text)));
            return Ok(Outcome::Passed);
        }
        steps.say(format_args!("{}: {status}; {} ends so:", self.target, log.display()));
        for line in last_words(&text) {
            eprintln!("  {line}");
        }
        match written(&text) {
            Some(input) => steps
                .say(format_args!("the input is {input}; again: cargo xtask fuzz --repeat {input} {}", self.target)),
            None => steps.say("no input was written: the fuzzer itself failed"),
        }
        Ok(Outcome::Failed)
    }
}

/// How many inputs were run, out of libFuzzer's own words.
fn figures(log: &str) -> String {
    let stat = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.strip_prefix(':'));
        line.map_or("?", str::trim).to_owned()
    };
    let (inputs, new) = (stat("number_of_executed_units"), stat("new_units_added"));
    format!("{inputs} inputs, {new} of them new to it, every rule held")
}

/// From the panic on, or from libFuzzer's own complaint (a time-out, memory); without the input, which may be long and not for a terminal.
fn last_words(log: &str) -> Vec<&str> {
    let begins = |line: &&str| !(line.contains("panicked at") || line.contains("ERROR: libFuzzer"));
    log.lines().skip_while(begins).take_while(|line| !line.starts_with("MS: ")).take(SHOWN).collect()
}

/// The file that libFuzzer has put the offending input into.
fn written(log: &str) -> Option<&str> {
    log.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1.trim()))
}

/// An input made of a case.
struct Seed {
    target: &'static str,
    name: String,
    bytes: Vec<u8>,
}

/// Every case as `tests/fuzz` writes them: a notification behind its media type, and a sequence of notifications and answers as records.
fn seeds() -> Result<Vec<Seed>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(step::root().join(CASES)).context(CASES)? {
        folders.push(entry?.path());
    }
    folders.sort();
    let mut seeds = Vec::new();
    for folder in folders {
        let case = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read = |name: String| fs::read(folder.join(name)).ok();
        let answer = |stem: &str| {
            let record = |kind: u8, bytes: Vec<u8>| [&[0x1e, kind], bytes.as_slice()].concat();
            let file = read(format!("{stem}.json")).map(|bytes| record(b'f', bytes));
            file.or_else(|| read(format!("{stem}.contact.json")).map(|bytes| record(b'c', bytes))).unwrap_or_default()
        };
        let mut looks = answer("before");
        // A sequence ends at the first number that has no file.
        for number in 1.. {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let (notification, after) = (read(format!("notification{suffix}.json")), answer(&format!("after{suffix}")));
            if notification.is_none() && after.is_empty() {
                break;
            }
            if let Some(body) = notification {
                let kind = read("content-type".to_owned()).unwrap_or_else(|| b"application/json".to_vec());
                let bytes = [kind.trim_ascii(), b"\n", &body].concat();
                seeds.push(Seed { target: "validate", name: format!("{case}{suffix}"), bytes });
                looks.extend([b"\x1en", body.as_slice()].concat());
            }
            looks.extend(after);
        }
        if !looks.is_empty() {
            seeds.push(Seed { target: "file", name: case, bytes: looks });
        }
    }
    Ok(seeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &str) -> Vec<String> {
        let entries = fs::read_dir(step::root().join(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn every_target_has_its_program_its_corpus_and_its_dictionary() {
        let mut targets = NAMES.map(str::to_owned);
        targets.sort();
        for folder in ["tests/fuzz/targets/src", CORPUS, DICTIONARIES] {
            assert_eq!(names(folder), targets, "{folder}");
        }
    }

    #[test]
    fn every_case_with_files_is_a_seed() {
        let seeds = seeds().unwrap();
        let of = |target: &str| seeds.iter().filter(|seed| seed.target == target).count();
        assert!(of("validate") > 60 && of("file") > 80, "{} and {}", of("validate"), of("file"));
        let refund = seeds.iter().find(|seed| seed.target == "file" && seed.name == "answer-refused").unwrap();
        let kinds: Vec<u8> =
            refund.bytes.split(|byte| *byte == 0x1e).filter_map(|record| record.first()).copied().collect();
        assert_eq!(kinds, *b"fnf");
    }

    #[test]
    fn what_the_fuzzer_says_is_read() {
        let log = "INFO: Seed: 1\nDone 9 runs\nstat::number_of_executed_units: 9\nstat::new_units_added:        2\n";
        assert_eq!(figures(log), "9 inputs, 2 of them new to it, every rule held");
        assert_eq!(written(log), None);
        let log = "#7 NEW\n\nthread panicked at src:9:9:\n\"a\" is none\n==1== ERROR: libFuzzer: deadly signal\nMS: 1 x\n\x1b[2J\n";
        assert_eq!(last_words(log).len(), 3, "{:?}", last_words(log));
        assert_eq!(written("x\nartifact_prefix='c/'; Test unit written to c/crash-da39\n"), Some("c/crash-da39"));
    }
}
