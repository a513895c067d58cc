//! The example tenant, set up against a simulator: what the demo runs, what `passerelle simulate` writes, what the tests start from.
//!
//! Owns the embedded copy of `examples/tenants/demo` and the few lines that are rewritten in it (addresses, names, references). Everything
//! else stays as the example has it, so that the demo shows what a new user copies.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use include_dir::{Dir, include_dir};
use passerelle_flow::access::Environment;
use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::{Clock as _, Random as _};
use passerelle_simulator::Simulator;
use toml_edit::{DocumentMut, value};

use crate::host::{ServerClock, SystemRandom};
use crate::keys;

static EXAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/tenants/demo");

/// The example's name, and so the segment of its paths.
pub const TENANT: &str = "demo";

/// First words of a `passerelle.toml` that was written here, and so the mark of a folder whose database holds nothing real.
const MARK: &str = "# Written for a trial against the simulator";
/// What API keys of such a server begin with.
const ENVIRONMENT: &str = "demo";
/// `store.path` of a configuration that does not say otherwise.
const STORE: &str = "passerelle.sqlite";

/// Writes `passerelle.toml`, `tenants/demo` and its secrets into `folder`, for a server that listens at `listen` and talks to `world`.
/// Returns the path of `passerelle.toml`. The folder of an earlier world loses its database: that world is gone with its simulator, its
/// numbers begin again in the new one, and its seal key is replaced.
pub fn write(folder: &Path, world: &Simulator, listen: SocketAddr) -> anyhow::Result<PathBuf> {
    forget_the_world_before(folder)?;
    let tenant = folder.join("tenants").join(TENANT);
    std::fs::create_dir_all(&tenant).with_context(|| format!("cannot make {}", tenant.display()))?;
    EXAMPLE.extract(&tenant).context("the example tenant cannot be written")?;

    let file = tenant.join("tenant.toml");
    let text = std::fs::read_to_string(&file).context("the example has no tenant.toml")?;
    let mut document: DocumentMut = text.parse().context("the example's tenant.toml is not TOML")?;
    let credentials = world.credentials();
    let addresses = world.addresses();
    for (table, key, text) in [
        ("secutix", "url", addresses.secutix.as_str()),
        ("secutix", "institution", &credentials.institution),
        ("secutix", "operator", &credentials.operator),
        ("secutix", "partner", &credentials.partner),
        ("secutix", "secret", "file:secutix.secret"),
        ("seal", "key", "file:seal.key"),
        ("apple", "pass_type", world.pass_type()),
        ("apple", "team", world.team()),
        ("apple", "certificate", "file:apple/pass.pem"),
        ("apple", "intermediate", "file:apple/intermediate.pem"),
        ("apple", "key", "file:apple/pass.key"),
        ("apple", "push_url", &addresses.push),
        ("google", "issuer", world.google_issuer()),
        ("google", "account", "file:google.json"),
        ("google", "api_url", &addresses.google_api),
        ("google", "token_url", &addresses.google_token),
        ("google", "save_url", &addresses.google_save),
        ("google", "keys_url", &addresses.google_keys),
    ] {
        set(&mut document, table, key, text)?;
    }
    document.insert("vibes", toml_edit::Item::Table(vibes(world)));
    std::fs::write(&file, document.to_string())?;

    let vibes = world.vibes();
    secret(&tenant, "vibes.password", vibes.password())?;
    secret(&tenant, "vibes.path", &hex::encode(SystemRandom.bytes::<32>()))?;
    let pass = world.pass_certificate();
    secret(&tenant, "secutix.secret", &credentials.secret)?;
    secret(&tenant, "seal.key", &base64::engine::general_purpose::STANDARD.encode(SystemRandom.bytes::<32>()))?;
    secret(&tenant, "apple/pass.pem", &pass.certificate_pem)?;
    secret(&tenant, "apple/intermediate.pem", &world.authority().intermediate_pem())?;
    secret(&tenant, "apple/pass.key", &pass.key_pem)?;
    secret(&tenant, "google.json", &world.service_account().json())?;
    std::fs::write(folder.join("authority.pem"), world.authority().root_pem())?;

    let config = folder.join("passerelle.toml");
    std::fs::write(&config, server_toml(listen))?;
    Ok(config)
}

