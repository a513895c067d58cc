//! The Spin application of a trial: what `passerelle simulate --spin` writes and the demo starts.
//!
//! Owns the copy of `spin.toml` with its components, the demo's tenant mounted in the place of the example's, its secrets as variables, and the
//! runtime configuration. Does not own the tenant's folder (`example`) nor the program that runs it (`edge`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use passerelle_sandbox::artefact;
use passerelle_simulator::Simulator;
use toml_edit::{DocumentMut, Item, Table, value};

use crate::example;
use crate::plugins::complete::complete;
use crate::plugins::folder::PLUGIN;

/// The guard of the sweep. A trial's: whoever reaches this machine reaches the simulator, too.
pub const SWEEP_TOKEN: &str = "the-demo-s-own";

/// What stands in front of a plugin's hooks, beside the repository's `spin.toml`.
const PLUGIN_HOST: &str = "target/spin/plugin-host.wasm";

/// First words of `variables.toml`, and so the mark of a folder whose database holds nothing real.
const MARK: &str = "# Written for a trial against the simulator";

/// What `spin up` is started with.
pub struct Written {
    pub manifest: PathBuf,
    pub variables: PathBuf,
    pub runtime_config: PathBuf,
    pub state: PathBuf,
}

/// Makes an application of a folder that [`example::write`] has filled, for an edge at `address`. `more` are variables that take the place of
/// those of the same name. The database of an earlier world goes with its world.
pub fn write(
    manifest: &Path,
    folder: &Path,
    world: &Simulator,
    address: SocketAddr,
    more: Vec<(String, String)>,
) -> anyhow::Result<Written> {
    let written = Written {
        manifest: folder.join("spin.toml"),
        variables: folder.join("variables.toml"),
        runtime_config: folder.join("runtime-config.toml"),
        state: folder.join("state"),
    };
    if std::fs::read_to_string(&written.variables).is_ok_and(|text| text.starts_with(MARK)) && written.state.exists() {
        std::fs::remove_dir_all(&written.state).context("the database of the trial before")?;
    }
    let secrets = Secrets::take(&folder.join("tenants").join(example::TENANT))?;
    application(manifest, &written)?;
    runtime_configuration(folder, &written, world, &secrets)?;
    let mut document = DocumentMut::new();
    for (name, text) in variables(world, address, &secrets).into_iter().chain(more) {
        document.insert(&name, value(text));
    }
    let text = format!("{MARK}: everything on this machine, nothing of it for production.\n{document}");
    example::secret(folder, "variables.toml", &text)?;
    Ok(written)
}

