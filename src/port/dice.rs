//! Chance: jitter and temporary names.

/// The only source of randomness.
pub trait Dice: Send + Sync {
    /// A number in `0.0..1.0`.
    fn fraction(&self) -> f64;

    /// Any number.
    fn number(&self) -> u64;
}
