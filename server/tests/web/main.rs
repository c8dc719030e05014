//! The HTTP surface as a browser and a script meet it, over the whole router: a real database, a pretended engine, a
//! pretended registry, and a clock that stands.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod bed;
mod conditional;
mod hostile;
mod metrics;
mod need;
mod origin;
mod paging;
mod password;
mod repeat;
mod rights;
mod serving;
mod slow;
mod streams;
mod wrong;
