//! Who asks.

use std::fmt;
use std::net::IpAddr;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Role;
use crate::events::NewEvent;

/// The id of a person's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

/// The id of a session, fit to be listed and revoked; it opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl From<Uuid> for SessionId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who asks for something to be done: a signed-in person, the command line, or Summoner itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The person's account; `None` for everyone who is no person.
    pub id: Option<UserId>,
    /// How pages call the actor: a person's name, or a part of Summoner.
    pub name: String,
    /// The person's e-mail address; empty for everyone who is no person.
    pub email: String,
    /// What the actor may do, as of now.
    pub role: Role,
    /// The way by which the actor came.
    pub way: Way,
    /// The address the actor asks from, as far as trusted proxies tell; `None` for whoever does not come by the network.
    pub address: Option<IpAddr>,
}

/// The way by which an actor came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A browser that is signed in.
    Session(SessionId),
    /// The first run's link, by which the first administrator is made.
    SetupLink,
    /// The command line, on the machine itself.
    CommandLine,
    /// No one: Summoner acts on its own.
    System,
}

impl Actor {
    /// A part of Summoner that acts on its own, with every right: `name` tells which ("watcher", "schedule").
    pub fn system(name: &str) -> Self {
        Self {
            id: None,
            name: name.to_owned(),
            email: String::new(),
            role: Role::Administrator,
            way: Way::System,
            address: None,
        }
    }

    /// Whoever runs commands on the machine; with the data folder in hand they have every right already.
    pub fn command_line() -> Self {
        Self { way: Way::CommandLine, ..Self::system("command line") }
    }

    /// What events and logs call the actor: the e-mail address, which is unique, else the name.
    pub fn label(&self) -> &str {
        if self.email.is_empty() { &self.name } else { &self.email }
    }

    /// A fact that the actor causes, about no tool and of no operation. Its payload, an object, says from where.
    pub fn event(&self, kind: &'static str, subject: impl Into<String>, mut payload: Value) -> NewEvent {
        if let Some(address) = self.address {
            payload["address"] = json!(address.to_canonical());
        }
        NewEvent {
            kind,
            actor: self.label().to_owned(),
            actor_id: self.id.map(|id| id.0),
            subject: subject.into(),
            tool_id: None,
            operation_id: None,
            payload,
        }
    }
}
