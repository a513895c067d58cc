//! The command line, which is Spin's as far as it goes.
//!
//! Read by hand: a parser with derived help would be a sixth of this workspace's own build. An unknown flag is an error, as in Spin. Ours
//! alone are `check`, `--clock-file`, `--measure`, and `--cache` as a folder.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::given::Given;
use crate::reuse::Reuse;

pub const USAGE: &str = "\
usage: spin-host [up] -f spin.toml [--listen ADDRESS:PORT] [--format plain|json] [--variable NAME=VALUE|NAME=@FILE|@FILE]...
                 [--runtime-config-file FILE] [--state-dir DIR] [--log-dir DIR] [--quiet] [--direct-mounts]
                 [--max-instance-reuse-count N] [--max-instance-concurrent-reuse-count N]
                 [--idle-instance-timeout TIME] [--request-timeout TIME]
                 [--clock-file FILE] [--cache DIR] [--measure]
       spin-host check -f spin.toml";

/// Spin's default.
const LISTEN: &str = "127.0.0.1:3000";
const MANIFEST: &str = "spin.toml";

#[derive(Debug)]
pub enum Command {
    Up(Box<Up>),
    Check(PathBuf),
    Help,
}

#[derive(Debug)]
pub struct Up {
    /// Absolute.
    pub manifest: PathBuf,
    pub listen: SocketAddr,
    pub json: bool,
    pub variables: Vec<Given>,
    pub runtime_config: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
    pub quiet: bool,
    pub direct_mounts: bool,
    pub reuse: Reuse,
    pub clock_file: Option<PathBuf>,
    pub cache: Option<PathBuf>,
    pub measure: bool,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArgumentError {
    #[error("`{0}` is not known")]
    Unknown(String),
    #[error("`{0}` needs a value")]
    NoValue(String),
    #[error("`{flag}`: {problem}")]
    Value { flag: String, problem: String },
}

pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, ArgumentError> {
    let mut arguments = arguments.into_iter().peekable();
    let check = arguments.next_if(|word| word == "check").is_some();
    if !check {
        _ = arguments.next_if(|word| word == "up");
    }
    let mut up = Up {
        manifest: PathBuf::from(MANIFEST),
        listen: value("--listen", LISTEN)?,
        json: false,
        variables: Vec::new(),
        runtime_config: None,
        state_dir: None,
        log_dir: None,
        quiet: false,
        direct_mounts: false,
        reuse: Reuse::default(),
        clock_file: None,
        cache: None,
        measure: false,
    };
    while let Some(argument) = arguments.next() {
        // `--flag=value` and `--flag value` are the same.
        let (flag, inline) = match argument.split_once('=') {
            Some((flag, inline)) if flag.starts_with("--") => (flag.to_owned(), Some(inline.to_owned())),
            _ => (argument, None),
        };
        let mut text =
            || inline.clone().or_else(|| arguments.next()).ok_or_else(|| ArgumentError::NoValue(flag.clone()));
        match flag.as_str() {
            "-f" | "--from" | "--file" => up.manifest = PathBuf::from(text()?),
            "-h" | "--help" => return Ok(Command::Help),
            _ if check => return Err(ArgumentError::Unknown(flag)),
            "--listen" => up.listen = value(&flag, &text()?)?,
            "--format" => {
                up.json = match text()?.as_str() {
                    "json" => true,
                    "plain" => false,
                    _ => return Err(ArgumentError::Value { flag, problem: "plain or json".to_owned() }),
                }
            }
            "--variable" => up.variables.push(value(&flag, &text()?)?),
            "--runtime-config-file" => up.runtime_config = Some(PathBuf::from(text()?)),
            "--state-dir" => up.state_dir = Some(PathBuf::from(text()?)),
            "--log-dir" => up.log_dir = Some(PathBuf::from(text()?)),
            "-q" | "--quiet" => up.quiet = true,
            "--direct-mounts" => up.direct_mounts = true,
            "--max-instance-reuse-count" => up.reuse.count = value(&flag, &text()?)?,
            "--max-instance-concurrent-reuse-count" => up.reuse.concurrent = value(&flag, &text()?)?,
            "--idle-instance-timeout" => up.reuse.idle = value(&flag, &text()?)?,
            "--request-timeout" => up.reuse.request = Some(value(&flag, &text()?)?),
            "--clock-file" => up.clock_file = Some(PathBuf::from(text()?)),
            "--cache" => up.cache = Some(PathBuf::from(text()?)),
            "--measure" => up.measure = true,
            _ => return Err(ArgumentError::Unknown(flag)),
        }
    }
    if up.manifest.is_dir() {
        up.manifest.push(MANIFEST);
    }
    for path in [Some(&mut up.manifest), up.state_dir.as_mut(), up.cache.as_mut()].into_iter().flatten() {
        if let Ok(absolute) = std::path::absolute(&*path) {
            *path = absolute;
        }
    }
    Ok(if check { Command::Check(up.manifest) } else { Command::Up(Box::new(up)) })
}

fn value<T: FromStr<Err: ToString>>(flag: &str, text: &str) -> Result<T, ArgumentError> {
    text.parse().map_err(|problem: T::Err| ArgumentError::Value { flag: flag.to_owned(), problem: problem.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(line: &str) -> Up {
        match parse(line.split_whitespace().map(str::to_owned)) {
            Ok(Command::Up(up)) => *up,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn up_may_be_left_out_and_values_may_follow_an_equals_sign() {
        for line in [
            "up -f a.toml --variable x=1=2 --listen 127.0.0.1:0 --format json",
            "--file=a.toml --variable=x=1=2 --listen=127.0.0.1:0 --format=json",
        ] {
            let up = up(line);
            assert!(up.manifest.is_absolute() && up.manifest.ends_with("a.toml"));
            assert_eq!(up.variables, [Given::Value("x".to_owned(), "1=2".to_owned())]);
            assert_eq!(up.listen.port(), 0);
            assert!(up.json);
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        let parsed = |line: &str| parse(line.split_whitespace().map(str::to_owned)).map(drop).unwrap_err();
        assert_eq!(parsed("up --buidl"), ArgumentError::Unknown("--buidl".to_owned()));
        assert_eq!(parsed("up --listen"), ArgumentError::NoValue("--listen".to_owned()));
        assert!(matches!(parsed("up --max-instance-reuse-count x"), ArgumentError::Value { .. }));
        assert_eq!(parsed("check --listen 127.0.0.1:0"), ArgumentError::Unknown("--listen".to_owned()));
    }
}
