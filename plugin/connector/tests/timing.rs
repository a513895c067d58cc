#[path = "../../../tests/it/case_folder.rs"]
#[allow(dead_code)]
mod case_folder;
use case_folder::*;
use std::path::Path;
use std::time::Instant;
#[test]
fn timing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    for name in [
        "nothing-changed",
        "reprint",
        "purchase-of-one-ticket",
        "several-changes-at-once",
        "exchange-in-the-ticket-shop",
    ] {
        let case = Case::load(&root.join(name)).unwrap();
        let mut p = Passes::default();
        if let Some(b) = &case.before {
            let v = Native.classify(&p.observe(vec![], b.clone())).unwrap();
            p.apply(&v);
        }
        let o = p.observe(vec![], case.steps[0].after.clone().unwrap());
        let n = if name.contains("thousand") { 3 } else { 200000 };
        let t = Instant::now();
        for _ in 0..n {
            std::hint::black_box(Native.classify(std::hint::black_box(&o)).unwrap());
        }
        eprintln!("{name}: {:?}", t.elapsed() / n);
        if let Some(nt) = &case.steps[0].notification {
            let t = Instant::now();
            for _ in 0..n {
                std::hint::black_box(Native.validate(std::hint::black_box(nt)).unwrap());
            }
            eprintln!("  validate {:?}", t.elapsed() / n);
        }
    }
}
