//! A component and its dependencies become one component, by plugging the exports of these into the imports of that.
//!
//! As in Spin: a dependency's name selects imports, each must be met by exactly one dependency, and what a dependency imports itself is
//! left open only where it inherits configuration. Spin closes the other case with an adapter that denies everything; this host refuses it,
//! and a dependency that imports nothing passes untouched either way.

use std::collections::BTreeMap;

use wac_graph::types::{Package, SubtypeChecker};
use wac_graph::{CompositionGraph, NodeId};

use crate::manifest::DependencyName;

/// One line of `[component.X.dependencies]`, with its file read.
#[derive(Debug)]
pub struct Plug {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Under which name the dependency exports what the component imports; by default the same.
    pub export: Option<String>,
    pub inherits: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("dependency `{0}` matches no import")]
    Useless(String),
    #[error("import `{import}` is met by more than one dependency: {}", .names.join(", "))]
    Twice { import: String, names: Vec<String> },
    #[error("dependency `{name}` does not export `{export}`")]
    NoExport { name: String, export: String },
    #[error("dependency `{name}` exports `{export}` with another type than the component imports")]
    Type { name: String, export: String, source: anyhow::Error },
    #[error("dependency `{name}` imports {}, and inherits no configuration", .imports.join(", "))]
    Imports { name: String, imports: Vec<String> },
    #[error("`{name}` cannot be composed")]
    Graph { name: String, source: anyhow::Error },
}

/// Which dependency meets which import.
pub fn matches<'a>(imports: &'a [String], plugs: &'a [Plug]) -> Result<BTreeMap<&'a str, &'a Plug>, ComposeError> {
    let mut met: BTreeMap<&str, Vec<&Plug>> = BTreeMap::new();
    for plug in plugs {
        let Ok(name) = plug.name.parse::<DependencyName>() else {
            return Err(ComposeError::Useless(plug.name.clone()));
        };
        let before = met.values().map(Vec::len).sum::<usize>();
        for import in imports.iter().filter(|import| name.matches(import)) {
            met.entry(import).or_default().push(plug);
        }
        if met.values().map(Vec::len).sum::<usize>() == before {
            return Err(ComposeError::Useless(plug.name.clone()));
        }
    }
    let single = |(import, plugs): (&'a str, Vec<&'a Plug>)| match plugs.as_slice() {
        [plug] => Ok((import, *plug)),
        _ => Err(ComposeError::Twice {
            import: import.to_owned(),
            names: plugs.iter().map(|plug| plug.name.clone()).collect(),
        }),
    };
    met.into_iter().map(single).collect()
}

pub fn compose(id: &str, component: Vec<u8>, plugs: &[Plug]) -> Result<Vec<u8>, ComposeError> {
    if plugs.is_empty() {
        return Ok(component);
    }
    let mut graph = CompositionGraph::new();
    let socket = Instance::new(&mut graph, id, component)?;
    let imports: Vec<String> = graph.types()[socket.world].imports.keys().cloned().collect();
    let mut instances: BTreeMap<&str, Instance> = BTreeMap::new();
    for (import, plug) in matches(&imports, plugs)? {
        if !instances.contains_key(plug.name.as_str()) {
            let instance = Instance::new(&mut graph, &plug.name, plug.bytes.clone())?;
            let own: Vec<String> = graph.types()[instance.world].imports.keys().cloned().collect();
            if !plug.inherits && !own.is_empty() {
                return Err(ComposeError::Imports { name: plug.name.clone(), imports: own });
            }
            instances.insert(&plug.name, instance);
        }
        let Some(instance) = instances.get(plug.name.as_str()) else { continue };
        connect(&mut graph, &socket, import, instance, plug)?;
    }
    let exports: Vec<String> = graph.types()[socket.world].exports.keys().cloned().collect();
    for export in exports {
        let node = graph.alias_instance_export(socket.node, &export).map_err(failed(id))?;
        graph.export(node, &export).map_err(failed(id))?;
    }
    graph.encode(Default::default()).map_err(failed(id))
}

struct Instance {
    node: NodeId,
    world: wac_graph::types::WorldId,
}

impl Instance {
    fn new(graph: &mut CompositionGraph, name: &str, bytes: Vec<u8>) -> Result<Self, ComposeError> {
        // Names of packages are for people only here, but must be unique within the graph.
        let package = Package::from_bytes(name, None, bytes, graph.types_mut()).map_err(failed(name))?;
        let world = package.ty();
        let package = graph.register_package(package).map_err(failed(name))?;
        Ok(Self { node: graph.instantiate(package), world })
    }
}

fn connect(
    graph: &mut CompositionGraph,
    socket: &Instance,
    import: &str,
    instance: &Instance,
    plug: &Plug,
) -> Result<(), ComposeError> {
    let export = plug.export.as_deref().unwrap_or(import);
    let types = graph.types();
    let (Some(given), Some(wanted)) =
        (types[instance.world].exports.get(export), types[socket.world].imports.get(import))
    else {
        return Err(ComposeError::NoExport { name: plug.name.clone(), export: export.to_owned() });
    };
    SubtypeChecker::new(&mut Default::default())
        .is_subtype(*given, types, *wanted, types)
        .map_err(|source| ComposeError::Type { name: plug.name.clone(), export: export.to_owned(), source })?;
    let node = graph.alias_instance_export(instance.node, export).map_err(failed(&plug.name))?;
    graph.set_instantiation_argument(socket.node, import, node).map_err(failed(&plug.name))
}

fn failed<E: Into<anyhow::Error>>(name: &str) -> impl FnOnce(E) -> ComposeError + use<'_, E> {
    move |source| ComposeError::Graph { name: name.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plug(name: &str) -> Plug {
        Plug { name: name.to_owned(), bytes: Vec::new(), export: None, inherits: false }
    }

    fn met(imports: &[&str], names: &[&str]) -> Result<Vec<(String, String)>, ComposeError> {
        let imports: Vec<String> = imports.iter().map(|import| (*import).to_owned()).collect();
        let plugs: Vec<Plug> = names.iter().map(|name| plug(name)).collect();
        let met = matches(&imports, &plugs)?;
        Ok(met.into_iter().map(|(import, plug)| (import.to_owned(), plug.name.clone())).collect())
    }

    #[test]
    fn a_package_stands_for_all_its_interfaces_and_an_interface_for_itself() {
        let imports = ["a:b/x@0.1.0", "a:b/y@0.1.0", "a:c/x@0.1.0", "plain"];
        for (name, hits) in [
            ("a:b", vec![0, 1]),
            ("a:b@0.1.0", vec![0, 1]),
            ("a:b/y", vec![1]),
            ("a:b/y@0.1.0", vec![1]),
            ("plain", vec![3]),
        ] {
            let met: Vec<String> = met(&imports, &[name]).unwrap().into_iter().map(|(import, _)| import).collect();
            assert_eq!(met, hits.into_iter().map(|index: usize| imports[index]).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn a_dependency_that_meets_nothing_is_an_error_and_so_are_two_for_one_import() {
        for name in ["a:b@0.2.0", "a:b/z", "c:d"] {
            assert!(matches!(met(&["a:b/x@0.1.0"], &[name]), Err(ComposeError::Useless(_))), "{name}");
        }
        assert!(matches!(met(&["a:b/x@0.1.0"], &["a:b", "a:b/x"]), Err(ComposeError::Twice { .. })));
    }
}
