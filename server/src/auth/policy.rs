//! The one table that says which role may do what.

use std::fmt;
use std::str::FromStr;

use super::Actor;

/// What a person may do, in rising order: each role has the rights of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks: which tools there are and how they are.
    Viewer,
    /// Runs the tools: install, upgrade, restart, logs.
    Operator,
    /// Decides over people, settings, secrets and data.
    Administrator,
}

impl Role {
    /// All roles, in rising order.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// The role's name, as stored and as on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text names no role.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a role; the roles are viewer, operator and administrator")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// One kind of act that not everybody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// See tools, their versions, health and operations.
    ToolsView,
    /// Install a tool from the catalogue.
    ToolsInstall,
    /// Start, stop, restart, upgrade, reconfigure; stop and clean up an operation.
    ToolsOperate,
    /// Remove a tool together with its data.
    ToolsRemoveData,
    /// Read what containers print, which may hold anything.
    LogsView,
    /// Read a generated password in plain text.
    SecretsReveal,
    /// Change settings, registries and their credentials.
    SettingsWrite,
    /// Add and remove people, change their roles, end their sessions.
    UsersManage,
    /// Read who did what.
    AuditView,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 9] = [
        Self::ToolsView,
        Self::ToolsInstall,
        Self::ToolsOperate,
        Self::ToolsRemoveData,
        Self::LogsView,
        Self::SecretsReveal,
        Self::SettingsWrite,
        Self::UsersManage,
        Self::AuditView,
    ];

    /// The least role that has the right.
    pub const fn role(self) -> Role {
        match self {
            Self::ToolsView => Role::Viewer,
            Self::ToolsInstall | Self::ToolsOperate | Self::LogsView => Role::Operator,
            Self::ToolsRemoveData | Self::SecretsReveal | Self::SettingsWrite | Self::UsersManage | Self::AuditView => {
                Role::Administrator
            }
        }
    }

    /// What the right allows, to follow "can".
    const fn act(self) -> &'static str {
        match self {
            Self::ToolsView => "see the tools",
            Self::ToolsInstall => "install a tool",
            Self::ToolsOperate => "change or restart a tool",
            Self::ToolsRemoveData => "remove a tool with its data",
            Self::LogsView => "read logs",
            Self::SecretsReveal => "read secrets",
            Self::SettingsWrite => "change settings",
            Self::UsersManage => "manage people",
            Self::AuditView => "read the audit",
        }
    }
}

/// An actor lacks a right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Only {}s can {}. You are {} {role}.", right.role(), right.act(), article(*role))]
pub struct Forbidden {
    /// The right that is missing.
    pub right: Right,
    /// The role the actor has.
    pub role: Role,
}

impl Actor {
    /// Passes if the actor's role has the right.
    ///
    /// # Errors
    /// [`Forbidden`] otherwise.
    pub fn needs(&self, right: Right) -> Result<(), Forbidden> {
        if self.role >= right.role() { Ok(()) } else { Err(Forbidden { right, role: self.role }) }
    }
}

fn article(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a",
        Role::Operator | Role::Administrator => "an",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table again, written out by hand: whoever changes one of the two must mean it.
    const MATRIX: [(Right, [bool; 3]); 9] = [
        (Right::ToolsView, [true, true, true]),
        (Right::ToolsInstall, [false, true, true]),
        (Right::ToolsOperate, [false, true, true]),
        (Right::ToolsRemoveData, [false, false, true]),
        (Right::LogsView, [false, true, true]),
        (Right::SecretsReveal, [false, false, true]),
        (Right::SettingsWrite, [false, false, true]),
        (Right::UsersManage, [false, false, true]),
        (Right::AuditView, [false, false, true]),
    ];

    #[test]
    fn s6_each_role_has_exactly_its_rights() {
        assert_eq!(MATRIX.map(|(right, _)| right), Right::ALL);
        for (right, expected) in MATRIX {
            for (role, allowed) in Role::ALL.into_iter().zip(expected) {
                let actor = Actor { role, ..Actor::system("test") };
                assert_eq!(actor.needs(right).is_ok(), allowed, "{role} {right:?}");
            }
        }
    }

    #[test]
    fn a_refusal_says_who_can_and_who_you_are() {
        let viewer = Actor { role: Role::Viewer, ..Actor::system("test") };
        let refusal = viewer.needs(Right::ToolsOperate).unwrap_err().to_string();
        assert_eq!(refusal, "Only operators can change or restart a tool. You are a viewer.");
        let operator = Actor { role: Role::Operator, ..viewer };
        let refusal = operator.needs(Right::SettingsWrite).unwrap_err().to_string();
        assert_eq!(refusal, "Only administrators can change settings. You are an operator.");
    }

    #[test]
    fn a_role_is_written_as_it_is_read() {
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>().unwrap(), role);
        }
        assert!("owner".parse::<Role>().is_err());
    }
}
