//! `files` and `exclude_files`: what of the application's folder a component can read.
//!
//! Two ways, as in Spin. Copied (the default): all that is listed is copied once, at start, into one folder that the component sees as `/`.
//! Direct (`--direct-mounts`): the folders themselves, each under its destination, so that a change is seen at once; then only folders can
//! be listed and nothing excluded. Always read-only.

use std::path::{Component as Step, Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::manifest::{Component, Either, Placement};

/// A folder of this machine, and where the component sees it.
#[derive(Debug, Clone)]
pub struct Mount {
    pub folder: PathBuf,
    pub destination: String,
}

/// The folders themselves.
pub fn direct(root: &Path, component: &Component) -> anyhow::Result<Vec<Mount>> {
    ensure!(component.exclude_files.is_empty(), "--direct-mounts and exclude_files exclude each other");
    let mounts = component.files.iter().map(|listed| {
        let (source, destination) = match listed {
            Either::Text(path) => (path, path),
            Either::Table(placement) => (&placement.source, &placement.destination),
        };
        let folder = root.join(source);
        ensure!(folder.is_dir(), "with --direct-mounts only folders can be mounted, and `{source}` is none");
        Ok(Mount { folder, destination: destination.clone() })
    });
    mounts.collect()
}

/// Copies into `folder`, which becomes `/`.
pub fn copied(root: &Path, component: &Component, folder: PathBuf) -> anyhow::Result<Vec<Mount>> {
    if component.files.is_empty() {
        return Ok(Vec::new());
    }
    std::fs::create_dir_all(&folder)?;
    let excluded =
        component.exclude_files.iter().map(|text| glob::Pattern::new(text)).collect::<Result<Vec<_>, _>>()?;
    for listed in &component.files {
        let (Either::Text(text) | Either::Table(Placement { source: text, .. })) = listed;
        // A file that is named by itself is meant, whatever the exclusions say; Spin does the same.
        let named = root.join(text).is_file();
        for (source, destination) in selected(root, listed)? {
            let inside = source
                .strip_prefix(root)
                .with_context(|| format!("{} is outside of the application", source.display()))?;
            if !named && excluded.iter().any(|pattern| pattern.matches_path(inside)) {
                continue;
            }
            ensure!(
                destination.components().all(|step| matches!(step, Step::Normal(_))),
                "{} would leave the component's own tree",
                destination.display()
            );
            let target = folder.join(destination);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::copy(&source, &target).with_context(|| format!("{} cannot be copied", source.display()))?;
        }
    }
    Ok(vec![Mount { folder, destination: "/".to_owned() }])
}

/// The files that one entry means, each with its place below `/`.
pub fn selected(root: &Path, listed: &Either<Placement>) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let placed = |source: PathBuf, base: &Path, destination: &Path| {
        let relative = source.strip_prefix(base).map(|relative| destination.join(relative));
        relative.map(|place| (source, place)).map_err(anyhow::Error::from)
    };
    match listed {
        Either::Text(text) => {
            let path = root.join(text);
            if path.is_file() {
                return Ok(vec![(path, PathBuf::from(text))]);
            }
            let pattern = if path.is_dir() {
                path.join("**/*")
            } else if text.contains(['*', '?', '[']) {
                path
            } else {
                bail!("`{text}` does not exist and is no pattern");
            };
            matching(&pattern)?.into_iter().map(|source| placed(source, root, Path::new(""))).collect()
        }
        Either::Table(placement) => {
            let path = root.join(&placement.source);
            let destination = PathBuf::from(placement.destination.trim_start_matches('/'));
            if path.is_file() {
                return Ok(vec![(path, destination)]);
            }
            ensure!(path.is_dir(), "`{}` does not exist", placement.source);
            matching(&path.join("**/*"))?.into_iter().map(|source| placed(source, &path, &destination)).collect()
        }
    }
}

fn matching(pattern: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let text = pattern.to_str().context("a pattern that is not UTF-8")?;
    let mut found = Vec::new();
    for path in glob::glob(text)? {
        let path = path?;
        if path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    /// What a component with these keys sees below `/`.
    fn seen(keys: &str) -> Result<Vec<String>, String> {
        let root = tempfile::tempdir().unwrap();
        for path in ["a/one.txt", "a/b/two.txt", "a/secret.key", "three.txt"] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let text = format!(
            "spin_manifest_version = 2\napplication = {{ name = \"a\" }}\ntrigger.http = []\n[component.c]\nsource = \"c\"\n{keys}"
        );
        let manifest = Manifest::parse(&text).unwrap();
        let copies = tempfile::tempdir().unwrap();
        let mounts = copied(root.path(), &manifest.component["c"], copies.path().join("c"))
            .map_err(|error| format!("{error:#}"))?;
        let Some(mount) = mounts.first() else { return Ok(Vec::new()) };
        let all = matching(&mount.folder.join("**/*")).unwrap();
        Ok(all.iter().map(|path| path.strip_prefix(&mount.folder).unwrap().display().to_string()).collect())
    }

    #[test]
    fn patterns_keep_their_place_and_placements_get_theirs() {
        assert_eq!(seen("files = [\"a/*.txt\"]").unwrap(), ["a/one.txt"]);
        assert_eq!(seen("files = [\"a\"]").unwrap(), ["a/b/two.txt", "a/one.txt", "a/secret.key"]);
        assert_eq!(seen("files = [\"three.txt\"]").unwrap(), ["three.txt"]);
        assert_eq!(
            seen("files = [{ source = \"a\", destination = \"/data\" }]\nexclude_files = [\"**/*.key\"]").unwrap(),
            ["data/b/two.txt", "data/one.txt"]
        );
        assert_eq!(seen("files = [{ source = \"three.txt\", destination = \"/x/y.txt\" }]").unwrap(), ["x/y.txt"]);
        assert_eq!(seen("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_exist_or_lies_outside_is_an_error() {
        assert!(seen("files = [\"nothing\"]").unwrap_err().contains("nothing"));
        assert!(seen("files = [{ source = \"nothing\", destination = \"/\" }]").unwrap_err().contains("nothing"));
        assert!(seen("files = [{ source = \"a\", destination = \"/../up\" }]").unwrap_err().contains("tree"));
        assert!(seen("files = [\"/etc/hostname\"]").unwrap_err().contains("outside"));
    }
}
