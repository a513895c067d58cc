//! CSV (RFC 4180), as far as it is written here.
//!
//! Owns the quoting of a cell. Does not own what a cell says, nor how lines end (who writes a file).

/// In quotes, where it would be read otherwise.
pub(crate) fn quoted(cell: String) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
