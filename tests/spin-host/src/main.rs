//! `spin-host`: runs a Spin application where there is no Spin.
//!
//! A process with Spin's flags and Spin's output, so that the tests which drive it can drive a real Spin instead. It is faithful where an
//! application could notice: headers, reuse of instances, traps, stores, errors of the way out. What it leaves out it refuses by name.

mod allowed_hosts;
mod application;
mod arguments;
mod artefact;
mod bindings;
mod check;
mod clock;
mod compose;
mod egress;
mod files;
mod given;
mod guest;
mod instances;
mod interfaces;
mod manifest;
mod output;
mod request_headers;
mod reuse;
mod routes;
mod runtime_config;
mod server;
mod source;
mod sqlite;
mod variables;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use application::Application;
use arguments::{Command, Up};
use server::Server;

fn main() -> ExitCode {
    let began = Instant::now();
    match arguments::parse(std::env::args().skip(1)) {
        Ok(Command::Up(up)) => match up_and_running(&up, began) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("Error: {error:?}");
                ExitCode::FAILURE
            }
        },
        Ok(Command::Check(manifest)) => {
            let (ok, report) = check::check(&manifest);
            say(&report.to_string());
            if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(Command::Help) => {
            say(arguments::USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n{}", arguments::USAGE);
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn up_and_running(up: &Up, began: Instant) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let application = Application::load(up)?;
    let (compiling, copies) = (application.compiling, application.copies.path().to_owned());
    let listener =
        TcpListener::bind(up.listen).await.with_context(|| format!("{} cannot be listened on", up.listen))?;
    let server = Server::new(application, listener.local_addr()?);
    announce(up, &server, compiling, began.elapsed());
    tokio::select! {
        () = server.serve(listener) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // As Spin ends: at once, whatever guests are doing. Waiting for the runtime would wait for them.
    _ = std::fs::remove_dir_all(copies);
    std::process::exit(0)
}

fn announce(up: &Up, server: &Server, compiling: Duration, listening: Duration) {
    let announcement = server.announcement();
    if up.json {
        // Over several lines, as Spin prints it: a reader that takes the first line only would not survive the real one.
        say(&format!("{announcement:#}"));
    } else {
        say(&format!("Serving {}", server.base_url()));
    }
    if up.measure {
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        say(&json!({ "compile_ms": millis(compiling), "listening_ms": millis(listening) }).to_string());
    }
}

/// To standard output, whose reader may be gone.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
