//! The sign of life: a write, because a transaction without one touches no disk and proves nothing.

use crate::{Connection, Fault};

pub fn ping(conn: &dyn Connection) -> Result<(), Fault> {
    let beat = "INSERT INTO pulse(name, beats) VALUES('ping', 1) ON CONFLICT(name) DO UPDATE SET beats = beats + 1";
    conn.run(beat, &[]).map(drop)
}
