use super::jobs::*;
use crate::payload::rebuild;
#[test]
fn speed() {
    let template = compiled(&source("event-ticket"));
    eprintln!("template {} bytes", template.bytes.len());
    let one = job(&template, &ticket_body(), vec![carmen()]);
    let mut many = one.clone();
    for _ in 1..64 {
        let i = many.items[0].clone();
        many.items.push(i);
    }
    for (name, job, n, per) in [("one", &one, 20000, 1), ("64", &many, 500, 64)] {
        for _ in 0..3 {
            let t = cpu();
            for _ in 0..n {
                std::hint::black_box(rebuild(std::hint::black_box(job))).unwrap();
            }
            eprintln!("{name}: {:?} a ticket", (cpu() - t) / n / per);
        }
    }
    let p = built(&one);
    let a = p.apple.unwrap();
    let g = p.google.unwrap();
    eprintln!(
        "pass {} strings {:?} class {} object {}",
        a.pass_json.len(),
        a.strings.iter().map(|s| s.1.len()).collect::<Vec<_>>(),
        g.class_body.len(),
        g.object_body.len()
    );
}

fn cpu() -> u64 {
    std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse().unwrap()
}
