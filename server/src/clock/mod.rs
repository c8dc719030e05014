//! Time and randomness, the two inputs that no test can repeat unless they are handed in.
//!
//! Everything that needs the time, a random value or a new id takes a [`Clock`] or a [`Random`]; a lint forbids the
//! standard library's own clock and generator everywhere else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use uuid::Uuid;

/// Tells the time: the machine's, or one that a test set.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's own clock.
    #[default]
    System,
    /// A clock that stands until [`Clock::advance`] moves it; clones share it.
    Fixed(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `at`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(Mutex::new(at)))
    }

    /// The present instant, with the resolution that Postgres keeps (microseconds).
    pub fn now(&self) -> Timestamp {
        let now = match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
            Self::System => Timestamp::now(),
            Self::Fixed(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Moves a fixed clock forward.
    ///
    /// # Panics
    /// On the machine's clock, which nobody moves.
    pub fn advance(&self, by: Duration) {
        match self {
            Self::System => panic!("only a fixed clock can be moved"),
            Self::Fixed(at) => {
                let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
                *at += by;
            }
        }
    }
}

/// Gives random bytes: the operating system's, or a repeatable row of them.
#[derive(Clone, Debug, Default)]
pub enum Random {
    /// A cryptographic generator seeded by the operating system.
    #[default]
    System,
    /// The same bytes in every run; clones share the row.
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// A generator that gives the same bytes in every run.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// `N` random bytes, fit for keys and tokens when the generator is the system's.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
            Self::System => rand::rng().fill_bytes(&mut bytes),
            Self::Seeded(row) => row.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes),
        }
        bytes
    }

    /// An unbiased whole number below `bound`.
    ///
    /// # Panics
    /// When `bound` is zero.
    pub fn below(&self, bound: u32) -> u32 {
        assert!(bound > 0, "no number is below zero");
        let zone = u32::MAX - u32::MAX % bound;
        loop {
            let number = u32::from_le_bytes(self.bytes());
            if number < zone {
                return number % bound;
            }
        }
    }

    /// A new id that sorts by the time it was made (RFC 9562, version 7).
    pub fn id(&self, clock: &Clock) -> Uuid {
        let millis = u64::try_from(clock.now().as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let (clock, random) = (Clock::fixed(Timestamp::UNIX_EPOCH), Random::seeded(1));
        let first = random.id(&clock);
        clock.advance(Duration::from_millis(1));
        assert!(first < random.id(&clock));
        assert_eq!(first.get_version_num(), 7);
    }

    #[test]
    fn a_seed_repeats_its_row() {
        assert_eq!(Random::seeded(7).bytes::<16>(), Random::seeded(7).bytes::<16>());
        assert_ne!(Random::seeded(7).bytes::<16>(), Random::seeded(8).bytes::<16>());
    }

    #[test]
    fn numbers_below_a_bound_reach_all_of_them() {
        let random = Random::seeded(3);
        let mut seen = [false; 7];
        for _ in 0..200 {
            seen[random.below(7) as usize] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
