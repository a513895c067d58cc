//! What the operator sets for the whole edge, as variables of the Spin application.
//!
//! Owns their names, forms and defaults; `spin.toml` declares them. Read once per instance: instances are short-lived, so a changed value is
//! in force within seconds, and a vault is not asked on every request.

use std::time::Duration;

use passerelle_flow::identity::Millis;
use passerelle_flow::options::{Backoff, Options};
use passerelle_flow::tenant::load::Defaults;
use passerelle_flow::tenant::problem;

use crate::secrets::{VariableFault, Variables};
use crate::sweep_token::SweepToken;

/// The most that a task may be made to wait for more notifications: the server's limit for the same setting.
const LONGEST_DEBOUNCE: Millis = 60_000;
/// The longest wait before a second attempt, and the most attempts: the server's limits for the same settings.
const LONGEST_FIRST: u64 = 3_600;
/// As the server's `worker.removal_quiet_ms`.
const LONGEST_QUIET: Millis = 600_000;
const MOST_ATTEMPTS: i64 = 1_000;

/// Every variable that is read here; `spin.toml` and `docs/spin.md` have the same.
pub const VARIABLES: [&str; 7] = [PLAIN_HTTP, PUBLIC_URL, DEBOUNCE, REMOVAL_QUIET, RETRY_FIRST, DEAD_AFTER, SWEEP];
const PLAIN_HTTP: &str = "plain_http";
const PUBLIC_URL: &str = "public_url";
const DEBOUNCE: &str = "debounce_ms";
const REMOVAL_QUIET: &str = "removal_quiet_ms";
const RETRY_FIRST: &str = "retry_first_s";
const DEAD_AFTER: &str = "dead_after";
const SWEEP: &str = "sweep_token";

#[derive(Clone)]
pub struct Settings {
    /// What a tenant takes when it does not say otherwise.
    pub defaults: Defaults,
    pub options: Options,
    /// None: there is no sweep route.
    pub sweep_token: Option<SweepToken>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("the variable {name}: {fault}")]
    Variable { name: &'static str, fault: VariableFault },
    #[error("the variable {name} {rule}")]
    Rule { name: &'static str, rule: String },
}

impl Settings {
    pub async fn read<V: Variables>(variables: &V) -> Result<Self, SettingsError> {
        let text = async |name: &'static str| match variables.get(name).await {
            Ok(value) => Ok(value),
            Err(fault) => Err(SettingsError::Variable { name, fault }),
        };
        let plain_http = match text(PLAIN_HTTP).await?.as_str() {
            "true" => true,
            "false" => false,
            _ => return Err(rule(PLAIN_HTTP, "must be true or false")),
        };
        let public_url = text(PUBLIC_URL).await?;
        let public_url = match public_url.as_str() {
            // Every tenant has its own.
            "" => None,
            url => Some(
                problem::address(url, plain_http)
                    .map_err(|why| rule(PUBLIC_URL, &format!("is not an address: {why}")))?,
            ),
        };
        let debounce: Millis = text(DEBOUNCE)
            .await?
            .parse()
            .ok()
            .filter(|millis| (0..=LONGEST_DEBOUNCE).contains(millis))
            .ok_or_else(|| rule(DEBOUNCE, "must be a whole number from 0 to 60000"))?;
        let removal_quiet: Millis = text(REMOVAL_QUIET)
            .await?
            .parse()
            .ok()
            .filter(|millis| (0..=LONGEST_QUIET).contains(millis))
            .ok_or_else(|| rule(REMOVAL_QUIET, "must be a whole number from 0 to 600000"))?;
        let first: u64 = text(RETRY_FIRST)
            .await?
            .parse()
            .ok()
            .filter(|seconds| *seconds <= LONGEST_FIRST)
            .ok_or_else(|| rule(RETRY_FIRST, "must be a whole number from 0 to 3600"))?;
        let dead_after: i64 = text(DEAD_AFTER)
            .await?
            .parse()
            .ok()
            .filter(|attempts| (1..=MOST_ATTEMPTS).contains(attempts))
            .ok_or_else(|| rule(DEAD_AFTER, "must be a whole number from 1 to 1000"))?;
        let sweep_token = SweepToken::of(&text(SWEEP).await?);
        let options = Options::default();
        let retry = Backoff { first: Duration::from_secs(first), ..options.retry };
        Ok(Self {
            defaults: Defaults { public_url, plain_http, pkcs12: None },
            options: Options {
                debounce,
                max_wait: options.max_wait.max(debounce),
                removal_quiet,
                retry,
                dead_after,
                ..options
            },
            sweep_token,
        })
    }
}

