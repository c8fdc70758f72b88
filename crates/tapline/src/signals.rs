//! Ctrl-C and SIGTERM: the first asks the run to stop after the page at hand, the second ends the
//! process at once.

use tapline_core::CancellationToken;

use crate::exit_code::Exit;

/// Watches for signals until the runtime ends, and cancels `token` on the first.
pub(crate) fn watch(token: CancellationToken) {
    tokio::spawn(async move {
        if signal().await {
            eprintln!("stopping; once more to stop at once");
            token.cancel();
        }
        if signal().await {
            std::process::exit(Exit::STOPPED.code().into());
        }
    });
}

/// Waits for one signal; `false` if signals cannot be had, which leaves the system's default.
#[cfg(unix)]
async fn signal() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return tokio::signal::ctrl_c().await.is_ok();
    };
    tokio::select! {
        received = tokio::signal::ctrl_c() => received.is_ok(),
        received = term.recv() => received.is_some(),
    }
}

/// Waits for one signal; `false` if signals cannot be had, which leaves the system's default.
#[cfg(not(unix))]
async fn signal() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}
