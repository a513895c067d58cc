//! A tenant's plugin, as far as it can be told without calling it.

use std::path::Path;

use passerelle_flow::identity::TenantId;
use passerelle_flow::tenant::load::Loaded;
use passerelle_sandbox::artefact;

use super::{Finding, State, Subject, good, warning};
use crate::config::Tenants;
use crate::plugins::folder::PluginFolder;
use crate::plugins::machine_code::Standing;
use crate::server;

/// Its plugin, if there is one: loaded, which takes some seconds for an interpreter's, and never called. One that a server was not able to compile is not
/// tried here, where nothing limits it.
pub fn plugin(tenants: &Tenants, id: &TenantId, loaded: Option<&Loaded>, compiled: &Path) -> Option<Finding> {
    let subject = Subject::Plugin;
    let folder = PluginFolder::of(tenants.folder(), id);
    let wasm = match folder.read(passerelle_sandbox::SIZE) {
        Ok(wasm) => wasm?,
        Err(error) => return Some(Finding { subject, state: State::Bad, says: error.to_string(), remedy: None }),
    };
    let examined = server::engine(None).and_then(|engine| {
        // The folder may be another account's, which is no finding: the server is who reads it.
        let standing = Standing::of(&engine, compiled, artefact::digest(&wasm)).ok();
        if let Some(Standing::Refused(why)) = standing {
            anyhow::bail!(why);
        }
        Ok((passerelle_sandbox::Plugin::load(&engine, &wasm)?, standing))
    });
    let (component, standing) = match examined {
        Ok(examined) => examined,
        Err(error) => {
            let remedy = Some("passerelle plugin build makes one that may run; passerelle plugin rollback brings the one before it back".to_owned());
            return Some(Finding { subject, state: State::Bad, says: format!("plugin.wasm: {error:#}"), remedy });
        }
    };
    let hooks: Vec<_> = component.hooks().into_iter().map(|hook| hook.name()).collect();
    let standing = standing.map(|standing| format!("; machine code: {standing}")).unwrap_or_default();
    let says = format!("plugin.wasm has {}{standing}", hooks.join(", "));
    match loaded {
        Some(loaded) if loaded.tenant.plugin.allow.is_empty() => {
            let remedy = "where it is to send something, name the address in [plugin] allow".to_owned();
            Some(warning(subject, format!("{says}; it may call nobody"), remedy))
        }
        _ => Some(good(subject, says)),
    }
}
