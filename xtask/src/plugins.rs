//! The example plugins in other languages than Rust, as components: JavaScript and Python, each with an engine of its own inside.
//!
//! Owns how `target/plugin/crm-js.wasm` and `target/plugin/crm-python.wasm` come about, and that they need nothing of a host. Does not own what
//! they do, which `plugin/examples/cases` says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use wasmparser::Validator;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::TypesRef;

use crate::step::{self, Steps};
use crate::{component, installed, toolchain};

const EXAMPLES: &str = "plugin/examples";
const CONTRACT: &str = "wit/tenant";
const TARGET: &str = "target/plugin";
const TOOLS: &str = "target/plugin-tools";

/// Builds and checks those that have changed.
pub fn build(steps: &mut Steps) -> Result<()> {
    javascript(steps)?;
    python(steps)
}

/// By the script in its `package.json`, which is also what an author calls.
fn javascript(steps: &mut Steps) -> Result<()> {
    let args = ["run", "--silent", "build", "--", "--out"];
    let plugin = Plugin::read("crm-js", &["js", "json"], &args)?;
    if plugin.is_built() {
        return plugin.tell(steps, "unchanged");
    }
    let tools = step::root().join(TOOLS).join("js");
    installed::npm(steps, "the compiler of plugins in JavaScript", &plugin.source, &tools)?;
    toolchain::program(steps, &toolchain::NPM)?;
    let mut npm = Command::new("npm");
    npm.args(args).arg(plugin.unchecked()).current_dir(&plugin.source);
    // The script finds the compiler there, and leaves the example's folder without one.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::iter::once(tools.join("node_modules/.bin")).chain(std::env::split_paths(&path));
    npm.env("PATH", std::env::join_paths(programs)?);
    plugin.make(steps, npm)
}

fn python(steps: &mut Steps) -> Result<()> {
    let args = ["--quiet", "-d", "../../../wit/tenant", "-w", "tenant", "componentize", "--stub-wasi"];
    let app = ["-p", ".", "app", "-o"];
    let plugin = Plugin::read("crm-python", &["py", "txt"], &[&args[..], &app].concat())?;
    if plugin.is_built() {
        return plugin.tell(steps, "unchanged");
    }
    let tools = step::root().join(TOOLS).join("python");
    let what = "the compiler of plugins in Python";
    let programs = installed::pip(steps, what, &plugin.source, &tools, &["--require-hashes"])?;
    let mut componentize = Command::new(programs.join("componentize-py"));
    componentize.args(args).args(app).arg(plugin.unchecked()).current_dir(&plugin.source);
    // Otherwise it looks for packages in the Python of this machine.
    componentize.env("VIRTUAL_ENV", &tools);
    plugin.make(steps, componentize)
}

/// A plugin, and all that its artefact depends on. Neither compiler gives the same bytes twice, so only this tells whether to build again.
struct Plugin {
    name: &'static str,
    source: PathBuf,
    recipe: String,
}

impl Plugin {
    /// `kinds` are the extensions of the files that count: source, and what pins the compiler.
    fn read(name: &'static str, kinds: &[&str], args: &[&str]) -> Result<Self> {
        let root = step::root();
        let source = root.join(EXAMPLES).join(name);
        let mut recipe = format!("{}\n", args.join(" "));
        for file in files(&source, kinds)?.into_iter().chain(files(&root.join(CONTRACT), &["wit"])?) {
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let shown = file.strip_prefix(&root).unwrap_or(&file).display();
            write!(recipe, "--- {shown}\n{text}")?;
        }
        Ok(Self { name, source, recipe })
    }

    fn artefact(&self) -> PathBuf {
        step::root().join(TARGET).join(self.name).with_extension("wasm")
    }

    /// What the artefact was made from.
    fn mark(&self) -> PathBuf {
        self.artefact().with_extension("made-from")
    }

    fn unchecked(&self) -> PathBuf {
        self.artefact().with_extension("wasm.new")
    }

    fn is_built(&self) -> bool {
        self.artefact().exists() && std::fs::read_to_string(self.mark()).is_ok_and(|recipe| recipe == self.recipe)
    }

