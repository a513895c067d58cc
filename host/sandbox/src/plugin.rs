//! A tenant's plugin in its sandbox: each call in a fresh instance, under the tenant's limits.
//!
//! Owns which hooks a component has, and the call. Does not own what a hook is called about, nor where the bytes come from. Every hook is optional: an
//! export that is not there is none, one of another shape is refused when the plugin is loaded, so that a call never finds out.

use std::collections::{BTreeMap, BTreeSet};

use passerelle_flow::plugin::Digest;
use passerelle_flow::plugin::hook::{Event, Hook, HookCall, Returned, Turn};
use passerelle_flow::plugin::setup::PluginLimits;
use passerelle_flow::ports::SandboxFailure;
use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentNamedList, InstancePre, Lift, Lower};

use super::artefact::Artefact;
use super::bindings::tenant;
use super::convert::Cross;
use super::fault::of_instantiation;
use super::load::{self, Imports, LoadError};
use super::meter::{Limits, Meter};
use super::runtime::Engine;
use super::turns::{Caller, Share};

/// The package of the hooks, as exports name it.
const PACKAGE: &str = "passerelle:tenant/";
/// Versions of it that are called alike: types are compared, and within 0.1 none may change.
const VERSION: &str = "0.1.";

/// A loaded plugin. Cheap to share, ready for any number of calls.
pub struct Plugin {
    engine: Engine,
    component: InstancePre<Meter>,
    exports: Exports,
    digest: Digest,
    share: Share,
}

/// Where each hook's function is; none: the component has no such hook.
struct Exports {
    choose: Option<tenant::choose_template::GuestIndices>,
    shape: Option<tenant::shape_payload::GuestIndices>,
    installed: Option<tenant::on_pass_installed::GuestIndices>,
    uninstalled: Option<tenant::on_pass_uninstalled::GuestIndices>,
    order: Option<tenant::on_order_changed::GuestIndices>,
}

impl Plugin {
    /// Compiles in this process: for tools, and tests. A server compiles in another one ([`super::artefact`]).
    pub fn load(engine: &Engine, wasm: &[u8]) -> Result<Self, LoadError> {
        let component = load::load(engine, wasm, Imports::TypesOnly)?;
        Self::of(engine, component, super::artefact::digest(wasm))
    }

    /// Loads what this host has compiled.
    pub fn load_compiled(engine: &Engine, artefact: &Artefact) -> Result<Self, LoadError> {
        let component: Component = artefact.open(engine)?;
        Self::of(engine, load::link(engine, &component, Imports::TypesOnly)?, artefact.build())
    }

    fn of(engine: &Engine, component: InstancePre<Meter>, digest: Digest) -> Result<Self, LoadError> {
        let present = hooks(engine, component.component())?;
        let exports = Exports::of(&component, &present)?;
        Ok(Self { engine: engine.clone(), component, exports, digest, share: engine.share() })
    }

