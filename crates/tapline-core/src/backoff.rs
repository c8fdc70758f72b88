//! Growing, jittered pauses, for sources that do not say how long to wait.

use std::time::Duration;

/// Longest pause before the second attempt; it doubles with every further one.
const BASE: Duration = Duration::from_millis(500);

/// Longest pause of all.
const CAP: Duration = Duration::from_secs(30);

/// Shortest pause: whatever the jitter or a header says, nothing is retried in a storm.
const FLOOR: Duration = Duration::from_millis(100);

/// The pause after attempt number `attempt`, from 1, for a `jitter` in `0..=1`. Full jitter: many
/// streams that failed together do not come back together.
pub fn backoff(attempt: u32, jitter: f64) -> Duration {
    let doubled = BASE.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    doubled.min(CAP).mul_f64(jitter).max(FLOOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_between_floor_and_cap() {
        fn check(attempt: u32, jitter: f64, millis: u64) {
            assert_eq!(backoff(attempt, jitter), Duration::from_millis(millis));
        }
        check(1, 1.0, 500);
        check(2, 1.0, 1000);
        check(2, 0.5, 500);
        check(3, 0.0, 100);
        check(7, 1.0, 30_000);
        check(u32::MAX, 1.0, 30_000);
    }
}
