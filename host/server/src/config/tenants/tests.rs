use std::fs;

use super::*;
use crate::config::Settings;

/// A folder with tenants on a real disk.
pub(in crate::config) struct Folder(tempfile::TempDir);

impl Folder {
    pub(in crate::config) fn with(tenants: &[&str]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.0.path().join("tenants")).unwrap();
        for tenant in tenants {
            folder.add(tenant);
        }
        folder
    }

    pub(in crate::config) fn id(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn path(&self, tenant: &str) -> PathBuf {
        self.0.path().join("tenants").join(tenant)
    }

    fn add(&self, tenant: &str) {
        let path = self.path(tenant);
        fs::create_dir_all(path.join("templates/event-ticket")).unwrap();
        fs::write(path.join("seal.key"), hex::encode(std::array::from_fn::<u8, 32, _>(|i| i as u8))).unwrap();
        fs::write(path.join("secutix.secret"), "s3cret").unwrap();
        fs::write(
            path.join("templates/event-ticket/template.toml"),
            "kind = \"event-ticket\"\ndescription = \"Billet\"\n[google]\n",
        )
        .unwrap();
        self.rename(tenant, tenant);
    }

    /// A change of the configuration.
    pub(in crate::config) fn rename(&self, tenant: &str, organization: &str) {
        let text = format!(
            "organization = \"{organization}\"\nlocales = [\"fr\"]\n[secutix]\nurl = \"https://demo.ws.secutix.com\"\ninstitution = \"DEMO\"\n\
             operator = \"DEMO_WALLET\"\npartner = \"Passerelle\"\nsecret = \"file:secutix.secret\"\n[seal]\nkey = \"file:seal.key\"\n\
             [templates]\ndefault = \"event-ticket\"\n"
        );
        self.write(tenant, "tenant.toml", &text);
    }

    fn write(&self, tenant: &str, file: &str, text: &str) {
        fs::write(self.path(tenant).join(file), text).unwrap();
    }

    /// With everything in force that is good now.
    pub(in crate::config) fn tenants(&self) -> Tenants {
        self.open().0
    }

    fn open(&self) -> (Tenants, Reload) {
        let text = "[server]\npublic_url = \"https://passes.example.org\"\n";
        let settings = Settings::parse("passerelle.toml", text.as_bytes(), self.0.path()).unwrap();
        Tenants::open(&settings)
    }
}

fn names(list: &[TenantId]) -> Vec<&str> {
    list.iter().map(TenantId::as_str).collect()
}

#[test]
fn every_good_folder_is_a_tenant_and_a_broken_one_is_told() {
    let folder = Folder::with(&["demo", "opera", "broken"]);
    folder.write("broken", "tenant.toml", "organization = 1\n");
    fs::create_dir(folder.path(".git")).unwrap();
    fs::create_dir(folder.path("Not_A_Tenant")).unwrap();
    fs::write(folder.path("README.md"), "notes").unwrap();
    let (tenants, reload) = folder.open();
    assert_eq!(names(&reload.added), ["demo", "opera"]);
    assert_eq!(tenants.all().len(), 2);
    assert!(tenants.get(&Folder::id("broken")).is_none());
    let [broken] = reload.broken.as_slice() else { panic!("{reload:?}") };
    assert!(broken.tenant.as_str() == "broken" && !broken.kept);
    assert!(
        broken
            .problems
            .iter()
            .any(|problem| problem.to_string().contains("tenant.toml:1:16: \"organization\" must be a text"))
    );
    let [odd] = reload.problems.as_slice() else { panic!("{reload:?}") };
    assert!(odd.to_string().contains("Not_A_Tenant: is not a tenant's name"), "{odd}");
}

#[test]
fn nothing_changed_is_nothing_done() {
    let folder = Folder::with(&["demo"]);
    let (tenants, _) = folder.open();
    let before = tenants.get(&Folder::id("demo")).unwrap();
    let reload = tenants.reload();
    assert!(reload.is_clean() && reload.added.is_empty() && reload.changed.is_empty() && reload.removed.is_empty());
    assert!(Arc::ptr_eq(&before, &tenants.get(&Folder::id("demo")).unwrap()));
}