/// The example has this table in comments: not every venue is at Vibes.
fn vibes(world: &Simulator) -> toml_edit::Table {
    let vibes = world.vibes();
    let mut table = toml_edit::Table::new();
    for (key, text) in [
        ("url", vibes.url().as_str()),
        ("company", vibes.company()),
        ("username", vibes.username()),
        ("password", "file:vibes.password"),
        ("path_secret", "file:vibes.path"),
    ] {
        table.insert(key, value(text));
    }
    table.insert("campaigns", value(vibes.campaigns().iter().map(String::as_str).collect::<toml_edit::Array>()));
    table
}

/// Switches on what goes back to SecuTix, in a folder that [`write`] has filled: installation status, and PRINTED.
pub fn report_back(folder: &Path, world: &Simulator) -> anyhow::Result<()> {
    let file = folder.join("tenants").join(TENANT).join("tenant.toml");
    let mut document: DocumentMut = std::fs::read_to_string(&file)?.parse().context("tenant.toml")?;
    let secutix = document.get_mut("secutix").and_then(toml_edit::Item::as_table_mut);
    let secutix = secutix.context("the example has no [secutix]")?;
    secutix.insert("persist_installation_status", value(true));
    let mut printing = toml_edit::Table::new();
    printing.insert("way", value("external-printing"));
    printing.insert("url", value(world.secutix().external_printing_url()));
    secutix.insert("printing", toml_edit::Item::Table(printing));
    std::fs::write(&file, document.to_string())?;
    Ok(())
}

/// Switches off what [`report_back`] has switched on.
pub fn report_nothing(folder: &Path) -> anyhow::Result<()> {
    let file = folder.join("tenants").join(TENANT).join("tenant.toml");
    let mut document: DocumentMut = std::fs::read_to_string(&file)?.parse().context("tenant.toml")?;
    let secutix = document.get_mut("secutix").and_then(toml_edit::Item::as_table_mut);
    let secutix = secutix.context("the example has no [secutix]")?;
    secutix.remove("persist_installation_status");
    secutix.remove("printing");
    std::fs::write(&file, document.to_string())?;
    Ok(())
}

/// The example's template for those whom a plugin chooses it for.
pub const PLUGIN_TEMPLATE: &str = "vip";

/// What the example plugin is to the CRM, and the product that it gives [`PLUGIN_TEMPLATE`] to.
pub struct PluginClient<'a> {
    pub id: &'a str,
    pub secret: &'a str,
    pub product: &'a str,
}

/// Lets the example plugin of a tenant call the simulated CRM: `[plugin]` in the tenant's folder, as an operator would write it.
pub fn let_plugin_call(tenant: &Path, world: &Simulator, client: &PluginClient<'_>) -> anyhow::Result<()> {
    const SECRET: &str = "crm.secret";
    let file = tenant.join("tenant.toml");
    let mut document: DocumentMut = std::fs::read_to_string(&file)?.parse().context("tenant.toml")?;
    let api = world.crm().api();
    let hosts = || value(toml_edit::Array::from_iter([api.url()]));
    let mut settings = toml_edit::Table::new();
    for (key, text) in [("crm", api.url()), ("vip_products", client.product), ("vip_template", PLUGIN_TEMPLATE)] {
        settings.insert(key, value(text));
    }
    let mut credential = toml_edit::Table::new();
    credential.insert("kind", value("oauth2"));
    credential.insert("hosts", hosts());
    credential.insert("secret", value(format!("file:{SECRET}")));
    credential.insert("token_url", value(api.token_url()));
    credential.insert("client_id", value(client.id));
    let mut credentials = toml_edit::Table::new();
    credentials.set_implicit(true);
    credentials.insert("crm", toml_edit::Item::Table(credential));
    let mut plugin = toml_edit::Table::new();
    plugin.insert("allow", hosts());
    plugin.insert("settings", toml_edit::Item::Table(settings));
    plugin.insert("credentials", toml_edit::Item::Table(credentials));
    document.insert("plugin", toml_edit::Item::Table(plugin));
    secret(tenant, SECRET, client.secret)?;
    std::fs::write(&file, document.to_string())?;
    Ok(())
}

