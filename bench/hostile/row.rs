//! One way to do harm, what came of it, and the verdict.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::memory;
use crate::neighbour::Neighbour;

/// How long harm is done again and again: enough calls of the neighbour for a 99th percentile.
const AGAIN: Duration = Duration::from_millis(500);
/// On a machine with other work a guest that computes gets a part of a processor, and its ticks take as many times as long.
const BUSY: u32 = 4;
/// How much longer the neighbour's slowest calls may take than alone. A guest keeps a thread of the executor for its first tick, and one more until the
/// executor has another; a call may find both threads so occupied: two ticks of 5 ms, and as many times that as a busy machine takes.
const WAITS: Duration = Duration::from_millis(2 * 5 * BUSY as u64);
/// Rows in which the neighbour waited too long are measured again: other work on the machine comes and goes, and what harm does, it does each time.
const ATTEMPTS: usize = 3;
/// KB that the process may have grown by after a row: slots of the pool that stay warm, connections, and what the allocator keeps.
const KEPT: u64 = 48 << 10;

/// What a row has to come to.
pub struct Expected {
    pub case: String,
    pub tried: String,
    /// Words of what stops it.
    pub stopped_by: String,
    /// How long one of it may live.
    pub within: Duration,
    /// KB that it may take meanwhile, which is what it was given.
    pub room: u64,
}

/// What came of doing it once.
pub struct Once {
    pub stopped_by: String,
    pub lived: Duration,
}

struct Row {
    case: String,
    tried: String,
    stopped_by: String,
    lived: Duration,
    within: Duration,
    beside: f64,
    alone: f64,
    calls: usize,
    before: Option<u64>,
    peak: Option<u64>,
    after: Option<u64>,
    /// Why it is not ok.
    wrong: Vec<String>,
}

pub struct Table {
    neighbour: Neighbour,
    only: Option<String>,
    rows: Vec<Row>,
}

impl Table {
    pub fn new(neighbour: Neighbour, only: Option<String>) -> Self {
        println!(
            "{:<32} {:>9} {:>9}   {:>9} {:>9} {:>7}   {:>7} {:>7} {:>7}",
            "", "lived ms", "of", "p99 ms", "alone", "calls", "MB", "peak", "after"
        );
        Self { neighbour, only, rows: vec![] }
    }

    pub fn wants(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|words| case.contains(words.as_str()))
    }

    /// Does it again and again, beside the neighbour. The longest of its lives counts, and every one has to end as expected.
    pub async fn row(&mut self, expected: Expected, mut harm: impl AsyncFnMut() -> Result<Once>) -> Result<()> {
        if !self.wants(&expected.case) {
            return Ok(());
        }
        for attempt in 1..=ATTEMPTS {
            let row = self.measure(&expected, &mut harm).await?;
            if !row.slow() || attempt == ATTEMPTS {
                row.print();
                self.rows.push(row);
                break;
            }
        }
        Ok(())
    }

    async fn measure(&self, expected: &Expected, harm: &mut impl AsyncFnMut() -> Result<Once>) -> Result<Row> {
        let alone = self.neighbour.alone().await?;
        let before = memory::resident();
        memory::forget_peak();
        let again = async {
            let (began, mut longest) = (Instant::now(), Duration::ZERO);
            loop {
                let once = harm().await?;
                longest = longest.max(once.lived);
                if began.elapsed() >= AGAIN || !once.stopped_by.contains(&expected.stopped_by) {
                    return anyhow::Ok(Once { lived: longest, ..once });
                }
            }
        };
        let (once, calls) = self.neighbour.beside(again).await?;
        let Once { stopped_by, lived } = once?;
        let (peak, after) = (memory::peak(), memory::resident());
        let Expected { case, tried, within, .. } = expected;
        let mut row = Row {
            case: case.clone(),
            tried: tried.clone(),
            stopped_by,
            lived,
            within: *within,
            beside: calls.p99(),
            alone: alone.p99(),
            calls: calls.number(),
            before,
            peak,
            after,
            wrong: vec![],
        };
        row.judge(expected, calls.unanswered);
        Ok(row)
    }

    pub fn ok(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.wrong.is_empty())
    }

    pub fn sum_up(&self) {
        let wrong = self.rows.iter().filter(|row| !row.wrong.is_empty()).count();
        println!(
            "\n{} cases, {wrong} not ok. A row is ok when it was stopped by what should stop it;",
            self.rows.len()
        );
        println!(
            "within {BUSY} times its budget, since other work may share the processors; when every call of the neighbour was answered,"
        );
        println!(
            "99 of 100 no more than {} ms later than alone; and when the process has grown by no more than {} MB.",
            WAITS.as_millis(),
            KEPT >> 10
        );
    }

    pub fn json(&self) -> Value {
        self.rows.iter().map(Row::json).collect()
    }
}

impl Row {
    fn judge(&mut self, expected: &Expected, unanswered: usize) {
        let mut wrong = Vec::new();
        if !self.stopped_by.contains(&expected.stopped_by) {
            wrong.push(format!("expected: {}", expected.stopped_by));
        }
        if self.lived > self.within * BUSY {
            wrong.push(format!("lived longer than {BUSY} times {} ms", self.within.as_millis()));
        }
        if unanswered > 0 {
            wrong.push(format!("{unanswered} of the neighbour's calls were not answered"));
        }
        if self.slow() {
            wrong.push(format!("the neighbour waited more than {} ms longer than alone", WAITS.as_millis()));
        }
        if let (Some(before), Some(peak), Some(after)) = (self.before, self.peak, self.after) {
            if peak > before + expected.room + KEPT {
                wrong.push(format!("{} MB at its peak", peak >> 10));
            }
            if after > before + KEPT {
                wrong.push(format!("{} MB were not given back", (after - before) >> 10));
            }
        }
        self.wrong = wrong;
    }

    fn slow(&self) -> bool {
        self.beside > self.alone + WAITS.as_secs_f64() * 1000.0
    }

    fn print(&self) {
        let megabytes = |kb: Option<u64>| kb.map_or("-".to_owned(), |kb| (kb >> 10).to_string());
        println!(
            "{:<32} {:>9.1} {:>9}   {:>9.3} {:>9.3} {:>7}   {:>7} {:>7} {:>7}   {}",
            self.case,
            self.lived.as_secs_f64() * 1000.0,
            self.within.as_millis(),
            self.beside,
            self.alone,
            self.calls,
            megabytes(self.before),
            megabytes(self.peak),
            megabytes(self.after),
            if self.wrong.is_empty() { "ok" } else { "NOT OK" },
        );
        println!("  {}", self.tried);
        println!("  → {}", self.stopped_by);
        for wrong in &self.wrong {
            println!("  ! {wrong}");
        }
        // A row takes a second, and whoever waits wants to see them come.
        let _ = std::io::stdout().flush();
    }

    fn json(&self) -> Value {
        let rounded = |number: f64| (number * 1000.0).round() / 1000.0;
        json!({
            "case": self.case, "tried": self.tried, "stopped_by": self.stopped_by,
            "lived_ms": rounded(self.lived.as_secs_f64() * 1000.0), "budget_ms": self.within.as_millis() as u64,
            "neighbour_p99_ms": rounded(self.beside), "neighbour_alone_p99_ms": rounded(self.alone), "neighbour_calls": self.calls,
            "rss_before_kb": self.before, "rss_peak_kb": self.peak, "rss_after_kb": self.after,
            "ok": self.wrong.is_empty(), "wrong": self.wrong,
        })
    }
}
