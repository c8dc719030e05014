//! What an operation does or did, in a sentence.

use api::operations::{OperationKind, OperationState, OperationView};

use crate::words;

/// What the operation does or did, as a sentence, and what that means.
pub fn verdict(operation: &OperationView) -> (String, String) {
    let (tool, kind) = (&operation.tool, operation.kind);
    let done = words::done(kind);
    match operation.state {
        OperationState::Queued => (
            format!("{} {tool} waits for its turn", words::verb(kind)),
            "You can leave this page; the work goes on.".into(),
        ),
        OperationState::Running => {
            (format!("{} {tool}", words::doing(kind)), "You can leave this page; the work goes on.".into())
        }
        OperationState::Unwinding => (
            format!("Going back: {tool}"),
            format!("{} Everything done so far is undone, newest first.", operation.problem).trim().to_owned(),
        ),
        OperationState::Done => match kind {
            OperationKind::Install => (format!("{tool} is ready"), "Every step was done and its checks pass.".into()),
            _ => (format!("{tool} was {done}"), String::new()),
        },
        OperationState::Undone => {
            let why = if operation.is_cancelled { "Somebody stopped it." } else { operation.problem.as_str() };
            let left = match kind {
                OperationKind::Install => "Everything made was taken away.",
                _ => "Everything is as it was before.",
            };
            (format!("{tool} was not {done}"), format!("{why} {left}").trim().to_owned())
        }
        OperationState::NeedsHand => (
            format!("{tool} needs a hand"),
            format!(
                "{} Going back failed too, so nothing else is attempted. The step marked red says what is left.",
                operation.problem
            )
            .trim()
            .to_owned(),
        ),
    }
}

/// The document's title: how far it is, or what came of it.
pub fn title(operation: &OperationView) -> String {
    let sentence = verdict(operation).0;
    match operation.state {
        OperationState::Done => sentence,
        OperationState::Undone if operation.is_cancelled => sentence,
        OperationState::Undone | OperationState::NeedsHand => format!("(!) {sentence}"),
        OperationState::Queued | OperationState::Running | OperationState::Unwinding => {
            format!("{}/{} {sentence}", operation.steps_done, operation.steps)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(kind: OperationKind, state: OperationState) -> OperationView {
        OperationView {
            operation_id: uuid::Uuid::nil(),
            kind,
            state,
            tool: "git".into(),
            entry_name: "Gitea".into(),
            actor: "Léa".into(),
            created_at: "2026-11-21T18:00:00Z".parse().expect("a time"),
            ended_at: None,
            steps_done: 1,
            steps: 6,
            step: String::new(),
            problem: "Port 3000 is taken.".into(),
            is_cancelled: false,
        }
    }

    #[test]
    fn the_verdict_says_what_became_of_it() {
        use OperationKind::{Install, Remove, Restart};
        use OperationState::{Done, NeedsHand, Queued, Running, Undone, Unwinding};
        for (kind, state, expected) in [
            (Install, Queued, "Install git waits for its turn"),
            (Install, Running, "Installing git"),
            (Install, Unwinding, "Going back: git"),
            (Install, Done, "git is ready"),
            (Install, Undone, "git was not installed"),
            (Remove, Done, "git was removed"),
            (Restart, Undone, "git was not restarted"),
            (Restart, NeedsHand, "git needs a hand"),
        ] {
            assert_eq!(verdict(&operation(kind, state)).0, expected);
        }
    }

    #[test]
    fn the_title_says_how_far_it_is_and_marks_what_needs_a_look() {
        use OperationKind::Install;
        use OperationState::{Done, Running, Undone};
        assert_eq!(title(&operation(Install, Running)), "1/6 Installing git");
        assert_eq!(title(&operation(Install, Done)), "git is ready");
        assert_eq!(title(&operation(Install, Undone)), "(!) git was not installed");
        let cancelled = OperationView { is_cancelled: true, ..operation(Install, Undone) };
        assert_eq!(title(&cancelled), "git was not installed");
    }

    #[test]
    fn a_failed_install_says_why_and_what_is_left() {
        let lead = verdict(&operation(OperationKind::Install, OperationState::Undone)).1;
        assert_eq!(lead, "Port 3000 is taken. Everything made was taken away.");
    }
}
