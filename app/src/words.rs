//! Words for the states of the wire, said the same way on every page.

use api::{
    catalog::Text,
    operations::{OperationKind, OperationState, OperationView},
    session::Role,
    tools::{Condition, ToolView},
};

/// The tone of a state: its icon's outline and its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A check ran and passed.
    Ok,
    /// Worth a look.
    Warn,
    /// Failed.
    Bad,
    /// Under way.
    Work,
    /// Off on purpose.
    Off,
    /// Not known.
    Unknown,
    /// Waits for its turn.
    Waiting,
}

impl Tone {
    /// The value of `data-tone`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Work => "work",
            Self::Off => "off",
            Self::Unknown => "unknown",
            Self::Waiting => "waiting",
        }
    }

    /// The icon with the outline of this tone.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Ok => "okc",
            Self::Warn => "tri",
            Self::Bad => "badc",
            Self::Work => "arc",
            Self::Off => "minusc",
            Self::Unknown => "ring",
            Self::Waiting => "clock",
        }
    }
}

/// A text in the language of the page.
pub fn say(text: &Text) -> &str {
    &text.en
}

/// How a tool or service is.
pub fn condition(condition: Condition) -> (Tone, &'static str) {
    match condition {
        Condition::Healthy => (Tone::Ok, "Healthy"),
        // No check ran, so it is not green.
        Condition::Running => (Tone::Off, "Running, not checked"),
        Condition::Starting => (Tone::Work, "Starting"),
        Condition::Unhealthy => (Tone::Bad, "Unhealthy"),
        Condition::Failed => (Tone::Bad, "Failed"),
        Condition::Stopped => (Tone::Off, "Stopped"),
        Condition::Unknown => (Tone::Unknown, "Unknown"),
    }
}

/// How a tool is, or what is under way with it, as a word for a list.
pub fn tool(tool: &ToolView) -> (Tone, &'static str) {
    match open(tool) {
        Some(open) => operation(open),
        None => condition(tool.condition),
    }
}

/// The operation of a tool that is under way or needs a hand.
pub fn open(tool: &ToolView) -> Option<&OperationView> {
    tool.operation.as_ref().filter(|operation| !operation.state.has_ended()).or(tool.stuck())
}

/// Why a tool needs somebody, in one sentence; empty when all is well.
pub fn why(tool: &ToolView) -> &str {
    tool.stuck().map_or(&tool.reason, |operation| &operation.problem)
}

/// What an operation is doing or did, as a word for a list.
pub fn operation(operation: &OperationView) -> (Tone, &'static str) {
    match operation.state {
        OperationState::Queued => (Tone::Waiting, "Queued"),
        OperationState::Running => (Tone::Work, doing(operation.kind)),
        OperationState::Unwinding => (Tone::Work, "Going back"),
        OperationState::Done => (Tone::Ok, "Done"),
        OperationState::Undone if operation.is_cancelled => (Tone::Off, "Stopped"),
        OperationState::Undone => (Tone::Bad, "Undone"),
        OperationState::NeedsHand => (Tone::Bad, "Needs a hand"),
    }
}

/// "Installing", "Removing"…
pub fn doing(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Install => "Installing",
        OperationKind::Start => "Starting",
        OperationKind::Stop => "Stopping",
        OperationKind::Restart => "Restarting",
        OperationKind::Reconfigure => "Changing",
        OperationKind::Remove => "Removing",
    }
}

/// "installed", "removed"…
pub fn done(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Install => "installed",
        OperationKind::Start => "started",
        OperationKind::Stop => "stopped",
        OperationKind::Restart => "restarted",
        OperationKind::Reconfigure => "changed",
        OperationKind::Remove => "removed",
    }
}

/// "Install", "Remove"…
pub fn verb(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Install => "Install",
        OperationKind::Start => "Start",
        OperationKind::Stop => "Stop",
        OperationKind::Restart => "Restart",
        OperationKind::Reconfigure => "Change",
        OperationKind::Remove => "Remove",
    }
}

/// What the query value `done` of a page says, in words; nothing for any other text, so that a link can put no words
/// into our mouth.
pub fn was_done(done: &str) -> Option<&'static str> {
    Some(match done {
        "login-kept" => "The login is saved, sealed.",
        "login-taken" => "The registry takes the login.",
        "login-not_asked" => "The registry lets everybody in here, so the login could not be tried.",
        "login-removed" => "The login is removed.",
        "named" => "This panel has its new name.",
        "session-ended" => "That session has ended.",
        "password" => "The new password holds from now on. Other sessions have ended.",
        _ => return None,
    })
}

/// What the query value `link` of the set-up page says of a link that does not hold, and what to do; the same for any
/// other text as for none. A used one needs no words: there is an administrator then.
pub fn dead_link(link: Option<&str>) -> (&'static str, &'static str) {
    match link {
        Some("expired") => {
            ("This set-up link is too old", "A link works for an hour. Run this on the machine; it prints a fresh one.")
        }
        Some("replaced") => (
            "A newer set-up link took the place of this one",
            "Only the newest works. Open that one, or run this on the machine; it prints a fresh one.",
        ),
        Some("unknown") => (
            "This set-up link is not known here",
            "Part of it may be missing. Copy the whole link, or run this on the machine; it prints a fresh one.",
        ),
        _ => (
            "Open the set-up link first",
            "Summoner printed a link when it started. It works once, and for an hour. If it is lost, run this on the machine; it prints a fresh one.",
        ),
    }
}

/// A role by its name.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer",
        Role::Operator => "Operator",
        Role::Administrator => "Administrator",
    }
}

/// A purpose of the catalogue.
pub fn category(category: &str) -> &str {
    match category {
        "files" | "office" => "Files and documents",
        "chat" => "Talk",
        "code" => "Build",
        "web" => "Publish",
        "automation" => "Automate",
        "monitoring" => "Watch",
        "data" => "Data",
        "media" => "Media",
        "identity" | "security" => "Security",
        other => other,
    }
}
