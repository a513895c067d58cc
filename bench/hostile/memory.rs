//! What the process holds, as the kernel counts it. On Linux; elsewhere nothing is known and nothing is judged.

/// Resident memory in KB.
pub fn resident() -> Option<u64> {
    field("VmRSS:")
}

/// The most that was resident since [`forget_peak`].
pub fn peak() -> Option<u64> {
    field("VmHWM:")
}

/// The peak begins anew (proc(5), `clear_refs`).
pub fn forget_peak() {
    // A container may forbid it; the peak is that of the whole run then, and the verdict only stricter.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}
