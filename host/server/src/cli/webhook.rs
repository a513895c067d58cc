//! The words of `passerelle webhook`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Configured, TenantName};

/// Whose endpoints.
#[derive(Args)]
pub struct Endpoints {
    #[command(flatten)]
    pub configured: Configured,
    #[arg(long)]
    pub tenant: TenantName,
}

/// What an endpoint is to be.
#[derive(Args, Default)]
pub struct EndpointOptions {
    /// What happenings it gets; repeat for several: Pass:Installed, "Pass:*", pass.updated, "*".
    #[arg(long = "event", value_name = "PATTERN")]
    pub events: Vec<String>,
    /// What it is for.
    #[arg(long)]
    pub description: Option<String>,
    /// Which body it gets: passerelle, or vibes (wallet_item_install and wallet_item_remove).
    #[arg(long)]
    pub format: Option<String>,
    /// Send The Wallet Crew's X-NEOSTORE-SIGNATURE as well: off, hex or base64.
    #[arg(long, value_name = "ENCODING")]
    pub neostore_signature: Option<String>,
}

#[derive(Subcommand)]
pub enum Webhook {
    /// A tenant's endpoints, and how they are.
    List {
        #[command(flatten)]
        whose: Endpoints,
    },
    /// Make an endpoint. Its secret is shown once.
    Create {
        #[command(flatten)]
        whose: Endpoints,
        /// Its address: https, unless [egress] plain_http allows otherwise.
        endpoint: String,
        #[command(flatten)]
        options: EndpointOptions,
        /// Switched off for now.
        #[arg(long)]
        disabled: bool,
    },
    /// One endpoint, as JSON.
    Show {
        #[command(flatten)]
        whose: Endpoints,
        id: String,
    },
    /// Change what is given, and leave the rest.
    Update {
        #[command(flatten)]
        whose: Endpoints,
        id: String,
        /// Another address.
        #[arg(long, value_name = "URL")]
        endpoint: Option<String>,
        #[command(flatten)]
        options: EndpointOptions,
        /// Switch it on; `replay --since` sends what it missed.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Switch it off: what waits for it is given up.
        #[arg(long)]
        disable: bool,
    },
    /// Delete an endpoint, with the record of what was sent to it.
    Delete {
        #[command(flatten)]
        whose: Endpoints,
        id: String,
    },
    /// New secrets, shown once. The ones of before sign along for a while.
    Rotate {
        #[command(flatten)]
        whose: Endpoints,
        id: String,
        /// Seconds that the secrets of before sign along: a day by default, a week at most; 0 when one has leaked.
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(i64).range(0..=604_800))]
        overlap: i64,
    },
    /// What was sent, or waits to be: the newest first.
    Deliveries {
        #[command(flatten)]
        whose: Endpoints,
        id: String,
        /// One event with its attempts and what was answered, as JSON.
        #[arg(long, value_name = "ID")]
        event: Option<String>,
        /// waiting, sending, delivered or dead.
        #[arg(long)]
        state: Option<String>,
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Send again: one event, or all that the endpoint has not got since a time.
    Replay {
        #[command(flatten)]
        whose: Endpoints,
        id: String,
        #[arg(long, value_name = "ID", required_unless_present = "since", conflicts_with = "since")]
        event: Option<String>,
        /// Such as 2026-03-14T18:00:00Z.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Also what was delivered.
        #[arg(long, requires = "since")]
        delivered: bool,
    },
    /// Send a test event to one endpoint.
    Test {
        #[command(flatten)]
        whose: Endpoints,
        id: String,
    },
    /// Receive webhooks on this machine, verify them, and print them. Needs no configuration.
    Listen {
        /// 0 takes a free one.
        #[arg(long, default_value_t = 9000)]
        port: u16,
        /// What to verify with: whsec_…, the 64 characters of signatureSecret, or whpk_…; repeat for several. Without one nothing is verified.
        #[arg(long = "secret", value_name = "SECRET", env = "PASSERELLE_WEBHOOK_SECRET", hide_env_values = true)]
        secrets: Vec<String>,
        /// What to answer to what verifies.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
        status: u16,
        /// End after so many requests.
        #[arg(long, value_name = "NUMBER")]
        count: Option<u32>,
    },
    /// Say whether a webhook that was received is genuine, and if not, why. Needs no configuration.
    Verify {
        /// whsec_…, the 64 characters of signatureSecret, or whpk_….
        #[arg(long, env = "PASSERELLE_WEBHOOK_SECRET", hide_env_values = true)]
        secret: String,
        /// The body as it was received, byte for byte; - reads standard input.
        #[arg(long, value_name = "FILE")]
        body: PathBuf,
        /// The header webhook-id.
        #[arg(long, required_unless_present = "neostore_signature")]
        id: Option<String>,
        /// The header webhook-timestamp.
        #[arg(long, required_unless_present = "neostore_signature")]
        timestamp: Option<String>,
        /// The header webhook-signature.
        #[arg(long, required_unless_present = "neostore_signature")]
        signature: Option<String>,
        /// Or the header X-NEOSTORE-SIGNATURE alone.
        #[arg(long, value_name = "SIGNATURE", conflicts_with_all = ["id", "timestamp", "signature"])]
        neostore_signature: Option<String>,
        /// Judge as of this time (seconds since 1970) instead of now.
        #[arg(long, value_name = "SECONDS")]
        at: Option<i64>,
    },
}
