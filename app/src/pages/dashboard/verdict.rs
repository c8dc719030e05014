//! Is everything all right? The sentence that answers, for the dashboard and the list of tools.

use api::{
    engine::{EngineState, EngineView},
    tools::{Condition, ToolView},
};

use crate::{format, words};

/// The dashboard's answer: a sentence and a line below it.
pub fn verdict(tools: &[ToolView], engine: Option<&EngineView>) -> (String, String) {
    let (stuck, settled): (Vec<_>, Vec<_>) = tools.iter().partition(|tool| tool.stuck().is_some());
    let number = |condition: fn(Condition) -> bool| settled.iter().filter(|tool| condition(tool.condition)).count();
    let down = number(Condition::is_in_need) + stuck.len();
    let unknown = number(|condition| condition == Condition::Unknown);
    let stopped = number(|condition| condition == Condition::Stopped);
    let starting = number(|condition| condition == Condition::Starting);
    let fine = tools.len() - down - unknown - stopped - starting;
    let many = |count: usize| if count == 1 { "tool is" } else { "tools are" };
    let others = |count: usize| match count {
        0 => String::new(),
        1 => " The other one is fine.".to_owned(),
        count => format!(" The other {} are fine.", format::count(count)),
    };
    let sentence = match (tools, down, unknown, stopped + starting) {
        ([], ..) => "Nothing is installed yet.".to_owned(),
        (_, 0, 0, 0) if fine == 1 => format!("{} is fine.", tools[0].name),
        (_, 0, 0, 0) => format!("All {} tools are fine.", format::count(fine)),
        (_, 0, unknown, _) if unknown == tools.len() => "Nobody knows how the tools are.".to_owned(),
        (_, 0, 0, _) => {
            let (count, word) = if starting > 0 { (starting, "starting") } else { (stopped, "stopped") };
            let rest = if starting > 0 && stopped > 0 { String::new() } else { others(fine) };
            format!("{} {} {word}.{rest}", format::sentence(&format::count(count)), many(count))
        }
        (_, 0, unknown, _) => {
            format!(
                "{} of {} tools did not answer.",
                format::sentence(&format::count(unknown)),
                format::count(tools.len())
            )
        }
        (_, down, unknown, _) => {
            let rest = if down + fine == tools.len() { others(fine) } else { String::new() };
            let unknown = match unknown {
                0 => String::new(),
                unknown => format!(" Of {}, nothing is known.", format::count(unknown)),
            };
            let word = match (stuck.len(), down) {
                (0, 1) => "tool is down",
                (0, _) => "tools are down",
                (_, 1) => "tool needs a hand",
                _ => "tools need you",
            };
            format!("{} {word}.{unknown}{rest}", format::sentence(&format::count(down)))
        }
    };
    (sentence, lead(tools, engine))
}

fn lead(tools: &[ToolView], engine: Option<&EngineView>) -> String {
    if tools.is_empty() {
        return "Pick a first tool from the catalogue; everything it needs is filled in.".to_owned();
    }
    if let Some(engine) = engine
        && engine.state == EngineState::Down
    {
        return format!("Docker on {} does not answer, so this is what was last known.", engine.node);
    }
    let worst = in_need(tools).into_iter().find(|tool| !words::why(tool).is_empty());
    let tools_count = format!("{} {}", tools.len(), if tools.len() == 1 { "tool" } else { "tools" });
    match (worst, engine) {
        (Some(tool), _) => format!("{}: {}", tool.name, words::why(tool)),
        (None, Some(engine)) => {
            let containers = engine.tool_containers;
            format!("{tools_count}, {containers} {}.", if containers == 1 { "container" } else { "containers" })
        }
        (None, None) => format!("{tools_count}."),
    }
}

/// The tools that need a person, worst first, then by name.
pub fn in_need(tools: &[ToolView]) -> Vec<&ToolView> {
    let mut found: Vec<&ToolView> = tools.iter().filter(|tool| tool.is_in_need()).collect();
    found.sort_by(|one, other| {
        // Only a person can go on with a stuck one.
        let rank = |tool: &ToolView| (tool.stuck().is_none(), tool.condition != Condition::Failed);
        rank(one).cmp(&rank(other)).then_with(|| one.name.cmp(&other.name))
    });
    found
}

#[cfg(test)]
mod tests {
    use api::operations::OperationView;
    use uuid::Uuid;

    use super::*;

    fn tools(conditions: &[Condition]) -> Vec<ToolView> {
        conditions
            .iter()
            .enumerate()
            .map(|(number, condition)| ToolView {
                tool_id: Uuid::nil(),
                name: format!("tool{number}"),
                entry: "gitea".into(),
                entry_name: "Gitea".into(),
                condition: *condition,
                since: None,
                reason: if condition.is_in_need() { "It does not answer.".into() } else { String::new() },
                version: "1".into(),
                address: None,
                cpu_millis: None,
                memory_bytes: None,
                operation: None,
            })
            .collect()
    }

    #[test]
    fn the_verdict_is_true_for_none_one_many_partial_and_unknown() {
        use Condition::{Failed, Healthy, Running, Starting, Stopped, Unhealthy, Unknown};
        for (conditions, expected) in [
            (&[] as &[Condition], "Nothing is installed yet."),
            (&[Healthy], "tool0 is fine."),
            (&[Healthy, Running, Healthy], "All three tools are fine."),
            (&[Unhealthy, Healthy, Healthy], "One tool is down. The other two are fine."),
            (&[Failed, Unhealthy, Healthy], "Two tools are down. The other one is fine."),
            (&[Failed], "One tool is down."),
            (&[Stopped, Healthy], "One tool is stopped. The other one is fine."),
            (&[Starting, Healthy, Healthy], "One tool is starting. The other two are fine."),
            (&[Unknown, Unknown], "Nobody knows how the tools are."),
            (&[Unknown, Healthy], "One of two tools did not answer."),
            (&[Failed, Unknown, Healthy], "One tool is down. Of one, nothing is known."),
        ] {
            assert_eq!(verdict(&tools(conditions), None).0, expected, "{conditions:?}");
        }
        assert_eq!(verdict(&tools(&[Failed]), None).1, "tool0: It does not answer.");
    }

    #[test]
    fn what_has_ended_needs_somebody_before_what_is_unhealthy() {
        use Condition::{Failed, Healthy, Unhealthy};
        let tools = tools(&[Unhealthy, Healthy, Failed, Unhealthy]);
        let names: Vec<&str> = in_need(&tools).iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["tool2", "tool0", "tool3"]);
    }

    #[test]
    fn an_operation_that_needs_a_hand_is_no_peace() {
        let operation = OperationView {
            operation_id: Uuid::nil(),
            kind: api::operations::OperationKind::Reconfigure,
            state: api::operations::OperationState::NeedsHand,
            tool: "tool1".into(),
            entry_name: "Gitea".into(),
            actor: "Ada".into(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            ended_at: None,
            steps_done: 1,
            steps: 3,
            step: String::new(),
            problem: "The old container could not be started.".into(),
            is_cancelled: false,
        };
        let mut tools = tools(&[Condition::Healthy, Condition::Healthy, Condition::Failed]);
        tools[1].operation = Some(operation);
        let (sentence, lead) = verdict(&tools[..2], None);
        assert_eq!(sentence, "One tool needs a hand. The other one is fine.");
        assert_eq!(lead, "tool1: The old container could not be started.");
        assert_eq!(verdict(&tools, None).0, "Two tools need you. The other one is fine.");
    }
}
