//! Runs every folder of `tests/cases` against the connector as a library. `UPDATE_GOLDEN=1` writes what it says.

#[path = "../../../tests/it/case_folder.rs"]
mod case_folder;

use std::path::Path;

use case_folder::{Native, load_all};

#[test]
fn every_folder_is_answered_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let cases = load_all(&folder).unwrap();
    assert!(cases.len() > 60, "only {} cases were found", cases.len());
    let failures: Vec<String> =
        cases.iter().filter_map(|case| case.run(&mut Native).and_then(|told| case.check(&told)).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
