//! `passerelle runs`: a subject's past, as a support agent reads it.
//!
//! Owns the layout. The words are the flow's, and what is kept holds codes, identifiers and times, so nothing here can name a person. Bounded by the
//! retention: what has been kept long enough is gone.

use std::fmt::Write as _;

use passerelle_flow::identity::Millis;
use passerelle_flow::run::{ActionRecord, FindingRecord, RunFindings};
use passerelle_flow::store::{LoggedNotification, LoggedRun, RunRecord, SubjectLog};
use passerelle_flow::words;

/// Newest first; what waits for a run stands above all runs.
pub fn told(log: &SubjectLog) -> String {
    let (runs, waiting) = log.by_run();
    let mut text = String::new();
    // Writing to a String cannot fail.
    if !waiting.is_empty() {
        let _ = writeln!(text, "Waiting for a run:");
        for notification in waiting {
            let _ = writeln!(text, "    {}", notified(notification));
        }
    }
    for (run, notifications) in runs {
        let _ = writeln!(text, "{}", headline(run));
        for (at, notification) in notifications.iter().enumerate() {
            let joined = if at == 0 { String::new() } else { format!(", joined run {}", run.record.id) };
            let _ = writeln!(text, "    because of {}{joined}", notified(notification));
        }
        if notifications.is_empty() {
            let _ = writeln!(
                text,
                "    without a new notification: it looked again, somebody asked, or SecuTix said that the contact changed"
            );
        }
        let _ = write!(text, "{}", outcome(run));
    }
    text
}

fn headline(run: &LoggedRun) -> String {
    let RunRecord { id, outcome, error, secutix_calls, .. } = &run.record;
    let error = error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
    let words = words::outcome(outcome);
    format!("{}  {outcome}{error}: {words}; run {id}, calls to SecuTix: {secutix_calls}", time(run.finished_at))
}

fn notified(notification: &LoggedNotification) -> String {
    let hint = &notification.hint;
    let state = if hint.state.is_empty() { "(no state)" } else { &hint.state };
    let movement = hint.movement.as_ref().map(|movement| format!(", movement {movement}")).unwrap_or_default();
    let ticket = hint.ticket.as_ref().map(|ticket| format!(", ticket {ticket}")).unwrap_or_default();
    format!("{state} of {}{movement}{ticket}, correlation {}", time(hint.received_at), hint.correlation)
}

fn outcome(run: &LoggedRun) -> String {
    // A run that failed before it found anything has an empty list.
    let Ok(found) = serde_json::from_str::<RunFindings>(&run.record.findings) else { return String::new() };
    let mut text = String::new();
    for finding in &found.findings {
        let _ = writeln!(text, "    found: {}", self::finding(finding));
    }
    for action in &found.actions {
        let _ = writeln!(text, "    {}", self::action(action));
    }
    for warning in &found.warnings {
        let _ = writeln!(text, "    to be mended: {warning}");
    }
    if !found.unread.is_empty() {
        let _ = writeln!(text, "    not understood: {}", found.unread.join(", "));
    }
    text
}

fn finding(finding: &FindingRecord) -> String {
    let by = finding.originator.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
    let of = match (finding.movements.as_slice(), &finding.successor) {
        ([], _) => String::new(),
        (movements, None) => format!(", movements {}", movements.join(", ")),
        (movements, Some(successor)) => format!(
            ", movement {} and its successor {successor}",
            movements.iter().filter(|movement| *movement != successor).cloned().collect::<Vec<_>>().join(", ")
        ),
    };
    format!("{} ({}){of}{by}", words::use_case(&finding.use_case), finding.confidence)
}

fn action(action: &ActionRecord) -> String {
    let mut fields: Vec<&str> = action.fields.iter().map(|name| words::field(name)).collect();
    fields.dedup();
    let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
    let why = if action.reason.is_empty() {
        String::new()
    } else {
        format!(", because {}{fields}", words::reason(&action.reason))
    };
    format!(
        "pass {} of {}: {}{why}; it is {}",
        action.pass,
        action.movement,
        words::action(&action.action),
        action.state
    )
}

fn time(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use passerelle_flow::store::Hint;

    use super::*;

    fn run(id: &str, finished_at: Millis, generation: i64, outcome: &str, findings: &str) -> LoggedRun {
        let record = RunRecord {
            id: id.to_owned(),
            fetch_started_at: None,
            outcome: outcome.to_owned(),
            error: None,
            findings: findings.to_owned(),
            secutix_calls: 1,
        };
        LoggedRun { record, finished_at, generation }
    }

    fn notification(id: &str, received_at: Millis, generation: i64) -> LoggedNotification {
        let hint = Hint {
            notification: id.to_owned(),
            correlation: format!("correlation of {id}"),
            traceparent: None,
            state: "MODIFIED".to_owned(),
            movement: Some("4711".to_owned()),
            ticket: None,
            received_at,
        };
        LoggedNotification { hint, generation }
    }

    #[test]
    fn each_notification_stands_at_the_run_that_took_it_up_and_what_waits_above_all() {
        let found = r#"{"findings":[{"use_case":"reprint","confidence":"firm","facts":[],"originator":"DESK","movements":["4711"],"successor":null}],
            "actions":[{"pass":"p1","movement":"4711","action":"updated","reason":"barcode-changed","fields":["barCode"],"state":"live","visible":true}]}"#;
        let log = SubjectLog {
            runs: vec![
                run("r3", 900, 3, "unchanged", "{}"),
                run("r2", 500, 3, "done", found),
                run("r1", 400, 3, "unreachable", "{}"),
            ],
            notifications: vec![notification("n4", 950, 4), notification("n3", 300, 3), notification("n2", 200, 2)],
        };
        let told = told(&log);
        let lines: Vec<&str> = told.lines().map(str::trim_start).collect();
        let expected = [
            "Waiting for a run:",
            "MODIFIED of 1970-01-01T00:00:00.95Z, movement 4711, correlation correlation of n4",
            "1970-01-01T00:00:00.9Z  unchanged: every pass shows what SecuTix says; run r3, calls to SecuTix: 1",
            "without a new notification: it looked again, somebody asked, or SecuTix said that the contact changed",
            "1970-01-01T00:00:00.5Z  done: passes were written; run r2, calls to SecuTix: 1",
            "without a new notification: it looked again, somebody asked, or SecuTix said that the contact changed",
            "found: Reprinting of a ticket (firm), movements 4711, by DESK",
            "pass p1 of 4711: The pass was updated, because the ticket was printed again, so the earlier barcode is no longer valid (barcode); it is live",
            "1970-01-01T00:00:00.4Z  unreachable: SecuTix did not answer; run r1, calls to SecuTix: 1",
            "because of MODIFIED of 1970-01-01T00:00:00.2Z, movement 4711, correlation correlation of n2",
            "because of MODIFIED of 1970-01-01T00:00:00.3Z, movement 4711, correlation correlation of n3, joined run r1",
        ];
        assert_eq!(lines, expected, "{told}");
    }
}
