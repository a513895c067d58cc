//! Plugins that are brought to a server and mean harm: the process that compiles them ends, and nobody else does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use passerelle_flow::identity::TenantId;
use passerelle_flow::plugin::hook::{Hook, Turn};
use passerelle_flow::plugin::setup::PluginLimits;
use passerelle_guests::{GOOD, GUESTS, call, good, long_to_compile, module};
use passerelle_sandbox::{Capacity, Engine, Plugin, artefact};
use passerelle_server::host::ServerClock;
use passerelle_server::plugins::compiler::{CompileError, Compiler};
use passerelle_server::plugins::folder::PluginFolder;
use passerelle_server::plugins::{Look, PluginError, Plugins};
use tempfile::TempDir;

use crate::process::binary;

fn tenant() -> TenantId {
    TenantId::parse("demo").unwrap()
}

/// The server's program, with less of something than it would take by itself (`ulimit`): as an operator's unit file may say.
fn with_limit(folder: &Path, limit: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let script = folder.join("passerelle-with-less");
    std::fs::write(&script, format!("#!/bin/sh\nulimit {limit}\nexec '{}' \"$@\"\n", binary().display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    script
}

async fn answers(plugin: &Plugin) -> bool {
    plugin.call(&PluginLimits::default(), call(Hook::ChooseTemplate)).await == Ok(Ok(Turn::Chosen("gold".to_owned())))
}

/// What is left in the folder of what was compiled.
fn left(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path().join("compiled")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_plugin_that_may_not_run_leaves_the_one_before_it_in_force_and_the_operator_reads_why() {
    let folder = tempfile::tempdir().unwrap();
    let compiler = Compiler { program: binary(), folder: folder.path().join("compiled") };
    let engine = Engine::new(Capacity::default()).unwrap();
    let plugins = Plugins::new(engine, compiler, folder.path().to_owned(), Arc::new(ServerClock::default()));
    let look = async || match plugins.look(&tenant()).await {
        Look::Waits { .. } => plugins.compile_next().await.unwrap().1,
        look => look,
    };
    let file = PluginFolder::of(folder.path(), &tenant()).plugin();
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, good()).unwrap();
    assert!(matches!(look().await, Look::Loaded(installed) if installed.hooks == [Hook::ChooseTemplate].into()));

    let of = |name: &str| GUESTS.iter().find(|guest| guest.name == name).unwrap().component();
    let whole = good();
    for (wasm, words) in [
        (of("imports-wasi"), "imports `wasi:http/outgoing-handler@0.2.0`"),
        (of("version-of-tomorrow"), "a version of the contract that this host does not know"),
        (of("no-such-hook"), "which is no hook of the contract"),
        (of("other-types"), "`choose-template` is not the one of the contract"),
        (of("nine-memories"), "needs more than a sandbox has"),
        (module(GOOD), "this is a core module"),
        (artefact::compile(&whole).unwrap(), "this is machine code"),
        (whole[..whole.len() / 2].to_vec(), "the component is broken"),
        (vec![], "this is no WebAssembly"),
        (vec![0; passerelle_sandbox::SIZE + 1], "more than the 33554432 that a plugin may have"),
    ] {
        std::fs::write(&file, wasm).unwrap();
        let look = look().await;
        let Look::Broken { kept: true, error } = look else { panic!("{words}: {look:?}") };
        let sentence = error.to_string();
        assert!(sentence.contains(words) && !sentence.contains('\n'), "{words}: {sentence}");
    }
    std::fs::write(&file, &whole).unwrap();
    assert!(matches!(look().await, Look::Same));
}

#[tokio::test]
async fn a_component_that_takes_for_ever_to_compile_costs_its_own_process_and_nothing_else() {
    let wasm = long_to_compile();
    let engine = Engine::new(Capacity::default()).unwrap();
    let neighbour = Plugin::load(&engine, &good()).unwrap();
    // A second of processor time; then, so little memory that it runs out of that first.
    for limit in ["-t 1", "-v 400000"] {
        let folder = tempfile::tempdir().unwrap();
        let compiler = Compiler { program: with_limit(folder.path(), limit), folder: folder.path().join("compiled") };
        let going = AtomicBool::new(true);
        let compiling = async {
            let compiled = compiler.compiled(&engine, wasm.clone(), artefact::digest(&wasm)).await;
            going.store(false, Ordering::Relaxed);
            compiled
        };
        let beside = async {
            let mut answered = 0;
            while going.load(Ordering::Relaxed) {
                assert!(answers(&neighbour).await);
                answered += 1;
                tokio::task::yield_now().await;
            }
            answered
        };
        let (compiled, answered) = tokio::join!(compiling, beside);
        assert!(matches!(compiled, Err(CompileError::Killed)), "{limit}: {compiled:?}");
        assert!(answered > 0 && answers(&neighbour).await);
        assert_eq!(left(&folder), [""; 0], "{limit}");
    }
}

#[tokio::test]
async fn a_server_that_may_use_little_compiles_within_that() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(Capacity::default()).unwrap();
    // Less of everything than the child would give itself.
    let program = with_limit(folder.path(), "-n 48 && ulimit -t 100 && ulimit -f 100000");
    let compiler = Compiler { program, folder: folder.path().join("compiled") };
    let wasm = good();
    let compiled = compiler.compiled(&engine, wasm.clone(), artefact::digest(&wasm)).await.unwrap();
    assert!(answers(&Plugin::load_compiled(&engine, &compiled).unwrap()).await);
}

#[tokio::test]
async fn a_program_that_is_not_there_or_says_nothing_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(Capacity::default()).unwrap();
    let wasm = good();
    for (program, expected) in
        [("/nonexistent", "cannot be started"), ("/bin/false", "more memory or processor time than it may")]
    {
        let compiler = Compiler { program: program.into(), folder: folder.path().join("compiled") };
        let error = compiler.compiled(&engine, wasm.clone(), artefact::digest(&wasm)).await.unwrap_err();
        let error = PluginError::from(error).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_machine_that_is_in_the_way_of_compiling_is_not_the_plugin_s_fault_and_it_is_in_force_once_that_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("blocked");
    // Where the machine code belongs there is a device that is full, as long as this file is there.
    let program = with_limit(
        folder.path(),
        &format!(
            "-c 0; if [ -e '{}' ]; then exec '{}' \"$1\" \"$2\" /dev/full; fi",
            blocked.display(),
            binary().display()
        ),
    );
    let compiler = Compiler { program, folder: folder.path().join("compiled") };
    let (engine, clock) = (Engine::new(Capacity::default()).unwrap(), Arc::new(ServerClock::default()));
    let plugins = Plugins::new(engine, compiler, folder.path().to_owned(), clock.clone());
    std::fs::write(&blocked, "").unwrap();
    std::fs::create_dir(folder.path().join(tenant().as_str())).unwrap();
    PluginFolder::of(folder.path(), &tenant()).install(&good()).unwrap();
    assert!(matches!(plugins.look(&tenant()).await, Look::Waits { .. }));
    let Some((_, Look::Broken { error, .. })) = plugins.compile_next().await else { panic!("it is not written") };
    let sentence = error.to_string();
    assert!(matches!(error, PluginError::Compile(CompileError::Failed(_))), "{sentence}");
    assert!(sentence.contains("cannot be written") && !sentence.contains('\n'), "{sentence}");
    std::fs::remove_file(&blocked).unwrap();
    assert_eq!(plugins.due(), None);
    clock.advance(30_000);
    assert_eq!(plugins.due(), Some(tenant()));
    assert!(matches!(plugins.look(&tenant()).await, Look::Waits { .. }));
    assert!(matches!(plugins.compile_next().await, Some((_, Look::Loaded(_)))));
    assert_eq!(plugins.due(), None);
}