    /// Runs the compiler. What it makes takes the place of the artefact only once it is checked.
    fn make(&self, steps: &mut Steps, compiler: Command) -> Result<()> {
        std::fs::create_dir_all(step::root().join(TARGET))?;
        let began = Instant::now();
        steps.must(&format!("the plugin {}", self.name), compiler)?;
        let took = began.elapsed().as_secs_f32();
        let made = std::fs::read(self.unchecked()).with_context(|| self.unchecked().display().to_string())?;
        if let Some(import) = needs(&made)?.first() {
            bail!("the plugin {} imports `{import}`; it must import nothing", self.name);
        }
        std::fs::rename(self.unchecked(), self.artefact())?;
        std::fs::write(self.mark(), &self.recipe)?;
        self.tell(steps, &format!("built in {took:.0} s"))
    }

    fn tell(&self, steps: &Steps, news: &str) -> Result<()> {
        let artefact = std::fs::read(self.artefact())?;
        let imports = if component::imports(&artefact)?.is_empty() { "no imports" } else { "imports types only" };
        let size = artefact.len() as f64 / f64::from(1 << 20);
        steps.say(format_args!("{TARGET}/{}.wasm: {size:.1} MB, {imports}, {news}", self.name));
        Ok(())
    }
}

/// The files of a folder with one of these extensions, in the order of their names.
fn files(folder: &Path, kinds: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kinds.iter().any(|wanted| kind == *wanted)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The names of what a host would have to give. An imported interface that has types only asks for nothing: that is how a toolchain says which
/// types it means where a world does not export them itself.
fn needs(component: &[u8]) -> Result<Vec<String>> {
    let types = Validator::new().validate_all(component).context("it is no valid component")?;
    let asks = |name: &String| {
        types.as_ref().component_item_for_import(name).is_none_or(|item| !is_types_only(types.as_ref(), item.ty))
    };
    Ok(component::imports(component)?.into_iter().filter(asks).collect())
}

fn is_types_only(types: TypesRef<'_>, entity: ComponentEntityType) -> bool {
    match entity {
        // A resource is a type as well, but one that somebody has to give.
        ComponentEntityType::Type { referenced, .. } => !matches!(referenced, ComponentAnyTypeId::Resource(_)),
        ComponentEntityType::Instance(id) => {
            types.get(id).is_some_and(|instance| instance.exports.values().all(|item| is_types_only(types, item.ty)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, InstanceType};
    use wasm_encoder::{PrimitiveValType, TypeBounds};

    /// A component that imports one interface.
    fn importing(interface: &InstanceType) -> Vec<u8> {
        let mut types = ComponentTypeSection::new();
        types.instance(interface);
        let mut imports = ComponentImportSection::new();
        imports.import("passerelle:tenant/types@0.1.0", ComponentTypeRef::Instance(0));
        let mut component = Component::new();
        component.section(&types).section(&imports);
        component.finish()
    }

    fn interface(fill: impl FnOnce(&mut InstanceType)) -> InstanceType {
        let mut interface = InstanceType::new();
        interface.ty().defined_type().list(PrimitiveValType::U8);
        interface.export("bytes", ComponentTypeRef::Type(TypeBounds::Eq(0)));
        fill(&mut interface);
        interface
    }

    #[test]
    fn an_interface_of_types_is_no_need_but_a_function_or_a_resource_is_one() {
        let nothing: [String; 0] = [];
        assert_eq!(needs(&importing(&interface(|_| {}))).unwrap(), nothing);
        assert_eq!(needs(&Component::new().finish()).unwrap(), nothing);
        let function = interface(|interface| {
            interface.ty().function().async_(false).params([("at", PrimitiveValType::U64)]).result(None);
            interface.export("sleep", ComponentTypeRef::Func(2));
        });
        let resource = interface(|interface| {
            interface.export("secret", ComponentTypeRef::Type(TypeBounds::SubResource));
        });
        for needy in [function, resource] {
            assert_eq!(needs(&importing(&needy)).unwrap(), ["passerelle:tenant/types@0.1.0"]);
        }
        assert!(needs(b"\0asm\x01\0\0\0").is_err(), "a core module");
    }

    #[test]
    fn what_a_plugin_is_made_from_names_its_source_its_compiler_and_the_contract_and_nothing_of_this_machine() {
        for (name, kinds, wanted) in [
            ("crm-js", ["js", "json"], ["plugin.js", "package-lock.json"]),
            ("crm-python", ["py", "txt"], ["app.py", "requirements.txt"]),
        ] {
            let Plugin { recipe, .. } = Plugin::read(name, &kinds, &["--out"]).unwrap();
            for file in wanted {
                assert!(recipe.contains(&format!("--- plugin/examples/{name}/{file}\n")), "{file}");
            }
            assert!(recipe.contains("--- wit/tenant/tenant.wit\n"));
            assert!(!recipe.contains(&step::root().display().to_string()));
        }
    }
}
