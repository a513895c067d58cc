//! `[vibes]`: an account at Vibes Platform, and the address that it calls.
//!
//! Owns what the table means. Does not own the calls (`vibes::client`), nor who may call us (`http::vibes`).

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Loader;
use crate::tenant::config::VibesConfig;
use crate::tenant::credential::without_line_break;
use crate::tenant::problem::Fault;
use crate::tenant::secret::SecretProblem;
use crate::tenant::{PathSecret, Vibes};
use crate::vibes::{self, MOST_URL};

/// The most campaigns: each takes two registrations, and Vibes takes 50 addresses of a company (domain.md 4.2).
const MOST_CAMPAIGNS: usize = 25;
/// Letters of a key or token that stands in an address; real ones have six to eight.
const LONGEST_KEY: usize = 64;

impl Loader<'_> {
    pub(super) fn vibes(&mut self, config: &VibesConfig, public_url: Option<&str>) -> Option<Vibes> {
        const KEY: &str = "must be 1 to 64 letters, digits, - and _, as Vibes gives it";
        let url = self.address("vibes.url", &config.url);
        let company = self.rule("vibes.company", is_key(&config.company), KEY);
        let user = !config.username.is_empty() && !config.username.contains(|c: char| c == ':' || c.is_control());
        let user = self.rule("vibes.username", user, "must be a user's name without a colon");
        let password = self.secret("vibes.password", &config.password).map(without_line_break);
        if password.as_ref().is_some_and(|password| password.is_empty()) {
            let (key, reference) = ("vibes.password".to_owned(), config.password.clone());
            self.report("vibes.password", Fault::Secret { key, reference, source: SecretProblem::Empty });
        }
        let campaigns = self.campaigns(&config.campaigns);
        let path_secret = self.path_secret("vibes.path_secret", &config.path_secret);
        let previous = config.previous_path_secret.as_ref();
        let previous = previous.map(|text| self.path_secret("vibes.previous_path_secret", text));
        let join = (1..=LONGEST_KEY).contains(&config.join.chars().count());
        let join = self.rule("vibes.join", join, "must be the name of a token, 1 to 64 characters");
        let sources = self.sources(&config.sources);
        let previous = super::transpose(previous)?;
        let path_secret = path_secret?;
        if let Some(public_url) = public_url {
            let length = vibes::address(public_url, &self.id, &path_secret).len();
            self.rule("vibes.path_secret", length <= MOST_URL, "makes the address longer than Vibes takes (1024)")?;
        }
        company.and(user).and(campaigns).and(join)?;
        Some(Vibes {
            url: url?,
            company: config.company.clone(),
            username: config.username.clone(),
            password: password?,
            campaigns: config.campaigns.clone(),
            path_secret,
            previous_path_secret: previous,
            join: config.join.clone(),
            subject: config.subject,
            sources: sources?,
            register_at_start: config.register_at_start,
        })
    }

    fn campaigns(&mut self, campaigns: &[String]) -> Option<()> {
        const FORM: &str = "must be a campaign's token: 1 to 64 letters, digits, - and _";
        let mut seen = BTreeSet::new();
        let mut whole = self.rule("vibes.campaigns", campaigns.len() <= MOST_CAMPAIGNS, "must be 25 at most").is_some();
        for (index, campaign) in campaigns.iter().enumerate() {
            let key = format!("vibes.campaigns[{index}]");
            whole &= self.rule(&key, is_key(campaign), FORM).is_some();
            whole &= self.rule(&key, seen.insert(campaign), "is there twice").is_some();
        }
        whole.then_some(())
    }

    fn path_secret(&mut self, key: &str, text: &str) -> Option<PathSecret> {
        const RULE: &str =
            "must lead to at least 128 random bits in letters, digits, - and _: `openssl rand -hex 32` makes them";
        let content = without_line_break(self.secret(key, text)?);
        let secret = PathSecret::parse(&content);
        self.rule(key, secret.is_some(), RULE)?;
        secret
    }

    fn sources(&mut self, texts: &[String]) -> Option<Vec<IpNet>> {
        const RULE: &str = "must be an address such as 192.0.2.10 or a network such as 192.0.2.0/24";
        let mut sources = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let network = text.parse::<IpAddr>().map(IpNet::from).ok().or_else(|| text.parse().ok());
            self.rule(&format!("vibes.sources[{index}]"), network.is_some(), RULE);
            sources.extend(network);
        }
        (sources.len() == texts.len()).then_some(sources)
    }
}

/// Stands in an address as it is.
fn is_key(text: &str) -> bool {
    (1..=LONGEST_KEY).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}
