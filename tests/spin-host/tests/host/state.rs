//! What a component is given: databases, variables, files, environment, a clock.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::app::{Folder, manifest};

const SQLITE: &str = r#"sqlite_databases = ["default"]"#;

fn rows(file: &Path) -> Vec<(i64, String, Vec<u8>, f64)> {
    let connection = rusqlite::Connection::open(file).unwrap();
    let mut statement = connection.prepare("SELECT id, word, data, weight FROM t ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_transaction_over_several_calls_is_one_and_outlives_the_host() {
    let folder = Folder::probe(SQLITE);
    let host = folder.start(&["--state-dir", "state"]);
    assert_eq!(host.get("/sqlite/transaction?one").await.ok(), "rowid 1 changes 1");
    drop(host);
    let host = folder.start(&["--state-dir", "state"]);
    assert_eq!(host.get("/sqlite/transaction?two").await.ok(), "rowid 2 changes 1");
    let row = |id, word: &str| (id, word.to_owned(), vec![0, 255], 0.5);
    assert_eq!(rows(&folder.path().join("state/sqlite_db.db")), [row(1, "one"), row(2, "two")]);
    let selected =
        host.get("/sqlite/select?SELECT%20word,data,weight,NULL%20AS%20none%20FROM%20t%20WHERE%20id=1").await;
    assert_eq!(
        selected.ok(),
        "word,data,weight,none\n[Value::Text(\"one\"), Value::Blob([0, 255]), Value::Real(0.5), Value::Null]"
    );
}

#[tokio::test]
async fn the_database_speaks_for_itself_when_it_refuses() {
    let host = Folder::probe(SQLITE).start(&["--state-dir", "state"]);
    host.get("/sqlite/transaction?one").await.ok();
    let twice = host.get("/sqlite/transaction?one").await;
    assert_eq!((twice.status.as_u16(), twice.text()), (409, "Error::Io(\"UNIQUE constraint failed: t.word\")"));
    let nonsense = host.get("/sqlite/select?SELEKT").await;
    assert!(nonsense.text().contains("syntax error"), "{}", nonsense.text());
}

#[tokio::test]
async fn a_trap_in_a_transaction_leaves_nothing_and_lets_the_next_one_begin() {
    let folder = Folder::probe(SQLITE);
    let host = folder.start(&["--state-dir", "state"]);
    assert_eq!(host.get("/sqlite/begin-and-trap?lost").await.status, 500);
    host.get("/sqlite/transaction?kept").await.ok();
    let words: Vec<String> = rows(&folder.path().join("state/sqlite_db.db")).into_iter().map(|row| row.1).collect();
    assert_eq!(words, ["kept"]);
}

#[tokio::test]
async fn rows_can_be_streamed() {
    let host = Folder::probe(SQLITE).start(&["--state-dir", "state"]);
    assert_eq!(host.get("/sqlite/streamed").await.ok(), "500500 0");
}

#[tokio::test]
async fn a_database_that_is_not_listed_is_not_opened() {
    let host = Folder::probe(SQLITE).start(&["--state-dir", "state"]);
    assert_eq!(host.get("/sqlite/other").await.ok(), "Error::AccessDenied");
}

const VARIABLES: &str = r#"variables = { own = "{{ first }}-{{ second }}" }
    [variables]
    first = { required = true, secret = true }
    second = { default = "default" }"#;

#[tokio::test]
async fn values_come_from_the_line_then_the_file_then_the_environment_then_the_default() {
    let folder = Folder::probe(VARIABLES);
    folder.write(
        "runtime.toml",
        "[[variables_provider]]\ntype = \"static\"\n[variables_provider.values]\nsecond = \"file\"\n",
    );
    let environment = [("SPIN_VARIABLE_FIRST", "environment"), ("SPIN_VARIABLE_SECOND", "environment")];
    for (arguments, expected) in [
        (&["--variable", "first=line"][..], "line-environment"),
        (&["--runtime-config-file", "runtime.toml"], "environment-file"),
        (&["--runtime-config-file", "runtime.toml", "--variable", "second=line"], "environment-line"),
    ] {
        let host = folder.start_with(arguments, &environment);
        assert_eq!(host.get("/variable/own").await.ok(), expected);
    }
    folder.write("many.toml", "first = \"toml\"\nsecond = \"toml\"");
    folder.write("key.pem", "two\nlines\n");
    let host = folder.start(&["--variable", "@many.toml", "--variable", "first=@key.pem"]);
    assert_eq!(host.get("/variable/own").await.ok(), "two\nlines\n-toml");
    let host = folder.start(&["--variable", "first=1"]);
    assert_eq!(host.get("/variable/own").await.ok(), "1-default");
    assert!(
        host.get("/variable/first").await.text().contains("Undefined"),
        "an application's variable is not a component's"
    );
    assert!(host.get("/variable/Own").await.text().contains("InvalidName"));
}

#[test]
fn a_required_variable_without_a_value_stops_the_start_with_a_sentence() {
    let run = Folder::probe(VARIABLES).run(&["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("no value for the required variable(s) first"), "{said}");
}

#[tokio::test]
async fn files_are_copied_read_only_and_exclusions_hold() {
    let folder = Folder::probe(
        "files = [\"data/*.txt\", { source = \"tenants\", destination = \"/config\" }]\nexclude_files = [\"tenants/secret\"]",
    );
    folder.write("data/a.txt", "first");
    folder.write("tenants/x/tenant.toml", "second");
    folder.write("tenants/secret", "third");
    let host = folder.start(&[]);
    assert_eq!(host.get("/read/data/a.txt").await.ok(), "first");
    assert_eq!(host.get("/read/config/x/tenant.toml").await.ok(), "second");
    for path in ["/read/config/secret", "/read/spin.toml", "/read/../spin.toml"] {
        assert_eq!(host.get(path).await.status, 404, "{path}");
    }
    assert_eq!(host.get("/write/data/a.txt").await.status, 403);
    assert_eq!(host.get("/write/data/b.txt").await.status, 403);
}

#[tokio::test]
async fn direct_mounts_show_changes_and_stay_read_only() {
    let folder = Folder::probe("files = [{ source = \"tenants\", destination = \"/config\" }]");
    folder.write("tenants/a", "before");
    let host = folder.start(&["--direct-mounts"]);
    assert_eq!(host.get("/read/config/a").await.ok(), "before");
    folder.write("tenants/a", "after");
    assert_eq!(host.get("/read/config/a").await.ok(), "after");
    assert_eq!(host.get("/write/config/a").await.status, 403);
    assert_eq!(std::fs::read_to_string(folder.path().join("tenants/a")).unwrap(), "after");
}

#[tokio::test]
async fn the_environment_is_the_manifests_and_not_the_machines() {
    let folder = Folder::probe("environment = { MODE = \"test\" }");
    let host = folder.start_with(&[], &[("SECRET", "of the machine")]);
    assert_eq!(host.get("/environment").await.ok(), "MODE=test\n");
}

#[tokio::test]
async fn the_clock_file_moves_the_wall_clock_and_nothing_else() {
    let folder = Folder::probe("");
    let host = folder.start(&["--clock-file", "clock"]);
    let system = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    const DAY: i64 = 86_400_000;
    for offset in [0, 30 * DAY, -2 * DAY] {
        if offset != 0 {
            folder.write("clock", &offset.to_string());
        }
        let before = system();
        let reply = host.get("/clock").await;
        let (wall, elapsed) = reply.ok().split_once(' ').unwrap();
        let wall: i64 = wall.parse().unwrap();
        assert!((before..=system()).contains(&(wall - offset)), "{offset}: {wall} against {before}");
        assert_eq!(elapsed, "0");
    }
}

#[test]
fn a_database_without_a_place_is_refused_at_start() {
    let folder = Folder::new(&manifest("sqlite_databases = [\"default\", \"analytics\"]"));
    let said = String::from_utf8(folder.run(&["--listen", "127.0.0.1:0"]).stderr).unwrap();
    assert!(said.contains("the database `analytics`"), "{said}");
}
