//! Who holds a lease, in words.

use jiff::Timestamp;

/// Who is about to hold a lease, for the message to whoever waits in vain.
pub(crate) fn of(now: Timestamp) -> String {
    format!(
        "process {} on {} since {now:.0}",
        std::process::id(),
        host()
    )
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok());
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map_or_else(|| "this host".to_owned(), |name| name.trim().to_owned())
}