    /// The build that takes another one's place: calls of both, while there are any, share the turns of one.
    #[must_use]
    pub fn in_place_of(self, earlier: &Self) -> Self {
        Self { share: earlier.share.clone(), ..self }
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn hooks(&self) -> BTreeSet<Hook> {
        Hook::ALL.into_iter().filter(|hook| self.exports.has(*hook)).collect()
    }

    /// One call of one hook. A hook that is not there answers with the default.
    pub async fn call(&self, limits: &PluginLimits, call: HookCall) -> Result<Returned, SandboxFailure> {
        self.measured(limits, call).await.0
    }

    /// The same, and the bytes of memory that the call had at its end.
    pub async fn measured(&self, limits: &PluginLimits, call: HookCall) -> (Result<Returned, SandboxFailure>, usize) {
        let HookCall { call, event } = call;
        let call = call.cross();
        let limits = Limits::of(limits);
        /// The five differ in the types that their generated parts have, and in nothing else.
        macro_rules! called {
            ($hook:ident, $function:ident, $event:expr, else $default:expr) => {{
                let Some(hook) = &self.exports.$hook else { return (Ok(Ok($default)), 0) };
                let event = $event.cross();
                let guest = async |store: &mut Store<Meter>| {
                    let guest = self.component.instantiate_async(&mut *store).await.map_err(of_instantiation)?;
                    hook.load(&mut *store, &guest)?.$function(store, &call, &event).await
                };
                let (answer, memory) = self.engine.measured(Caller::Plugin(&self.share), &limits, guest).await;
                (answer.map(|answer| answer.cross().map(Turn::from)), memory)
            }};
        }
        match event {
            Event::ChooseTemplate(event) => called!(choose, call_choose, event, else Turn::Default),
            Event::ShapePayload(event) => called!(shape, call_shape, event, else Turn::Default),
            Event::OnPassInstalled(event) => called!(installed, call_notify, event, else Turn::Deliver(vec![])),
            Event::OnPassUninstalled(event) => called!(uninstalled, call_notify, event, else Turn::Deliver(vec![])),
            Event::OnOrderChanged(event) => called!(order, call_notify, event, else Turn::Deliver(vec![])),
        }
    }
}

impl Exports {
    fn of(component: &InstancePre<Meter>, present: &BTreeMap<Hook, String>) -> Result<Self, LoadError> {
        use tenant::types::{Call, Fault, Turn};
        use tenant::{choose_template, on_order_changed, on_pass_installed, on_pass_uninstalled, shape_payload};

        let probe = Probe { component, present };
        let exports = Self {
            choose: probe.hook::<_, (&Call, &choose_template::Candidate), (Result<choose_template::Choice, Fault>,)>(
                Hook::ChooseTemplate,
                "choose",
                choose_template::GuestIndices::new,
            )?,
            shape: probe.hook::<_, (&Call, &shape_payload::Subject), (Result<shape_payload::Shaping, Fault>,)>(
                Hook::ShapePayload,
                "shape",
                shape_payload::GuestIndices::new,
            )?,
            installed: probe.hook::<_, (&Call, &on_pass_installed::Installed), (Result<Turn, Fault>,)>(
                Hook::OnPassInstalled,
                "notify",
                on_pass_installed::GuestIndices::new,
            )?,
            uninstalled: probe.hook::<_, (&Call, &on_pass_uninstalled::Uninstalled), (Result<Turn, Fault>,)>(
                Hook::OnPassUninstalled,
                "notify",
                on_pass_uninstalled::GuestIndices::new,
            )?,
            order: probe.hook::<_, (&Call, &on_order_changed::OrderChanged), (Result<Turn, Fault>,)>(
                Hook::OnOrderChanged,
                "notify",
                on_order_changed::GuestIndices::new,
            )?,
        };
        if present.is_empty() { Err(LoadError::NoHook) } else { Ok(exports) }
    }

    fn has(&self, hook: Hook) -> bool {
        match hook {
            Hook::ChooseTemplate => self.choose.is_some(),
            Hook::ShapePayload => self.shape.is_some(),
            Hook::OnPassInstalled => self.installed.is_some(),
            Hook::OnPassUninstalled => self.uninstalled.is_some(),
            Hook::OnOrderChanged => self.order.is_some(),
        }
    }
}

/// Looks a hook's function up, and compares its type with the contract's.
struct Probe<'a> {
    component: &'a InstancePre<Meter>,
    /// The hooks that the component says it has, and the name of each export.
    present: &'a BTreeMap<Hook, String>,
}

impl Probe<'_> {
    fn hook<T, P, R>(
        &self,
        hook: Hook,
        function: &str,
        find: impl Fn(&InstancePre<Meter>) -> wasmtime::Result<T>,
    ) -> Result<Option<T>, LoadError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let Some(export) = self.present.get(&hook) else { return Ok(None) };
        let found = find(self.component).and_then(|found| self.typed::<P, R>(export, function).map(|()| found));
        found.map(Some).map_err(|why| LoadError::Hook { hook: hook.name(), why })
    }

    /// For functions of interfaces the generated bindings compare types when an instance is called, which is too late for whoever installs a plugin.
    /// For functions of worlds they do it like this.
    fn typed<P, R>(&self, export: &str, function: &str) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let component = self.component.component();
        let interface = component.get_export_index(None, export);
        match interface.and_then(|interface| component.get_export(Some(&interface), function)) {
            Some((ComponentItem::ComponentFunc(it), _)) => it.typecheck::<P, R>(&self.component.instance_type()),
            _ => wasmtime::bail!("`{function}` is no function of it"),
        }
    }
}

/// The hooks that a component says it has, and the names by which it says so. Exports of other packages are its own affair: some toolchains add theirs.
fn hooks(engine: &Engine, component: &Component) -> Result<BTreeMap<Hook, String>, LoadError> {
    let mut hooks = BTreeMap::new();
    for (name, _) in component.component_type().exports(engine.wasmtime()) {
        let Some(rest) = name.strip_prefix(PACKAGE) else { continue };
        let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
        // One before a release (`0.1.0-rc.1`) is like no other.
        if !version.starts_with(VERSION) || version.contains('-') {
            return Err(LoadError::Version(name.to_owned()));
        }
        match Hook::parse(interface) {
            Some(hook) => _ = hooks.insert(hook, name.to_owned()),
            None if interface == "types" => {}
            None => return Err(LoadError::UnknownHook(name.to_owned())),
        }
    }
    Ok(hooks)
}
