//! Registries: a real one, hostile ones, and what is kept of their answers.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod bearer;
mod hostile;
mod known;
mod mirror;
mod real;
mod waiting;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use server::clock::Clock;
use server::registry::{Credential, Error, Fault, FixedCredentials, HttpRegistry, Limits, Reference, RegistryConfig};

const NOW: &str = "2026-11-01T12:00:00Z";

fn clock() -> Clock {
    Clock::fixed(NOW.parse().unwrap())
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn image(text: &str) -> Reference {
    text.parse().unwrap()
}

/// Limits that a test can reach, and pauses that it need not wait for.
fn limits() -> Limits {
    Limits {
        pages: 5,
        tags: 100,
        page_bytes: 64 << 10,
        manifest_bytes: 32 << 10,
        config_bytes: 16 << 10,
        request: Duration::from_secs(2),
        question: Duration::from_secs(10),
        retries: 2,
        pause: Duration::from_millis(5),
        longest_pause: Duration::from_secs(2),
    }
}

/// A configuration that speaks plain HTTP to these hosts and ports of this machine.
fn config(insecure: &[&str]) -> RegistryConfig {
    let insecure: BTreeSet<String> = insecure.iter().map(|&name| name.to_owned()).collect();
    RegistryConfig { insecure, limits: limits(), ..RegistryConfig::default() }
}

/// A client with a login for each of these registries: name, user, password.
fn client(config: RegistryConfig, logins: &[(&str, &str, &str)]) -> HttpRegistry {
    client_at(config, logins, clock())
}

fn client_at(config: RegistryConfig, logins: &[(&str, &str, &str)], clock: Clock) -> HttpRegistry {
    let login = |&(registry, username, password): &(&str, &str, &str)| {
        let credential = Credential { username: username.to_owned(), password: password.to_owned().into() };
        (registry.to_owned(), credential)
    };
    let credentials = FixedCredentials(logins.iter().map(login).collect());
    HttpRegistry::new(config, Arc::new(credentials), clock).unwrap()
}

/// The fault of an answer that breaks the protocol.
fn fault<T: std::fmt::Debug>(answer: Result<T, Error>) -> Fault {
    match answer {
        Err(Error::Invalid { fault, .. }) => fault,
        other => panic!("not an invalid answer: {other:?}"),
    }
}
