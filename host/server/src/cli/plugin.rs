//! The words of `passerelle plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Configured, Since, TenantName};

/// Whose plugin.
#[derive(Args)]
pub struct PluginOf {
    #[command(flatten)]
    pub configured: Configured,
    /// The tenant.
    pub tenant: TenantName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    Rust,
    Js,
    Python,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// The file that `plugin install` takes.
    Server,
    /// Completed with the default of every hook that it does not have, since Spin composes no component with an absent export.
    Spin,
}

#[derive(Subcommand)]
pub enum Plugin {
    /// Begin a plugin: a folder with one hook done, a case to try it with, and the commands to go on. Needs no network.
    New {
        #[arg(long, value_enum)]
        lang: Language,
        /// Its name: small letters, digits and -. Also the folder's.
        name: String,
        /// Where to make the folder. Default: here.
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
    },

    /// Make a component of a plugin's source: Rust with cargo, JavaScript and Python with their tools, which are installed into the folder.
    Build {
        /// The folder: with Cargo.toml, package.json or requirements.txt.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Where to write the component. Default: DIR/plugin.wasm.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[arg(long = "for", value_enum, default_value = "server")]
        target: Target,
    },

    /// Say what a component is: whether it may run here, what it imports, which hooks it has, and what differs from the installed one.
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Compare with the plugin of this tenant.
        #[arg(long)]
        tenant: Option<TenantName>,
        #[command(flatten)]
        configured: Configured,
        /// Write the same as JSON, with a top-level `ok`.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },

    /// Play recorded events to a component, without a network: what it asks for is answered from the case, and what it would send is shown.
    Test {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A case; repeat for several.
        #[arg(long = "case", value_name = "FILE", required = true)]
        cases: Vec<PathBuf>,
        /// Write the same as JSON: {"ok":bool,"cases":[...]}.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },

    /// Show what a component would have made of the last events, beside what the installed one makes of them. Nothing is sent.
    Replay {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        configured: Configured,
        #[arg(long)]
        tenant: TenantName,
        /// Events that were heard of since: a day (2026-11-01), a moment (2026-11-01T20:00:00Z), or days or hours back (7d, 24h).
        #[arg(long, value_name = "WHEN", default_value = "7d")]
        since: Since,
        /// Also show events that both make the same of.
        #[arg(long)]
        all: bool,
    },

    /// Put a component in force for a tenant. A running server takes it up by itself and loses no event; the one before it is kept.
    Install {
        #[command(flatten)]
        of: PluginOf,
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },

    /// Exchange the plugin in force and the one before it.
    Rollback {
        #[command(flatten)]
        of: PluginOf,
    },

    /// Take the plugin out of force: every hook means its default, and what waited for it is given up.
    Remove {
        #[command(flatten)]
        of: PluginOf,
    },

    /// Which plugin a tenant has, what it may do, and what waits for it.
    Status {
        #[command(flatten)]
        of: PluginOf,
    },

    /// Give a plugin events again after it was switched off because it failed for days.
    Enable {
        #[command(flatten)]
        of: PluginOf,
    },

    /// Machine code of the component on standard input. What a server starts to compile a plugin; of no use to a person.
    #[command(hide = true)]
    Compile {
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
}

impl Plugin {
    pub fn report(&self) -> Option<&std::path::Path> {
        match self {
            Self::Check { report, .. } | Self::Test { report, .. } => report.as_deref(),
            _ => None,
        }
    }
}
