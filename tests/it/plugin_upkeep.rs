//! Tenants' plugins as files and as machine code: what a look makes of a folder, what is compiled when, and what is never run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use passerelle_flow::identity::TenantId;
use passerelle_guests::{GUESTS, good};
use passerelle_sandbox::{Capacity, Engine, artefact};
use passerelle_server::host::ServerClock;
use passerelle_server::plugins::compiler::Compiler;
use passerelle_server::plugins::folder::PluginFolder;
use passerelle_server::plugins::{Look, Plugins};
use tempfile::TempDir;

use crate::process::binary;

const MINUTE: i64 = 60_000;

/// Tenants' folders, and a server's plugins over them.
struct Shelf {
    folder: TempDir,
    clock: Arc<ServerClock>,
    compiler: Compiler,
    plugins: Plugins,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = counting(folder.path());
        let compiler = Compiler { program, folder: folder.path().join("compiled") };
        let clock = Arc::new(ServerClock::default());
        let plugins = Self::plugins(&compiler, folder.path(), &clock);
        Self { folder, clock, compiler, plugins }
    }

    fn plugins(compiler: &Compiler, folder: &Path, clock: &Arc<ServerClock>) -> Plugins {
        let engine = Engine::new(Capacity::default()).unwrap();
        Plugins::new(engine, compiler.clone(), folder.join("tenants"), clock.clone())
    }

    /// As a server that starts again.
    fn start_again(&mut self) {
        self.plugins = Self::plugins(&self.compiler, self.folder.path(), &self.clock);
    }

    fn of(&self, tenant: &TenantId) -> PluginFolder {
        let tenants = self.folder.path().join("tenants");
        std::fs::create_dir_all(tenants.join(tenant.as_str())).unwrap();
        PluginFolder::of(&tenants, tenant)
    }

    /// Looks, and compiles what waits.
    async fn look(&self, tenant: &TenantId) -> Look {
        match self.plugins.look(tenant).await {
            Look::Waits { .. } => {
                let (compiled, look) = self.plugins.compile_next().await.unwrap();
                assert_eq!(compiled, *tenant);
                look
            }
            look => look,
        }
    }

    async fn loaded(&self, tenant: &TenantId) -> [u8; 32] {
        match self.look(tenant).await {
            Look::Loaded(installed) => installed.digest,
            look => panic!("{look:?}"),
        }
    }

    /// How often something was compiled.
    fn compiled(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default().lines().count()
    }

    /// Files with machine code, and what lies beside them.
    fn machine_code(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.compiler.folder).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// The server's program, which leaves a line for each time that it is started.
fn counting(folder: &Path) -> PathBuf {
    let (script, runs) = (folder.join("passerelle-counted"), folder.join("runs"));
    let text = format!("#!/bin/sh\necho run >> '{}'\nexec '{}' \"$@\"\n", runs.display(), binary().display());
    std::fs::write(&script, text).unwrap();
    mode(&script, 0o700);
    script
}

fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// The same plugin in another build: what a custom section holds is nobody's business.
fn another(name: u8) -> Vec<u8> {
    [good(), vec![0, 2, 1, name]].concat()
}

fn refused() -> Vec<u8> {
    GUESTS.iter().find(|guest| guest.name == "imports-wasi").unwrap().component()
}

#[tokio::test]
async fn what_is_compiled_is_in_force_at_a_look_and_what_is_not_waits_for_its_turn() {
    let mut shelf = Shelf::new();
    let (opera, ballet) = (tenant("opera"), tenant("ballet"));
    shelf.of(&opera).install(&good()).unwrap();
    shelf.loaded(&opera).await;
    shelf.start_again();
    shelf.of(&ballet).install(&another(1)).unwrap();
    assert!(matches!(shelf.plugins.look(&opera).await, Look::Loaded(_)));
    assert!(matches!(shelf.plugins.look(&ballet).await, Look::Waits { kept: false }));
    assert!(matches!(shelf.plugins.look(&ballet).await, Look::Same));
    assert_eq!(shelf.compiled(), 1);
    let (compiled, look) = shelf.plugins.compile_next().await.unwrap();
    assert!(compiled == ballet && matches!(look, Look::Loaded(_)), "{compiled}: {look:?}");
    assert!(shelf.plugins.compile_next().await.is_none());
    assert_eq!(shelf.compiled(), 2);
    // A newer build waits, and the one before it goes on.
    shelf.of(&ballet).install(&another(2)).unwrap();
    assert!(matches!(shelf.plugins.look(&ballet).await, Look::Waits { kept: true }));
    // What is compiled is what is there by then.
    shelf.of(&ballet).install(&another(3)).unwrap();
    let (_, look) = shelf.plugins.compile_next().await.unwrap();
    let third = artefact::digest(&another(3));
    assert!(matches!(&look, Look::Loaded(installed) if installed.digest == third), "{look:?}");
}

#[tokio::test]
async fn a_build_that_was_refused_is_not_compiled_again_before_its_bytes_are_others() {
    let mut shelf = Shelf::new();
    let opera = tenant("opera");
    shelf.of(&opera).install(&refused()).unwrap();
    assert!(matches!(shelf.look(&opera).await, Look::Broken { kept: false, .. }));
    for _ in 0..3 {
        assert!(matches!(shelf.plugins.look(&opera).await, Look::Same));
    }
    assert!(shelf.plugins.compile_next().await.is_none());
    assert_eq!(shelf.compiled(), 1);
    shelf.of(&opera).install(&good()).unwrap();
    shelf.loaded(&opera).await;
    assert_eq!(shelf.compiled(), 2);
    // A server that starts again tries once: its machine may be another.
    shelf.of(&opera).install(&refused()).unwrap();
    shelf.start_again();
    assert!(matches!(shelf.look(&opera).await, Look::Broken { .. }));
    assert_eq!(shelf.compiled(), 3);
}

