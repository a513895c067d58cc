//! `passerelle key`: API keys, and the key that seals a tenant's data.
//!
//! Owns the commands: making, listing, ending. A key is shown once, when it is made, on standard output and nowhere else. Does not own what a key
//! is (`passerelle_flow::access`) nor where it is kept (`store`, or the tenant's configuration).

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use passerelle_flow::access::{ApiKey, Environment, NoSuchScope, Scope, is_label};
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::ports::Random;
use passerelle_flow::store::{ApiKeyRow, Store, StoreError};
use passerelle_flow::tenant::config::ApiKeyConfig;
use passerelle_flow::tenant::credential;
use zeroize::Zeroizing;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Scope(#[from] NoSuchScope),
    #[error("write a time from now in weeks, days or hours, such as 90d or 12h")]
    Expiry,
    #[error("a label has at most 100 characters, without line breaks")]
    Label,
    #[error("there is no such key for this tenant; `passerelle key list` shows them")]
    NoSuchKey,
    #[error("{} is there already; a sealing key is never overwritten, since what it sealed would be lost", .0.display())]
    Exists(PathBuf),
    #[error("{} cannot be written: {}", .0.display(), .1)]
    Write(PathBuf, std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the list cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

/// What a new key is to be.
pub struct NewKey<'a> {
    pub environment: Environment,
    pub tenant: TenantId,
    /// As written; see [`Scope`].
    pub scopes: &'a [String],
    pub label: &'a str,
    /// `90d`; none: it does not end by itself.
    pub expires: Option<&'a str>,
}

/// Makes a key and keeps its hash. The key itself is in the answer only.
pub async fn create<S: Store, R: Random>(
    store: &S,
    random: &R,
    now: Millis,
    new: NewKey<'_>,
) -> Result<Zeroizing<String>, KeyError> {
    let (key, row) = make(random, now, new)?;
    store.put_api_key(row).await?;
    Ok(key.reveal())
}

/// Makes a key and keeps nothing: the key, and the table that makes it valid once it stands in the tenant's `tenant.toml`.
pub fn print<R: Random>(random: &R, now: Millis, new: NewKey<'_>) -> Result<(Zeroizing<String>, String), KeyError> {
    let (key, row) = make(random, now, new)?;
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let scopes: Vec<String> = row.scopes.iter().map(|scope| text(scope)).collect();
    let mut table = format!(
        "[[api_keys]]\nid = {}\nsha256 = {}\nscopes = [{}]\n",
        text(&row.id),
        text(&row.secret_sha256),
        scopes.join(", ")
    );
    if !row.label.is_empty() {
        table.push_str(&format!("label = {}\n", text(&row.label)));
    }
    if let Some(at) = row.expires_at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()) {
        table.push_str(&format!("expires = {}\n", text(&at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())));
    }
    Ok((key.reveal(), table))
}

fn make<R: Random>(random: &R, now: Millis, new: NewKey<'_>) -> Result<(ApiKey, ApiKeyRow), KeyError> {
    let scopes: Vec<Scope> = new.scopes.iter().map(|scope| Scope::from_str(scope)).collect::<Result<_, _>>()?;
    if !is_label(new.label) {
        return Err(KeyError::Label);
    }
    let expires_at = new.expires.map(|text| expiry(text, now)).transpose()?;
    let key = ApiKey::new(new.environment, random);
    let row = ApiKeyRow {
        id: key.id().to_owned(),
        tenant: new.tenant,
        secret_sha256: key.secret_sha256(),
        scopes: scopes.iter().map(ToString::to_string).collect(),
        label: new.label.to_owned(),
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    Ok((key, row))
}

/// Writes a line per key: identifier, scopes, age, whether it still works. `in_file` are those of the tenant's `tenant.toml`, which are looked at
/// first.
pub async fn list<S: Store>(
    store: &S,
    tenant: &TenantId,
    in_file: &[ApiKeyConfig],
    now: Millis,
    out: &mut dyn Write,
) -> Result<(), KeyError> {
    let rows = store.api_keys(tenant).await?;
    if rows.is_empty() && in_file.is_empty() {
        writeln!(
            out,
            "No API keys for {tenant}. `passerelle key create --tenant {tenant} --scope Pass.Read` makes one."
        )?;
        return Ok(());
    }
    let mut table = table_of(in_file, now);
    for row in rows {
        let state = match (row.revoked_at, row.expires_at) {
            (Some(_), _) => "revoked",
            (None, at) => state(at, now),
        };
        let expires = row.expires_at.map_or_else(|| "never".to_owned(), day);
        let created = day(row.created_at);
        table.add_row([
            row.id,
            "store".to_owned(),
            state.to_owned(),
            row.scopes.join(" "),
            created,
            expires,
            row.label,
        ]);
    }
    writeln!(out, "{table}")?;
    Ok(())
}

/// The same for the keys of a `tenant.toml` alone.
pub fn list_file(in_file: &[ApiKeyConfig], now: Millis, out: &mut dyn Write) -> Result<(), KeyError> {
    if in_file.is_empty() {
        writeln!(out, "No API keys in this file. `passerelle key create --print` makes one.")?;
        return Ok(());
    }
    writeln!(out, "{}", table_of(in_file, now))?;
    Ok(())
}

fn table_of(in_file: &[ApiKeyConfig], now: Millis) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table
        .load_preset(comfy_table::presets::NOTHING)
        .set_header(["ID", "KEPT IN", "STATE", "SCOPES", "CREATED", "EXPIRES", "LABEL"]);
    for key in in_file {
        // As it is written; one that is no time keeps the whole file from being used.
        let end = key.expires.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let end = end.map(jiff::Timestamp::as_millisecond);
        let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
        let expires = end.map_or_else(|| "never".to_owned(), day);
        let (id, label) = (key.id.as_str(), key.label.as_str());
        table.add_row([id, "tenant.toml", state(end, now), scopes.join(" ").as_str(), "-", expires.as_str(), label]);
    }
    table
}