fn rule(name: &'static str, rule: &str) -> SettingsError {
    SettingsError::Rule { name, rule: rule.to_owned() }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;
    use crate::secrets::tests::Given;

    /// As `spin.toml` has them.
    fn given() -> Given {
        Given::new([
            ("plain_http", "false"),
            ("public_url", ""),
            ("debounce_ms", "500"),
            ("removal_quiet_ms", "5000"),
            ("retry_first_s", "2"),
            ("dead_after", "30"),
            ("sweep_token", ""),
        ])
    }

    fn read(name: &str, value: &str) -> Result<Settings, SettingsError> {
        let mut given = given();
        given.values.insert(name.to_owned(), value.to_owned());
        block_on(Settings::read(&given))
    }

    #[test]
    fn the_defaults_are_the_flows_and_open_no_sweep() {
        let settings = read("public_url", "").unwrap();
        assert_eq!(settings.options.debounce, Options::default().debounce);
        assert_eq!(settings.options.max_wait, Options::default().max_wait);
        assert_eq!(settings.options.removal_quiet, Options::default().removal_quiet);
        assert_eq!(settings.options.retry.first, Options::default().retry.first);
        assert_eq!(settings.options.dead_after, Options::default().dead_after);
        assert!(settings.sweep_token.is_none() && settings.defaults.public_url.is_none());
        assert!(!settings.defaults.plain_http);
    }

    #[test]
    fn values_arrive_and_a_wrong_one_is_told_by_its_name() {
        assert_eq!(
            read("public_url", "https://passes.example.org/").unwrap().defaults.public_url.as_deref(),
            Some("https://passes.example.org")
        );
        let slow = read("debounce_ms", "20000").unwrap().options;
        assert_eq!((slow.debounce, slow.max_wait), (20_000, 20_000));
        assert_eq!(read("retry_first_s", "0").unwrap().options.retry.first, Duration::ZERO);
        assert_eq!(read("dead_after", "3").unwrap().options.dead_after, 3);
        assert!(read("sweep_token", "t").unwrap().sweep_token.is_some());
        for (name, value) in [
            ("plain_http", "yes"),
            ("public_url", "http://passes.example.org"),
            ("public_url", "passes"),
            ("debounce_ms", "-1"),
            ("debounce_ms", ""),
            ("debounce_ms", "60001"),
            ("removal_quiet_ms", "600001"),
            ("retry_first_s", "3601"),
            ("dead_after", "0"),
        ] {
            let told = read(name, value).err().unwrap().to_string();
            assert!(told.contains(name), "{told}");
        }
    }

    #[test]
    fn a_provider_that_does_not_answer_is_not_a_missing_variable() {
        let fault = |given: &Given| block_on(Settings::read(given)).err().unwrap();
        let SettingsError::Variable { fault: unreachable, .. } = fault(&Given { unreachable: true, ..given() }) else {
            panic!("a rule was told");
        };
        assert_eq!(unreachable, VariableFault::Unreachable);
        let told = given();
        block_on(Settings::read(&told)).unwrap();
        assert_eq!(*told.asked.lock().unwrap(), VARIABLES, "all that is read is listed");
        let SettingsError::Variable { fault: absent, .. } = fault(&Given::default()) else { panic!("a rule was told") };
        assert_eq!(absent, VariableFault::Absent);
    }
}
