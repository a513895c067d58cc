//! The committed corpus and all cases keep the rules, as everything that the fuzzer makes of them has to.

use std::path::{Path, PathBuf};

use passerelle_connector::contract::scenario::Answer;

use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn every_input_of_the_corpus_keeps_the_rules() {
    type Check = fn(&[u8]) -> Held;
    let checks: [(&str, Check); 4] = [
        ("validate", validate::check),
        ("file", file::check),
        ("plugin_answers", plugin_answers::check),
        ("allow_list", allow_list::check),
    ];
    for (target, check) in checks {
        let folder = root().join("corpus").join(target);
        let inputs: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(inputs.len() > 3, "{target}: {} inputs", inputs.len());
        for input in inputs {
            assert_eq!(check(&std::fs::read(&input).unwrap()), Ok(()), "{}", input.display());
        }
    }
}

#[test]
fn every_case_keeps_the_rules() {
    let cases = case_folder::load_all(&root().join("../cases")).unwrap();
    assert!(cases.len() > 80, "only {} cases were found", cases.len());
    for case in cases {
        let mut looks: Vec<u8> = Vec::new();
        let mut answer = |answer: &Answer| match answer {
            Answer::File(bytes) => [b"\x1ef", bytes.as_slice()].concat(),
            Answer::Contact(bytes) => [b"\x1ec", bytes.as_slice()].concat(),
        };
        looks.extend(case.before.as_ref().map(&mut answer).unwrap_or_default());
        for step in &case.steps {
            if let Some(notification) = &step.notification {
                let kind = notification.content_type.as_deref().unwrap_or_default();
                let input = [kind.as_bytes(), b"\n", &notification.body].concat();
                assert_eq!(validate::check(&input), Ok(()), "{}", case.name);
                looks.extend([b"\x1en", notification.body.as_slice()].concat());
            }
            looks.extend(step.after.as_ref().map(&mut answer).unwrap_or_default());
        }
        assert_eq!(file::check(&looks), Ok(()), "{}", case.name);
    }
}