fn state(end: Option<Millis>, now: Millis) -> &'static str {
    if end.is_some_and(|at| at <= now) { "expired" } else { "active" }
}

/// Ends a key now. Doing it twice is not an error: it is ended.
pub async fn revoke<S: Store>(store: &S, tenant: &TenantId, id: &str, now: Millis) -> Result<(), KeyError> {
    if store.revoke_api_key(tenant, id, now).await? { Ok(()) } else { Err(KeyError::NoSuchKey) }
}

/// Writes a new sealing key, readable by its owner only.
pub fn seal<R: Random>(file: &Path, random: &R) -> Result<(), KeyError> {
    let key = Zeroizing::new(random.bytes::<{ credential::SEAL_KEY_BYTES }>());
    let text = credential::seal_key_text(&key);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // From the first moment on: a file that is restricted afterwards has been readable in between.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => KeyError::Exists(file.to_owned()),
        _ => KeyError::Write(file.to_owned(), error),
    })?;
    written
        .write_all(text.as_bytes())
        .and_then(|()| written.write_all(b"\n"))
        .and_then(|()| written.sync_all())
        .map_err(|error| KeyError::Write(file.to_owned(), error))
}

/// `90d` from now. Months and years are refused: they have no fixed length, and a key's end should not depend on the calendar.
fn expiry(text: &str, now: Millis) -> Result<Millis, KeyError> {
    let span: jiff::Span = text.parse().map_err(|_| KeyError::Expiry)?;
    let relative = jiff::SpanRelativeTo::days_are_24_hours();
    let seconds = span.total((jiff::Unit::Second, relative)).map_err(|_| KeyError::Expiry)?;
    // A thousand years are more than any key and less than what an i64 of milliseconds holds.
    if !(1.0..=3.2e10).contains(&seconds) {
        return Err(KeyError::Expiry);
    }
    #[allow(clippy::cast_possible_truncation)] // within the range above
    let millis = (seconds * 1_000.0) as Millis;
    Ok(now.saturating_add(millis))
}