/// The tenant's secrets, which are variables of the application and lie in no mounted folder.
struct Secrets(Vec<(&'static str, String)>);

/// Table and key of `tenant.toml`, and the file that `example::write` refers to.
const SECRETS: [(&str, &str, &str); 6] = [
    ("secutix", "secret", "secutix.secret"),
    ("seal", "key", "seal.key"),
    ("apple", "certificate", "apple/pass.pem"),
    ("apple", "intermediate", "apple/intermediate.pem"),
    ("apple", "key", "apple/pass.key"),
    ("google", "account", "google.json"),
];

fn variable(table: &str, key: &str) -> String {
    format!("{}_{table}_{key}", example::TENANT)
}

impl Secrets {
    /// Takes them out of the tenant's folder, and makes the references variables.
    fn take(tenant: &Path) -> anyhow::Result<Self> {
        let file = tenant.join("tenant.toml");
        let mut document: DocumentMut = std::fs::read_to_string(&file)?.parse().context("tenant.toml")?;
        let mut secrets = Vec::new();
        for (table, key, name) in SECRETS {
            let path = tenant.join(name);
            secrets.push((name, std::fs::read_to_string(&path).with_context(|| path.display().to_string())?));
            std::fs::remove_file(&path)?;
            example::set(&mut document, table, key, &format!("variable:{}", variable(table, key)))?;
        }
        std::fs::write(&file, document.to_string())?;
        Ok(Self(secrets))
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }
}

fn variables(world: &Simulator, address: SocketAddr, secrets: &Secrets) -> Vec<(String, String)> {
    let addresses = world.addresses();
    let fixed = [
        ("public_url", format!("http://{address}")),
        ("plain_http", "true".to_owned()),
        ("sweep_token", SWEEP_TOKEN.to_owned()),
        // Twelve notifications take an edge longer than a server, since each is a request with a sweep behind it: with the 50 ms of the demo's
        // server they would not meet.
        ("debounce_ms", "250".to_owned()),
        ("removal_quiet_ms", "50".to_owned()),
        ("secutix_host", host(&addresses.secutix)),
        ("apple_push_host", host(&addresses.push)),
        ("google_api_host", host(&addresses.google_api)),
        ("google_token_host", host(&addresses.google_token)),
        ("google_keys_host", host(&addresses.google_keys)),
        ("webhook_host", host(&addresses.crm)),
        ("vibes_host", host(&addresses.vibes)),
    ];
    let secrets = SECRETS.iter().map(|(table, key, name)| (variable(table, key), secrets.get(name).to_owned()));
    fixed.into_iter().map(|(name, text)| (name.to_owned(), text)).chain(secrets).collect()
}

/// Scheme, host and port of an address.
fn host(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    format!("{scheme}://{}", rest.split('/').next().unwrap_or(rest))
}

/// A copy of the application: components beside the manifest, and the demo's tenants mounted instead of the example's.
fn application(manifest: &Path, written: &Written) -> anyhow::Result<()> {
    let folder = written.manifest.parent().unwrap_or(Path::new(""));
    let text = std::fs::read_to_string(manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let mut document: DocumentMut = text.parse().with_context(|| manifest.display().to_string())?;
    let home = manifest.parent().unwrap_or(Path::new(""));
    let edge = document.get_mut("component").and_then(|component| component.get_mut("edge"));
    let edge = edge.and_then(Item::as_table_mut).context("spin.toml has no component `edge`")?;
    copy_named(edge, "source", home, folder, "edge.wasm")?;
    let dependencies = edge.get_mut("dependencies").and_then(Item::as_table_mut).context("`edge` has no dependency")?;
    for (_, dependency) in dependencies.iter_mut() {
        let dependency = dependency.as_table_like_mut().context("a dependency without a path")?;
        copy_named(dependency, "path", home, folder, "connector.wasm")?;
    }
    let mut mount = toml_edit::InlineTable::new();
    mount.insert("source", "tenants".into());
    mount.insert("destination", "/tenants".into());
    edge.insert("files", value(toml_edit::Array::from_iter([mount])));
    edge.remove("build");
    plugins(&mut document, home, folder)?;
    std::fs::write(&written.manifest, document.to_string())?;
    Ok(())
}

/// Plugins in the tenants' folders become components of their own, each behind a private route: what an operator writes by hand (docs/spin.md).
fn plugins(document: &mut DocumentMut, home: &Path, folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder.join("tenants"))? {
        let tenant = entry?;
        let file = tenant.path().join(PLUGIN);
        if !file.is_file() {
            continue;
        }
        let name = format!("{}-plugin", tenant.file_name().to_string_lossy());
        let completed = complete(&std::fs::read(&file)?).with_context(|| file.display().to_string())?;
        std::fs::write(folder.join(&name).with_extension("wasm"), &completed)?;
        // What is mounted need not hold it.
        std::fs::remove_file(&file)?;
        let host = home.join(PLUGIN_HOST);
        std::fs::copy(&host, folder.join("plugin-host.wasm"))
            .with_context(|| format!("cannot copy {}: `cargo xtask build --spin` builds it", host.display()))?;
        let configuration = tenant.path().join("tenant.toml");
        let mut text: DocumentMut = std::fs::read_to_string(&configuration)?.parse().context("tenant.toml")?;
        let plugin = text.entry("plugin").or_insert_with(|| Item::Table(Table::new()));
        let plugin = plugin.as_table_mut().context("[plugin] is no table")?;
        plugin.insert("component", value(&name));
        plugin.insert("version", value(hex::encode(artefact::digest(&completed))));
        std::fs::write(&configuration, text.to_string())?;

        let mut dependency = toml_edit::InlineTable::new();
        dependency.insert("path", format!("{name}.wasm").into());
        let mut dependencies = Table::new();
        dependencies.insert("passerelle:tenant@0.1.0", value(dependency));
        let mut component = Table::new();
        component.insert("source", value("plugin-host.wasm"));
        component.insert("dependencies", Item::Table(dependencies));
        let components =
            document.get_mut("component").and_then(Item::as_table_mut).context("spin.toml: no component")?;
        components.insert(&name, Item::Table(component));
        let edge = components.get_mut("edge").and_then(|edge| edge.get_mut("allowed_outbound_hosts"));
        let allowed = edge.and_then(Item::as_array_mut).context("spin.toml: `edge` has no allowed_outbound_hosts")?;
        allowed.push(format!("http://{name}.spin.internal"));

        let mut private = toml_edit::InlineTable::new();
        private.insert("private", true.into());
        let mut trigger = Table::new();
        trigger.insert("route", value(private));
        trigger.insert("component", value(&name));
        let triggers = document.get_mut("trigger").and_then(|trigger| trigger.get_mut("http"));
        triggers.and_then(Item::as_array_of_tables_mut).context("spin.toml: no [[trigger.http]]")?.push(trigger);
    }
    Ok(())
}

/// Copies the file that `key` names and names the copy.
fn copy_named(
    table: &mut dyn toml_edit::TableLike,
    key: &str,
    home: &Path,
    folder: &Path,
    name: &str,
) -> anyhow::Result<()> {
    let path = table.get(key).and_then(Item::as_str).with_context(|| format!("spin.toml: no `{key}`"))?;
    let from = home.join(path);
    std::fs::copy(&from, folder.join(name))
        .with_context(|| format!("cannot copy {}: `cargo xtask build --spin` builds it", from.display()))?;
    table.insert(key, value(name));
    Ok(())
}

/// Names of the hosts of the simulated world, each once.
fn names(world: &Simulator) -> Vec<String> {
    let addresses = world.addresses();
    let all = [
        &addresses.secutix,
        &addresses.push,
        &addresses.google_api,
        &addresses.google_token,
        &addresses.crm,
        &addresses.vibes,
    ];
    let name = |address: &&String| {
        let host = host(address);
        let host = host.split_once("://").map_or(host.as_str(), |(_, host)| host);
        host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned()
    };
    all.iter().map(name).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// The simulated world is certified by an authority of its own, and its push service wants to see the pass's certificate.
fn runtime_configuration(folder: &Path, written: &Written, world: &Simulator, secrets: &Secrets) -> anyhow::Result<()> {
    // Spin is started from anywhere.
    let folder = std::path::absolute(folder)?;
    let tls = folder.join("tls");
    std::fs::create_dir_all(&tls)?;
    let chain = format!("{}\n{}", secrets.get("apple/pass.pem"), secrets.get("apple/intermediate.pem"));
    std::fs::write(tls.join("pass-chain.pem"), chain)?;
    example::secret(&tls, "pass.key", secrets.get("apple/pass.key"))?;
    // Spin tells hosts apart by their name alone, and all of these are this machine: the certificate is shown to who asks for one.
    let mut table = Table::new();
    table.insert("component_ids", value(toml_edit::Array::from_iter(["edge"])));
    table.insert("hosts", value(toml_edit::Array::from_iter(names(world))));
    table.insert("ca_roots_file", value(folder.join("authority.pem").display().to_string()));
    table.insert("client_cert_file", value(tls.join("pass-chain.pem").display().to_string()));
    table.insert("client_private_key_file", value(tls.join("pass.key").display().to_string()));
    let mut document = DocumentMut::new();
    document.insert("client_tls", Item::ArrayOfTables(toml_edit::ArrayOfTables::from_iter([table])));
    std::fs::write(&written.runtime_config, document.to_string())?;
    Ok(())
}