/// The product that the plugin which `passerelle simulate` expects gives [`PLUGIN_TEMPLATE`] to.
const SIMULATED: PluginClient<'static> = PluginClient { id: "plugin", secret: "", product: "CARMEN" };

/// What a person who tries things out needs beside [`write`]: a plugin may call the CRM, which knows its client, and the shop of the simulated
/// institution has an API key of the server, so that one call sells a ticket and puts it on a phone.
pub fn let_plugins_and_shop_in(folder: &Path, world: &Simulator) -> anyhow::Result<()> {
    let tenant = folder.join("tenants").join(TENANT);
    let secret = base64::engine::general_purpose::STANDARD.encode(SystemRandom.bytes::<32>());
    let client = PluginClient { secret: &secret, ..SIMULATED };
    world.crm().api().register(client.id, client.secret);
    let_plugin_call(&tenant, world, &client)?;

    let new = keys::NewKey {
        environment: Environment::parse(ENVIRONMENT)?,
        tenant: TenantId::parse(TENANT)?,
        scopes: &["Pass.Read".to_owned()],
        label: "the simulated shop",
        expires: None,
    };
    let (key, table) = keys::print(&SystemRandom, ServerClock::default().now(), new)?;
    let file = tenant.join("tenant.toml");
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, format!("{text}\n{table}"))?;
    world.secutix().shop_asks_with(&key);
    Ok(())
}

fn forget_the_world_before(folder: &Path) -> anyhow::Result<()> {
    let written = std::fs::read_to_string(folder.join("passerelle.toml")).unwrap_or_default();
    if !written.starts_with(MARK) {
        return Ok(());
    }
    for suffix in ["", "-wal", "-shm"] {
        let path = folder.join(format!("{STORE}{suffix}"));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Replaces a value and keeps the comments around it.
pub(crate) fn set(document: &mut DocumentMut, table: &str, key: &str, text: &str) -> anyhow::Result<()> {
    let table = document
        .get_mut(table)
        .and_then(toml_edit::Item::as_table_mut)
        .with_context(|| format!("the example has no [{table}]"))?;
    match table.get_mut(key).and_then(toml_edit::Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = text.into();
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, value(text));
        }
    }
    Ok(())
}

/// A file for its owner alone.
pub(crate) fn secret(tenant: &Path, name: &str, content: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = tenant.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    // Only for its owner, from the first byte on.
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(content.as_bytes())?;
    Ok(())
}

fn server_toml(listen: SocketAddr) -> String {
    format!(
        "{MARK}: everything on this machine, nothing of it for production.\n\
         [server]\n\
         listen = \"{listen}\"\n\
         public_url = \"http://{listen}\"\n\
         environment = \"{ENVIRONMENT}\"\n\
         \n\
         [egress]\n\
         # The simulator lives on this machine and is certified by an authority that was made for it.\n\
         allow = [\"127.0.0.0/8\"]\n\
         plain_http = true\n\
         extra_roots = [\"file:authority.pem\"]\n\
         \n\
         [worker]\n\
         # A demo is watched: half a second of waiting for more notifications would be most of what is seen.\n\
         debounce_ms = 50\n\
         # Nor is a removal waited for as long as a person takes to change their mind.\n\
         removal_quiet_ms = 50\n"
    )
}
