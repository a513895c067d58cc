use rcgen::KeyPair;

use super::*;
use crate::apple::certificates::{Authority, PASS_TYPE, TEAM};

/// 2026-03-14
const NOW: Millis = 1_773_446_400_000;
/// 2025-01-01 and 2045-01-01, between which a test's certificate is valid.
const FROM: Millis = 1_735_689_600_000;
const UNTIL: Millis = 2_366_841_600_000;

fn chain() -> Vec<Vec<u8>> {
    Authority::new("G4").chain(PASS_TYPE, TEAM, &KeyPair::generate().unwrap())
}

fn check(chain: &[Vec<u8>]) -> Vec<IdentityProblem> {
    check_identity(chain, PASS_TYPE, TEAM, NOW)
}

#[test]
fn a_good_chain_has_no_problem() {
    assert_eq!(check(&chain()), []);
}

#[test]
fn pass_type_and_team_must_be_the_tenants() {
    assert_eq!(
        check_identity(&chain(), "pass.org.example.other", "ZZZZZZZZZZ", NOW),
        [
            IdentityProblem::OtherPassType {
                certificate: Some(PASS_TYPE.into()),
                configured: "pass.org.example.other".into()
            },
            IdentityProblem::OtherTeam { certificate: Some(TEAM.into()), configured: "ZZZZZZZZZZ".into() },
        ]
    );
    // An intermediate in the leaf's place has no UID at all.
    let problems = check(&chain()[1..]);
    assert!(problems.contains(&IdentityProblem::OtherPassType { certificate: None, configured: PASS_TYPE.into() }));
}

#[test]
fn validity_is_told_to_the_second() {
    let chain = chain();
    let at = |now| check_identity(&chain, PASS_TYPE, TEAM, now);
    assert_eq!(at(FROM - 1), [IdentityProblem::NotYetValid { position: 0, from: FROM }]);
    assert_eq!(at(FROM), []);
    let end = UNTIL + 1000;
    assert_eq!(at(end - MONTH - 1), []);
    assert_eq!(at(end - MONTH), [IdentityProblem::ExpiresSoon { position: 0, at: end }]);
    assert_eq!(at(end - 1), [IdentityProblem::ExpiresSoon { position: 0, at: end }]);
    assert_eq!(at(end), [IdentityProblem::Expired { position: 0, since: end }]);
    assert!(at(end).iter().all(IdentityProblem::is_fatal));
    assert!(!at(end - 1).iter().any(IdentityProblem::is_fatal));
    assert_eq!(at(end)[0].to_string(), "certificate 0 of the chain has been invalid since 2045-01-01");
}

#[test]
fn a_missing_intermediate_is_named() {
    let problems = check(&chain()[..1]);
    let [IdentityProblem::NoIntermediate { issuer }] = problems.as_slice() else { panic!("{problems:?}") };
    assert!(issuer.contains("OU=G4"), "{issuer}");
}

#[test]
fn another_generation_of_the_intermediate_is_told() {
    let ours = chain();
    let other = Authority::new("G3").intermediate.der().to_vec();
    let problems = check(&[ours[0].clone(), other]);
    assert!(matches!(problems.as_slice(), [IdentityProblem::OtherIssuer { position: 0, .. }]), "{problems:?}");
    // The same name, another key: only the key identifiers tell.
    let namesake = Authority::new("G4").intermediate.der().to_vec();
    let problems = check(&[ours[0].clone(), namesake]);
    assert!(matches!(problems.as_slice(), [IdentityProblem::OtherIssuer { position: 0, .. }]), "{problems:?}");
}

#[test]
fn what_is_no_certificate_is_told_by_its_place() {
    assert_eq!(check(&[]), [IdentityProblem::Empty]);
    let [leaf, _] = <[Vec<u8>; 2]>::try_from(chain()).unwrap();
    assert_eq!(check(&[leaf, b"PEM".to_vec()]), [IdentityProblem::Unreadable { position: 1 }]);
    let problems = check(&[b"PEM".to_vec(), chain()[1].clone()]);
    assert_eq!(problems, [IdentityProblem::Unreadable { position: 0 }]);
}

#[test]
fn the_issuer_is_picked_out_of_several_generations() {
    let ours = chain();
    let others = ["G3", "G4", "G5"].map(|generation| Authority::new(generation).intermediate.der().to_vec());
    let mut given = others.to_vec();
    given.insert(1, ours[1].clone());
    given.push(ours[0].clone());
    // G4 is there twice, by name: its key identifier tells which.
    assert_eq!(arrange(given), ours);
    assert_eq!(arrange(ours.clone()), ours);
    // With the root, as bundles have it: the phone has it, and it is left out.
    let authority = Authority::new("G4");
    let chain = authority.chain(PASS_TYPE, TEAM, &KeyPair::generate().unwrap());
    let with_root = [vec![authority.root.der().to_vec()], chain.clone()].concat();
    assert_eq!(arrange(with_root), chain);
}

#[test]
fn what_issued_nothing_is_told_and_not_sent_along() {
    let ours = chain();
    let other = Authority::new("G3").intermediate.der().to_vec();
    let arranged = arrange(vec![other.clone(), ours[0].clone()]);
    assert_eq!(arranged, [ours[0].clone(), other]);
    assert!(matches!(check(&arranged).as_slice(), [IdentityProblem::OtherIssuer { position: 0, .. }]));
    assert_eq!(arrange(vec![ours[0].clone()]), ours[..1]);
    assert_eq!(arrange(vec![]), Vec::<Vec<u8>>::new());
}

#[test]
fn the_first_end_of_the_chain_is_its_end() {
    assert_eq!(PassIdentity::read(&chain(), PASS_TYPE, TEAM).expires_at(), Some(UNTIL + 1000));
    assert_eq!(PassIdentity::read(&[], PASS_TYPE, TEAM).expires_at(), None);
}
