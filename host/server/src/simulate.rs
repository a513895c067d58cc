//! `passerelle simulate`: the other side alone, with a configuration for a server that talks to it, until somebody stops it.
//!
//! Owns what the command prints and the two tasks beside the world. Does not own the world (`passerelle_simulator`) nor the configuration (`example`).

#![allow(clippy::print_stdout)] // what a command is asked for goes to standard output

use std::time::Duration;

use passerelle_simulator::{CrmApi, InstitutionConfig, Ports, Simulator, SimulatorConfig};
use tokio::task::AbortHandle;

use crate::cli::Simulate;
use crate::commands::{asked_to_stop, runtime};
use crate::demo::application::{self, SWEEP_TOKEN, Written};
use crate::{example, logging};

/// How long one wait for the CRM's next caller lasts; the next wait follows it.
const UNHEARD: Duration = Duration::from_secs(3600);

pub fn simulate(arguments: &Simulate) -> anyhow::Result<bool> {
    logging::for_people(true);
    runtime(None)?.block_on(async {
        let listener = format!("http://{}/api/{}/webhooks/listeners/secutix/orders", arguments.server, example::TENANT);
        let world = Simulator::start(SimulatorConfig {
            institution: InstitutionConfig {
                listener: Some(listener.clone()),
                batch_interval: arguments.batch.map(Duration::from_secs),
                ..InstitutionConfig::default()
            },
            ports: Ports { control: arguments.port, ..Ports::default() },
            control: true,
            ..SimulatorConfig::default()
        })
        .await?;
        let config = example::write(&arguments.folder, &world, arguments.server)?;
        example::report_back(&arguments.folder, &world)?;
        example::let_plugins_and_shop_in(&arguments.folder, &world)?;
        let spin = match &arguments.spin {
            Some(manifest) => {
                // A server's, whose secrets have become the application's variables.
                std::fs::remove_file(&config)?;
                Some(application::write(manifest, &arguments.folder, &world, arguments.server, vec![])?)
            }
            None => None,
        };
        let tasks = [repeat_callbacks(&world), tell_of_the_crm(world.crm().api())];
        let addresses = world.addresses();
        println!("A SecuTix institution, Apple, Google, Vibes, phones and a CRM are running; Ctrl-C ends them.\n");
        println!("  what to do with them   {}", addresses.control.as_deref().unwrap_or("-"));
        println!("  SecuTix                {}", addresses.secutix);
        println!("  Apple push             {}", addresses.push);
        println!("  Google Wallet          {}", addresses.google_api);
        println!("  a CRM for webhooks     {}/hooks/crm", addresses.crm);
        println!("  its API for plugins    {}   (what it is asked and told is shown below)", addresses.crm);
        println!("  Vibes                  {}", addresses.vibes);
        println!("  notifications go to    {listener}");
        match &spin {
            None => println!("\nA server that talks to them:\n  passerelle serve --config {}", config.display()),
            Some(written) => print_spin(written, arguments.server),
        }
        println!(
            "\nThe addresses and keys change with every start; the folder {} is rewritten then, and its database begins empty: \
             start the server again, and make a new API key.",
            arguments.folder.display()
        );
        asked_to_stop().await?;
        tasks.iter().for_each(AbortHandle::abort);
        world.stop().await;
        Ok(true)
    })
}

/// Vibes sends again what was not taken; its schedule is in minutes.
fn repeat_callbacks(world: &Simulator) -> AbortHandle {
    let vibes = world.vibes().clone();
    let repeating = async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            vibes.deliver_due().await;
        }
    };
    tokio::spawn(repeating).abort_handle()
}

/// What plugins ask and tell the CRM, a line for each request, for the author who watches. Its persons are invented; tokens are not shown.
fn tell_of_the_crm(api: CrmApi) -> AbortHandle {
    let telling = async move {
        let mut told = 0;
        loop {
            let Ok(calls) = api.wait_until(|calls| calls.len() > told, UNHEARD).await else { continue };
            for call in calls.iter().skip(told) {
                let received = &call.received;
                let body = if received.json.is_null() { String::new() } else { format!("  {}", received.json) };
                println!("CRM: {} {} -> {}{body}", received.method, received.path, received.answered);
            }
            told = calls.len();
        }
    };
    tokio::spawn(telling).abort_handle()
}

/// In the words of a user of Spin.
fn print_spin(written: &Written, address: std::net::SocketAddr) {
    println!("\nAn edge that talks to them:");
    println!("  spin up -f {} --listen {address} \\", written.manifest.display());
    println!("    --variable @{} \\", written.variables.display());
    println!("    --runtime-config-file {} \\", written.runtime_config.display());
    println!("    --state-dir {}", written.state.display());
    println!("Its sweep, for a scheduler:");
    println!("  curl -X POST -H 'Authorization: Bearer {SWEEP_TOKEN}' http://{address}/internal/sweep");
}