#[tokio::test]
async fn a_file_that_is_gone_for_a_moment_is_an_exchange_and_after_a_minute_it_is_removed() {
    let shelf = Shelf::new();
    let opera = tenant("opera");
    let file = shelf.of(&opera).plugin();
    shelf.of(&opera).install(&good()).unwrap();
    shelf.loaded(&opera).await;
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(shelf.plugins.look(&opera).await, Look::Missing));
    assert!(matches!(shelf.plugins.look(&opera).await, Look::Same));
    std::fs::write(&file, another(1)).unwrap();
    assert_eq!(shelf.loaded(&opera).await, artefact::digest(&another(1)));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(shelf.plugins.look(&opera).await, Look::Missing));
    shelf.clock.advance(MINUTE - 5_000);
    assert_eq!(shelf.plugins.due(), None);
    shelf.clock.advance(5_000);
    assert_eq!(shelf.plugins.due(), Some(opera.clone()));
    assert!(matches!(shelf.plugins.look(&opera).await, Look::Removed));
    assert_eq!(shelf.plugins.due(), None);
}

#[tokio::test]
async fn a_plugin_that_is_removed_by_the_command_is_gone_at_once_and_comes_back_by_it() {
    let shelf = Shelf::new();
    let opera = tenant("opera");
    let folder = shelf.of(&opera);
    folder.install(&another(1)).unwrap();
    folder.install(&good()).unwrap();
    // The very same again is no exchange.
    folder.install(&good()).unwrap();
    assert_eq!(std::fs::read(folder.previous()).unwrap(), another(1));
    shelf.loaded(&opera).await;
    assert!(folder.remove().unwrap() && !folder.remove().unwrap());
    assert!(matches!(shelf.plugins.look(&opera).await, Look::Removed));
    folder.roll_back().unwrap();
    assert!(!folder.previous().exists(), "it is in force, and not the one before itself");
    shelf.loaded(&opera).await;
    // So a file that is merely deleted is not taken for one that was removed.
    std::fs::remove_file(folder.plugin()).unwrap();
    assert!(matches!(shelf.plugins.look(&opera).await, Look::Missing));
}

#[tokio::test]
async fn machine_code_that_is_cut_off_or_changed_is_never_run_and_is_made_again() {
    let mut shelf = Shelf::new();
    let opera = tenant("opera");
    shelf.of(&opera).install(&good()).unwrap();
    shelf.loaded(&opera).await;
    let [file] = shelf.machine_code().try_into().unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for (times, damaged) in [&whole[..whole.len() / 2], &[], &changed, b"no machine code"].into_iter().enumerate() {
        shelf.start_again();
        // Another file in its place.
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, damaged).unwrap();
        mode(&file, 0o600);
        assert!(matches!(shelf.plugins.look(&opera).await, Look::Waits { .. }));
        assert!(!file.exists());
        assert!(matches!(shelf.plugins.compile_next().await, Some((_, Look::Loaded(_)))));
        assert_eq!((std::fs::read(&file).unwrap() == whole, shelf.compiled()), (true, times + 2));
    }
}

#[tokio::test]
async fn machine_code_that_others_may_write_is_not_run_and_the_operator_reads_what_to_do() {
    let mut shelf = Shelf::new();
    let opera = tenant("opera");
    shelf.of(&opera).install(&good()).unwrap();
    shelf.loaded(&opera).await;
    let [file] = shelf.machine_code().try_into().unwrap();
    let folder = shelf.compiler.folder.clone();
    for open in [0o770, 0o702] {
        mode(&folder, open);
        shelf.start_again();
        let look = shelf.plugins.look(&opera).await;
        let Look::Broken { kept: false, error } = look else { panic!("{look:?}") };
        let sentence = error.to_string();
        assert!(sentence.contains("may be written by other accounts") && sentence.contains("delete it"), "{sentence}");
        mode(&folder, 0o700);
        // What was this machine's affair is tried again.
        assert!(matches!(shelf.plugins.look(&opera).await, Look::Loaded(_)));
    }
    // A file in a folder that is its own the server makes again itself.
    for (times, open) in [0o620, 0o602].into_iter().enumerate() {
        mode(&file, open);
        shelf.start_again();
        assert!(matches!(shelf.plugins.look(&opera).await, Look::Waits { .. }));
        assert!(!file.exists());
        assert!(matches!(shelf.plugins.compile_next().await, Some((_, Look::Loaded(_)))));
        assert_eq!((file.exists(), shelf.compiled()), (true, times + 2));
    }
}

#[tokio::test]
async fn machine_code_of_builds_that_no_tenant_has_any_more_goes_after_an_hour() {
    let shelf = Shelf::new();
    let (opera, ballet) = (tenant("opera"), tenant("ballet"));
    for name in 1..=3 {
        shelf.of(&opera).install(&another(name)).unwrap();
        shelf.loaded(&opera).await;
    }
    shelf.of(&ballet).install(&another(4)).unwrap();
    shelf.loaded(&ballet).await;
    shelf.plugins.tidy().await;
    assert_eq!(shelf.machine_code().len(), 4, "young");
    shelf.clock.advance(61 * MINUTE);
    shelf.plugins.tidy().await;
    let kept = shelf.machine_code();
    let is_of = |file: &PathBuf, name| {
        let build: String = artefact::digest(&another(name)).iter().map(|byte| format!("{byte:02x}")).collect();
        file.file_name().unwrap().to_str().unwrap().starts_with(&build)
    };
    assert_eq!(kept.len(), 3, "{kept:?}");
    for name in 2..=4 {
        assert!(kept.iter().any(|file| is_of(file, name)), "in force, or the one before it: {name}");
    }
}
