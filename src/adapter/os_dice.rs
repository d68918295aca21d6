//! Chance from the operating system.

use std::sync::{Mutex, PoisonError};

use crate::port::dice::Dice;

/// A generator that is seeded by the operating system.
pub struct OsDice {
    generator: Mutex<fastrand::Rng>,
}

impl OsDice {
    /// A new generator.
    pub fn new() -> Self {
        Self {
            generator: Mutex::new(fastrand::Rng::new()),
        }
    }

    fn roll<T>(&self, roll: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        // A generator is never half-changed, so a panic elsewhere does not matter.
        roll(
            &mut self
                .generator
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl Default for OsDice {
    fn default() -> Self {
        Self::new()
    }
}

impl Dice for OsDice {
    fn fraction(&self) -> f64 {
        self.roll(fastrand::Rng::f64)
    }

    fn number(&self) -> u64 {
        self.roll(|generator| generator.u64(..))
    }
}
