//! A store full of passes, written through its own operations.
//!
//! Owns how passes are spread: some templates have most of them, half are in no wallet, most have a customer's number. Everything follows from a pass's
//! number, so that a filled store can be measured again.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use passerelle_flow::attribute::{self, AttributeValue};
use passerelle_flow::flow::Flow;
use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::ports::{Clock as _, Host as _};
use passerelle_flow::store::{
    Attribute, AttributeKind, Attributes as _, Finish, Finished, InstallationWrite, Next, PassState, PassSubject,
    PassWrite, Priority, RunRecord, Store as _, TaskSubject,
};
use passerelle_flow::tenant::Tenant;
use passerelle_server::host::ServerHost;

/// Passes of one run: as many as a large file has.
const BATCH: usize = 500;
/// Installations that wait for one commit, as they do in a group of a busy server.
const TOGETHER: usize = 256;
/// The template that most passes are of.
pub const BIGGEST: &str = "event-ticket";
const TEMPLATES: [&str; 8] = [BIGGEST, BIGGEST, BIGGEST, BIGGEST, "season-ticket", "museum", "member-card", "vip"];
const LEASE: Millis = 60_000;

/// What writing cost.
pub struct Filled {
    pub pass_us: f64,
    pub installation_us: f64,
}

#[derive(Clone)]
pub struct Fill {
    flow: Arc<Flow<ServerHost>>,
    tenant: Arc<Tenant>,
    id: TenantId,
}

/// Of one pass in two hundred the customer has another one.
pub fn customer(n: usize) -> String {
    format!("crm-{:08}", n - n % 200 / 199)
}

pub fn email(n: usize) -> String {
    // Those that have one, see `attributes`.
    format!("holder{}@example.org", n - n % 3)
}

fn pass_id(n: usize) -> PassId {
    let mut bytes = [0; 16];
    let mut state = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    for byte in &mut bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = (state >> 32) as u8;
    }
    PassId::from_random(bytes)
}

/// Since when it is in Apple Wallet and in Google Wallet.
fn wallets(n: usize, at: Millis) -> Option<(Option<Millis>, Option<Millis>)> {
    match n * 31 % 20 {
        0..=4 => Some((Some(at), None)),
        5..=7 => Some((None, Some(at))),
        8 => Some((Some(at), Some(at))),
        _ => None,
    }
}

impl Fill {
    pub fn new(flow: &Arc<Flow<ServerHost>>, id: TenantId) -> Result<Self> {
        let tenant = flow.host.tenant(&id).context("the example tenant is not in force")?;
        Ok(Self { flow: flow.clone(), tenant, id })
    }

    pub async fn other(&self, passes: usize) -> Result<()> {
        let other = Self { id: TenantId::parse("annex").context("a name")?, ..self.clone() };
        other.passes(passes, "another tenant's").await.map(drop)
    }

    pub async fn tenant(&self, passes: usize) -> Result<Filled> {
        let pass_us = self.passes(passes, "passes").await?;
        let began = Instant::now();
        let mut progress = Progress::new("installations", passes);
        let mut written = 0_usize;
        let mut waiting = tokio::task::JoinSet::new();
        for n in 0..passes {
            progress.at(n);
            let now = self.flow.host.clock().now();
            let Some((apple_since, google_since)) = wallets(n, now) else { continue };
            written += 1;
            let fill = self.clone();
            waiting.spawn(async move { fill.install(n, 0, apple_since, google_since, now).await });
            if waiting.len() >= TOGETHER {
                while let Some(done) = waiting.join_next().await {
                    done??;
                }
            }
        }
        while let Some(done) = waiting.join_next().await {
            done??;
        }
        progress.end();
        Ok(Filled { pass_us, installation_us: began.elapsed().as_secs_f64() * 1e6 / written.max(1) as f64 })
    }

    /// Microseconds for each.
    async fn passes(&self, passes: usize, what: &'static str) -> Result<f64> {
        let store = &self.flow.host.store;
        let mut progress = Progress::new(what, passes);
        let began = Instant::now();
        for first in (0..passes).step_by(BATCH) {
            progress.at(first);
            let now = self.flow.host.clock().now();
            let file = format!("{}", 1_000_000 + first);
            let subject = TaskSubject::File(file.clone());
            let task = store.enqueue(&self.id, subject, &format!("task {file}"), Priority::Normal, now).await?;
            let lease = store.claim_task(&self.id, &task, now, now + LEASE).await?.context("nobody else is here")?;
            let range = first..passes.min(first + BATCH);
            let finish = Finish {
                tenant: self.id.clone(),
                task: lease.task.clone(),
                lease_token: lease.lease_token,
                generation: lease.generation,
                now,
                next: Next::Done,
                run: RunRecord {
                    id: format!("run {file}"),
                    fetch_started_at: Some(now),
                    outcome: "done".to_owned(),
                    error: None,
                    findings: "[]".to_owned(),
                    secutix_calls: 1,
                },
                aliases: vec![],
                events: vec![],
                passes: range.map(|n| self.write(n, &file)).collect::<Result<_>>()?,
                happenings: vec![],
                institution: "DEMO".to_owned(),
                void_limit: None,
            };
            let Finished::Committed { .. } = store.finish(finish).await? else { bail!("a run was not committed") };
        }
        progress.end();
        Ok(began.elapsed().as_secs_f64() * 1e6 / passes.max(1) as f64)
    }

