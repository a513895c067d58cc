//! `passerelle`: the command line. Each command is a function of the library; this file only chooses.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use passerelle_server::cli::{Cli, Command, Webhook};
use passerelle_server::{
    backfill, commands, insights, plugins, receiver, reissue, report_file, simulate, vibes, webhooks,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // The whole chain: each link says what was tried.
            let _ = writeln!(std::io::stderr(), "passerelle: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<bool> {
    let report = cli.command.report().map(Path::to_owned);
    report_file::or_failure(report.as_deref(), perform(cli))
}

fn perform(cli: Cli) -> anyhow::Result<bool> {
    let connector = commands::connector(cli.connector.as_deref())?;
    match cli.command {
        Command::Serve(configured) => commands::serve(&configured, connector),
        Command::Demo(demo) => commands::demo(demo, connector),
        Command::Simulate(simulate) => simulate::simulate(&simulate),
        Command::Check(check) => commands::check(&check),
        Command::Explain(explain) => commands::explain(&explain, connector.as_deref()),
        Command::Key(key) => commands::key(key),
        Command::Stuck(stuck) => commands::stuck(stuck),
        Command::Webhook(Webhook::Listen { port, secrets, status, count }) => {
            receiver::listen(port, &secrets, status, count)
        }
        Command::Webhook(Webhook::Verify { secret, body, id, timestamp, signature, neostore_signature, at }) => {
            let headers = receiver::Headers { id, timestamp, signature, neostore: neostore_signature };
            receiver::verify(&secret, &body, &headers, at)
        }
        Command::Webhook(webhook) => webhooks::perform(webhook),
        Command::Plugin(plugin) => plugins::command::perform(plugin),
        Command::Runs(runs) => commands::runs(runs),
        Command::Insights(question) => insights::insights(&question),
        Command::Apple(apple) => reissue::apple(&apple),
        Command::Vibes(vibes) => vibes::command(&vibes),
        Command::Backfill(arguments) => backfill::backfill(&arguments),
        Command::Record(record) => commands::record(record),
    }
}
