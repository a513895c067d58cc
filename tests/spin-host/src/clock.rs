//! The guests' wall clock: the system's, moved by what a file says.
//!
//! Ours, not Spin's: a test lets days pass without waiting. The monotonic clock is not touched, so sleeps and timeouts are what they are.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use wasmtime_wasi::HostWallClock;

#[derive(Debug, Clone)]
pub struct Clock {
    /// Signed milliseconds, read at every look; a file that is not there, or not a number, moves nothing.
    pub file: PathBuf,
}

impl Clock {
    fn offset(&self) -> i64 {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let offset = self.offset();
        let distance = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 { now.saturating_sub(distance) } else { now.saturating_add(distance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_moves_the_clock_both_ways_and_its_absence_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock { file: folder.path().join("clock") };
        let system = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert!(clock.now() <= system());
        std::fs::write(&clock.file, "86400000\n").unwrap();
        assert!(clock.now() > system() + Duration::from_secs(86_000));
        std::fs::write(&clock.file, "-86400000").unwrap();
        assert!(clock.now() + Duration::from_secs(86_000) < system());
        std::fs::write(&clock.file, "soon").unwrap();
        assert!(clock.now() <= system());
    }
}
