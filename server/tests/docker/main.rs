//! The real engine: every promise of `engine::Engine` against Docker itself.
//!
//! Needed on the machine: Docker Engine at `DOCKER_HOST` or its usual socket; for pulls `docker-registry`, for outages
//! root and `dockerd`; `openssl`; `busybox` linked statically (Debian: `docker.io`, `docker-registry`, `openssl`,
//! `busybox-static`).
//! The crash tests run the very program and need Postgres at `DATABASE_URL`, with the right to make databases.
//! What is missing fails the tests that need it. Everything made carries the label `app.summoner.test`, and each test
//! sweeps up after itself, also when it fails.

#![expect(clippy::unwrap_used, reason = "what fails in a test ends it, wherever it stands")]
#![expect(clippy::disallowed_methods, reason = "tests run programs and ask over HTTP themselves")]

mod access;
mod bed;
mod containers;
mod crash;
mod images;
mod logs;
mod networks;
mod outage;
mod space;