fn day(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use passerelle_flow::access::{Refusal, permits};
    use passerelle_flow::identity::DAY;

    use super::*;
    use crate::host::SystemRandom;
    use crate::store::SqliteStore;

    const NOW: Millis = 1_773_511_331_000;

    #[test]
    fn an_expiry_is_a_time_from_now() {
        for (text, expected) in [("90d", 90 * DAY), ("12h", DAY / 2), ("2w", 14 * DAY), ("1d 12h", 3 * DAY / 2)] {
            assert_eq!(expiry(text, NOW).unwrap(), NOW + expected, "{text}");
        }
        for text in ["", "90", "-1d", "0d", "1mo", "1y", "soon", "99999999999h"] {
            assert!(matches!(expiry(text, NOW), Err(KeyError::Expiry)), "{text}");
        }
    }

    #[tokio::test]
    async fn a_key_is_made_listed_and_ended_and_only_its_hash_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let store = SqliteStore::open(&path, crate::store::Options::default()).unwrap();
        let (demo, other) = (TenantId::parse("demo").unwrap(), TenantId::parse("other").unwrap());
        let scopes = ["Pass.Read".to_owned()];
        let new = |label| NewKey {
            environment: Environment::parse("test").unwrap(),
            tenant: demo.clone(),
            scopes: &scopes,
            label,
            expires: Some("90d"),
        };
        let shown = create(&store, &SystemRandom, NOW, new("ticket shop")).await.unwrap();
        let key = ApiKey::parse(&shown).unwrap();
        let ask = async |tenant: &TenantId, now| {
            let row = store.api_key(key.id()).await.unwrap();
            permits(&key, row.as_ref(), tenant, Scope::PassRead, now)
        };
        assert_eq!(ask(&demo, NOW).await, Ok(()));
        assert_eq!(ask(&demo, NOW + 90 * DAY).await, Err(Refusal::Ended));
        assert_eq!(ask(&other, NOW).await, Err(Refusal::Unknown));

        let printed = async |tenant: &TenantId| {
            let mut out = Vec::new();
            list(&store, tenant, &[], NOW, &mut out).await.unwrap();
            String::from_utf8(out).unwrap()
        };
        let line = printed(&demo).await;
        assert!(
            line.contains(key.id())
                && line.contains("active")
                && line.contains("ticket shop")
                && line.contains("2026-06-12"),
            "{line}"
        );
        assert!(printed(&other).await.contains("No API keys for other"));

        // One of the tenant's file stands beside it.
        let in_file = ApiKeyConfig {
            id: "FileFile".to_owned(),
            sha256: "00".repeat(32),
            scopes: vec![Scope::PassRead],
            label: "page".to_owned(),
            expires: Some("2026-03-01T00:00:00Z".to_owned()),
        };
        let mut both = Vec::new();
        list(&store, &demo, std::slice::from_ref(&in_file), NOW, &mut both).await.unwrap();
        let both = String::from_utf8(both).unwrap();
        let line = |id: &str| both.lines().find(|line| line.contains(id)).unwrap().to_owned();
        assert!(line(key.id()).contains("store") && line("FileFile").contains("tenant.toml"), "{both}");
        assert!(line("FileFile").contains("expired") && line("FileFile").contains("2026-03-01"), "{both}");
        let mut alone = Vec::new();
        list_file(&[in_file], NOW, &mut alone).unwrap();
        assert!(String::from_utf8(alone).unwrap().contains("FileFile"));

        assert!(matches!(revoke(&store, &other, key.id(), NOW).await, Err(KeyError::NoSuchKey)));
        revoke(&store, &demo, key.id(), NOW + 1).await.unwrap();
        assert_eq!(ask(&demo, NOW + 2).await, Err(Refusal::Ended));
        assert!(printed(&demo).await.contains("revoked"));

        store.close().await;
        let secret = shown.rsplit_once(key.id()).unwrap().1.trim_start_matches('_').to_owned();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }

    #[test]
    fn a_printed_table_is_what_a_tenants_file_takes_and_knows_the_printed_key() {
        #[derive(serde::Deserialize)]
        struct File {
            api_keys: Vec<passerelle_flow::tenant::config::ApiKeyConfig>,
        }
        let scopes = ["Pass.Read".to_owned(), "Pass.Write".to_owned()];
        let new = NewKey {
            environment: Environment::parse("test").unwrap(),
            tenant: TenantId::parse("demo").unwrap(),
            scopes: &scopes,
            label: "the \"shop\" \\ 1",
            expires: Some("90d"),
        };
        let (shown, table) = print(&SystemRandom, NOW, new).unwrap();
        let key = ApiKey::parse(&shown).unwrap();
        let secret = shown.rsplit_once(key.id()).unwrap().1.trim_start_matches('_');
        assert!(!table.contains(secret), "{table}");
        let [read] = <[_; 1]>::try_from(toml::from_str::<File>(&table).unwrap().api_keys).ok().unwrap();
        assert_eq!((read.id.as_str(), read.sha256), (key.id(), key.secret_sha256()));
        assert_eq!(read.scopes, [Scope::PassRead, Scope::PassWrite]);
        assert_eq!(read.label, "the \"shop\" \\ 1");
        // To the second, as people write times.
        let expires: jiff::Timestamp = read.expires.unwrap().parse().unwrap();
        assert_eq!(expires.as_millisecond(), NOW + 90 * DAY);
    }

    #[tokio::test]
    async fn a_key_that_makes_no_sense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.sqlite"), crate::store::Options::default()).unwrap();
        let make = async |scope: &str, label: &str, expires: Option<&str>| {
            let scopes = [scope.to_owned()];
            let environment = Environment::parse("test").unwrap();
            let new = NewKey { environment, tenant: TenantId::parse("demo").unwrap(), scopes: &scopes, label, expires };
            create(&store, &SystemRandom, NOW, new).await
        };
        assert!(matches!(make("pass.read", "", None).await, Err(KeyError::Scope(_))));
        assert!(matches!(make("Pass.Read", "two\nlines", None).await, Err(KeyError::Label)));
        assert!(matches!(make("Pass.Read", "", Some("1y")).await, Err(KeyError::Expiry)));
        store.close().await;
    }

    #[test]
    fn a_sealing_key_is_written_once_and_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        seal(&path, &SystemRandom).unwrap();
        let written = std::fs::read(&path).unwrap();
        assert!(credential::seal_key(&written).is_ok());
        assert!(matches!(seal(&path, &SystemRandom), Err(KeyError::Exists(_))));
        assert_eq!(std::fs::read(&path).unwrap(), written);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
