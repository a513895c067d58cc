//! Reads the readable part of a tenant's folder: `tenant.toml` and `templates/`.
//!
//! Owns the walk and its caps: a folder that somebody filled by mistake, or a link that leads out of it, must cost nothing. Does not read
//! keys or certificates (`secrets`), nor judge what it reads (`passerelle_flow::tenant::load`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use passerelle_flow::tenant::load::{TENANT_FILE, TenantFiles};
use passerelle_flow::tenant::problem::{Fault, Place, Problem};
use passerelle_flow::tenant::strict::FILE_LIMIT;

use crate::boundary::Boundary;

/// One template has about 20 files with its translated images; a venue has a handful of templates.
const MOST_FILES: usize = 1_000;

/// `templates/<name>/images/fr.lproj/logo.png` is four deep.
const MOST_DEPTH: usize = 6;

/// A server keeps all tenants in memory, an edge the one that is asked for.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a tenant's folder. `shown` is how messages name it.
pub fn read(folder: &Path, shown: &str) -> Result<TenantFiles, Vec<Problem>> {
    let mut walk =
        Walk { root: Boundary::of(folder).ok(), shown, files: BTreeMap::new(), bytes: 0, problems: Vec::new() };
    walk.file(&folder.join(TENANT_FILE), TENANT_FILE);
    walk.folder(&folder.join("templates"), "templates", 0);
    if walk.problems.is_empty() {
        Ok(TenantFiles { shown: shown.to_owned(), files: walk.files })
    } else {
        Err(walk.problems)
    }
}

struct Walk<'a> {
    root: Option<Boundary>,
    shown: &'a str,
    files: BTreeMap<String, Bytes>,
    bytes: u64,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn report(&mut self, name: &str, fault: Fault) {
        self.problems.push(Problem { place: Place::file(format!("{}/{name}", self.shown)), fault });
    }

    fn folder(&mut self, path: &Path, name: &str, depth: usize) {
        if depth > MOST_DEPTH {
            return self.report(name, Fault::Folder("lies too deep"));
        }
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            // A tenant without templates is told so by the template that it names.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(_) => return self.report(name, Fault::Unreadable),
        };
        for entry in entries {
            let Ok(entry) = entry else { return self.report(name, Fault::Unreadable) };
            let Ok(file_name) = entry.file_name().into_string() else {
                self.report(name, Fault::Folder("holds a file whose name is not UTF-8"));
                continue;
            };
            // What editors, file managers and version control leave behind.
            if file_name.starts_with('.') || file_name.ends_with('~') {
                continue;
            }
            let (path, name) = (entry.path(), format!("{name}/{file_name}"));
            if !self.inside(&path) {
                self.report(&name, Fault::Folder("is a link that leads out of the tenant's folder, or nowhere"));
            } else if path.is_dir() {
                self.folder(&path, &name, depth + 1);
            } else {
                self.file(&path, &name);
            }
            if self.files.len() > MOST_FILES || self.bytes > MOST_BYTES {
                return;
            }
        }
    }

    /// Where the path ends, links followed, is below the tenant's folder.
    fn inside(&self, path: &Path) -> bool {
        self.root.as_ref().is_some_and(|root| root.inside(path).is_ok_and(|inside| inside.is_some()))
    }

    fn file(&mut self, path: &Path, name: &str) {
        let Ok(meta) = std::fs::metadata(path) else {
            return self.report(name, Fault::NoFile);
        };
        if !meta.is_file() {
            return self.report(name, Fault::Folder("is neither a file nor a folder"));
        }
        if !self.inside(path) {
            return self.report(name, Fault::Folder("is a link that leads out of the tenant's folder, or nowhere"));
        }
        // One byte more than allowed, so that a file that grows while it is read is noticed as well.
        let limit = u64::try_from(FILE_LIMIT).unwrap_or(u64::MAX);
        let mut content = Vec::new();
        let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut content));
        if read.is_err() {
            return self.report(name, Fault::Unreadable);
        }
        if content.len() > FILE_LIMIT {
            return self.report(name, Fault::TooLarge { limit: FILE_LIMIT });
        }
        self.bytes += u64::try_from(content.len()).unwrap_or(u64::MAX);
        self.files.insert(name.to_owned(), Bytes::from(content));
        if self.files.len() > MOST_FILES {
            self.report("templates", Fault::Folder("holds more than 1000 files"));
        } else if self.bytes > MOST_BYTES {
            self.report("templates", Fault::Folder("holds more than 64 MiB"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: Result<TenantFiles, Vec<Problem>>) -> String {
        result.unwrap_err().iter().map(|problem| format!("{problem}\n")).collect()
    }

    fn tenant() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("templates/event/images/fr.lproj")).unwrap();
        std::fs::write(root.path().join("tenant.toml"), "a").unwrap();
        std::fs::write(root.path().join("templates/event/images/fr.lproj/logo.png"), "b").unwrap();
        root
    }

    #[test]
    fn the_text_and_the_templates_are_read_and_nothing_else() {
        let root = tenant();
        std::fs::write(root.path().join("seal.key"), "secret").unwrap();
        std::fs::write(root.path().join("templates/event/.DS_Store"), "x").unwrap();
        std::fs::write(root.path().join("templates/event/template.toml~"), "x").unwrap();
        let files = read(root.path(), "tenants/demo").unwrap();
        let names: Vec<&str> = files.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["templates/event/images/fr.lproj/logo.png", "tenant.toml"]);
    }

    #[test]
    fn a_folder_that_is_none_or_too_much_says_why() {
        let root = tenant();
        std::fs::remove_file(root.path().join("tenant.toml")).unwrap();
        std::fs::write(root.path().join("templates/event/film.png"), vec![0; FILE_LIMIT + 1]).unwrap();
        std::fs::create_dir_all(root.path().join("templates/a/b/c/d/e/f/g/h")).unwrap();
        let told = told(read(root.path(), "tenants/demo"));
        assert!(told.contains("tenants/demo/tenant.toml: the file is missing"), "{told}");
        assert!(told.contains("film.png: the file is larger than"), "{told}");
        assert!(told.contains("templates/a/b/c/d/e/f/g: lies too deep"), "{told}");
    }

    #[test]
    fn a_thousand_files_are_enough() {
        let root = tenant();
        for number in 0..1_100 {
            std::fs::write(root.path().join(format!("templates/event/{number}.toml")), "").unwrap();
        }
        let told = told(read(root.path(), "t"));
        assert_eq!(told, "t/templates: holds more than 1000 files\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        use std::os::unix::fs::symlink;
        let (root, other) = (tenant(), tenant());
        symlink(other.path().join("tenant.toml"), root.path().join("templates/event/theirs.toml")).unwrap();
        symlink(other.path().join("templates"), root.path().join("templates/all")).unwrap();
        symlink(root.path(), root.path().join("templates/circle")).unwrap();
        let told = told(read(root.path(), "t"));
        assert!(told.contains("t/templates/event/theirs.toml: is a link"), "{told}");
        assert!(told.contains("t/templates/all: is a link"), "{told}");
        // A circle ends at the depth.
        assert!(told.contains("lies too deep"), "{told}");
    }
}
