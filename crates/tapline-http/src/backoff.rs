//! The jitter of a backoff.

/// A random number in `0..=1`; 1, the most patient, on a machine without randomness.
pub(crate) fn random() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_is_a_fraction() {
        assert!((0.0..=1.0).contains(&random()));
    }
}
