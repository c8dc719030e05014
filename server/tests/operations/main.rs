//! Every operation on tools, undisturbed and disturbed in every way the world knows, on a real database, a pretended
//! engine and a clock that a test moves. The tests of [`every`] run over all operations: a new one is added to
//! [`bed::Act`] and gets them all.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where something is missing")]

mod bed;
mod disturbed;
mod earned;
mod every;
mod guarded;
mod keeping;
mod logs;
mod missing;
mod offers;
mod outage;
mod reading;
mod room;
mod truth;
mod ways_in;
mod web;
