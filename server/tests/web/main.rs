//! The HTTP surface as a browser and a script meet it, over the whole router: a real database, a pretended engine, a
//! pretended registry, and a clock that stands.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod bed;
mod conditional;
mod metrics;
mod password;
mod rights;
mod slow;
mod wrong;