#[test]
fn a_change_is_in_force_after_the_reload_and_a_run_keeps_what_it_started_with() {
    let folder = Folder::with(&["demo", "opera"]);
    let (tenants, _) = folder.open();
    let (demo, opera) = (tenants.get(&Folder::id("demo")).unwrap(), tenants.get(&Folder::id("opera")).unwrap());
    folder.rename("demo", "Renamed");
    assert_eq!(names(&tenants.reload().changed), ["demo"]);
    assert_eq!(tenants.get(&Folder::id("demo")).unwrap().organization, "Renamed");
    assert_eq!(demo.organization, "demo");
    assert!(Arc::ptr_eq(&opera, &tenants.get(&Folder::id("opera")).unwrap()));
}

#[test]
fn a_broken_change_keeps_the_tenant_until_it_is_put_right() {
    let folder = Folder::with(&["demo"]);
    let (tenants, _) = folder.open();
    folder.write("demo", "tenant.toml", "organization = \"half a fi");
    let reload = tenants.reload();
    assert!(reload.broken.iter().all(|broken| broken.kept) && reload.broken.len() == 1);
    assert_eq!(tenants.get(&Folder::id("demo")).unwrap().organization, "demo");
    // Told once, not at every look.
    assert!(tenants.reload().is_clean());
    assert!(tenants.get(&Folder::id("demo")).is_some());
    folder.rename("demo", "Right again");
    assert_eq!(names(&tenants.reload().changed), ["demo"]);
    assert_eq!(tenants.get(&Folder::id("demo")).unwrap().organization, "Right again");
}

#[test]
fn a_file_that_is_gone_is_a_slip_and_a_folder_that_is_gone_is_a_decision() {
    let folder = Folder::with(&["demo", "opera"]);
    let (tenants, _) = folder.open();
    fs::remove_file(folder.path("demo").join("tenant.toml")).unwrap();
    fs::remove_dir_all(folder.path("opera")).unwrap();
    let reload = tenants.reload();
    assert_eq!(names(&reload.removed), ["opera"]);
    assert!(tenants.get(&Folder::id("opera")).is_none());
    assert!(tenants.get(&Folder::id("demo")).is_some());
    folder.add("opera");
    assert_eq!(names(&tenants.reload().added), ["opera"]);
}

#[test]
fn a_tenants_folder_that_is_out_of_reach_takes_nobody_along() {
    let folder = Folder::with(&["demo"]);
    let (tenants, _) = folder.open();
    fs::rename(folder.0.path().join("tenants"), folder.0.path().join("elsewhere")).unwrap();
    let reload = tenants.reload();
    assert!(!reload.is_clean() && reload.removed.is_empty());
    assert!(tenants.get(&Folder::id("demo")).is_some());
}

#[test]
fn an_exchanged_secret_is_a_change_although_no_line_is() {
    let folder = Folder::with(&["demo"]);
    let (tenants, _) = folder.open();
    folder.write("demo", "secutix.secret", "another");
    assert_eq!(names(&tenants.reload().changed), ["demo"]);
    assert_eq!(tenants.get(&Folder::id("demo")).unwrap().secutix.secret.as_slice(), b"another");
    // Gone, the tenant keeps what it had; back, it is read.
    fs::remove_file(folder.path("demo").join("secutix.secret")).unwrap();
    assert_eq!(tenants.reload().broken.len(), 1);
    assert_eq!(tenants.get(&Folder::id("demo")).unwrap().secutix.secret.as_slice(), b"another");
    folder.write("demo", "secutix.secret", "third");
    assert_eq!(names(&tenants.reload().changed), ["demo"]);
    assert_eq!(tenants.get(&Folder::id("demo")).unwrap().secutix.secret.as_slice(), b"third");
}

#[test]
fn a_changed_template_and_image_count_as_well() {
    let folder = Folder::with(&["demo"]);
    let (tenants, _) = folder.open();
    let digest = || tenants.get(&Folder::id("demo")).unwrap().templates.get("event-ticket").unwrap().digest.clone();
    let before = digest();
    folder.write(
        "demo",
        "templates/event-ticket/template.toml",
        "kind = \"event-ticket\"\ndescription = \"Billet\"\n[google]\nhexBackgroundColor = \"#0f2f3f\"\n",
    );
    assert_eq!(names(&tenants.reload().changed), ["demo"]);
    assert_ne!(digest(), before);
}