    fn write(&self, n: usize, file: &str) -> Result<PassWrite> {
        let template = TEMPLATES.get(n * 13 % TEMPLATES.len()).copied().unwrap_or(BIGGEST);
        let movement = 10_000_000_000_u64 + n as u64;
        let subject = if template == "member-card" {
            PassSubject::Contact(format!("{n:08}"))
        } else {
            PassSubject::Movement(movement.to_string())
        };
        let id = pass_id(n);
        Ok(PassWrite {
            attributes: self.attributes(n, &id)?,
            id,
            subject,
            expected: None,
            file: Some(file.to_owned()),
            order: Some(file.to_owned()),
            ticket: Some(movement.to_string()),
            state: if n.is_multiple_of(12) { PassState::Void } else { PassState::Live },
            successor: None,
            template: template.to_owned(),
            template_digest: "0".repeat(64),
            google_class: None,
            sealed: None,
            ticket_mac: "1".repeat(64),
            apple_mac: Some("2".repeat(64)),
            google_mac: Some("3".repeat(64)),
            events: vec![],
            absent_since: None,
            visible: true,
            object_changed: false,
            change: None,
        })
    }

    fn attributes(&self, n: usize, pass: &PassId) -> Result<Vec<Attribute>> {
        let clear = |kind, name: &str, value: String| (kind, name.to_owned(), AttributeValue::Clear(value));
        let mut given = Vec::new();
        if n % 10 != 9 {
            given.push(clear(AttributeKind::Identifier, "customerId", customer(n)));
        }
        if n.is_multiple_of(3) {
            given.push((AttributeKind::Identifier, "email".to_owned(), AttributeValue::Personal(email(n))));
            given.push(clear(AttributeKind::Metadata, "tier", "gold".to_owned()));
        }
        let random = self.flow.host.random();
        let keep = |(kind, name, value): (AttributeKind, String, AttributeValue)| {
            let value = attribute::keep(&self.tenant.keys, random, &self.id, pass, &name, &value)?;
            Ok(Attribute { kind, name, value })
        };
        given.into_iter().map(keep).collect()
    }

    async fn install(
        &self,
        n: usize,
        expected: i64,
        apple_since: Option<Millis>,
        google_since: Option<Millis>,
        now: Millis,
    ) -> Result<bool> {
        let write = InstallationWrite {
            tenant: self.id.clone(),
            pass: pass_id(n),
            expected,
            body: "{}".to_owned(),
            changed_at: now,
            signals: vec![],
            apple_since,
            google_since,
            happenings: vec![],
            references: false,
            printed: false,
            now,
        };
        Ok(self.flow.host.store.save_installation(write).await?)
    }

    /// A change as they come all day: now a pass is put into a wallet or taken out of it, now it is given something to remember.
    pub async fn change(&self, n: usize) -> Result<()> {
        let now = self.flow.host.clock().now();
        let pass = pass_id(n);
        if n.is_multiple_of(2) {
            let known = self.flow.host.store.installation(&self.id, &pass).await?;
            let version = known.map_or(0, |known| known.version);
            let since = (version % 2 == 0).then_some(now);
            self.install(n, version, since, None, now).await?;
        } else {
            let value = attribute::keep(
                &self.tenant.keys,
                self.flow.host.random(),
                &self.id,
                &pass,
                "visit",
                &AttributeValue::Clear(now.to_string()),
            )?;
            let visit = Attribute { kind: AttributeKind::Metadata, name: "visit".to_owned(), value };
            self.flow.host.store.set_attributes(&self.id, &pass, vec![visit], vec![], now).await?;
        }
        Ok(())
    }
}

/// One line that is written over.
struct Progress {
    what: &'static str,
    all: usize,
    told: usize,
    began: Instant,
}

impl Progress {
    fn new(what: &'static str, all: usize) -> Self {
        Self { what, all, told: 0, began: Instant::now() }
    }

    fn at(&mut self, n: usize) {
        let percent = n * 100 / self.all.max(1);
        if percent > self.told {
            self.told = percent;
            eprint!("\r{}: {percent} % of {} after {} s ", self.what, self.all, self.began.elapsed().as_secs());
            let _ = std::io::stderr().flush();
        }
    }

    fn end(&self) {
        eprintln!("\r{}: {} after {} s          ", self.what, self.all, self.began.elapsed().as_secs());
    }
}
