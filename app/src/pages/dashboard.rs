//! Is everything all right, and if not, since when and why?

use api::{
    Page,
    activity::EventView,
    engine::{EngineState, EngineView, Frame},
    operations::OperationView,
    session::Role,
    tools::{Condition, ToolView},
};
use leptos::prelude::*;

use crate::{
    client,
    components::{
        failure::{blocked, failure},
        frame::Around,
        icon::{icon, small_icon},
        panel::Panel,
        status::status_box,
        steps::meter,
        suspended::suspended,
        tile::{TileSize, tile},
        tool_table::tool_table,
        verdict::Verdict,
        when::{ago, lasting},
    },
    format,
    live::Live,
    pages::activity::sentence,
    words::{self, Tone},
};

/// At most this many rows stand in *Needs you*.
const NEEDS: usize = 5;

/// The start page.
#[component]
pub fn Dashboard() -> impl IntoView {
    let Around(frame) = expect_context::<Around>();
    let tools = client::main_resource::<Page<ToolView>>(|| "/tools".to_owned());
    let latest = client::resource::<Page<EventView>>(|| "/activity?limit=5".to_owned());
    view! {
        {suspended(move || async move {
            let frame = frame.await.ok();
            match tools.await {
                Err(problem) => failure(&problem),
                Ok(Page { items: tools, .. }) => {
                    let latest = latest.await;
                    page(tools, frame, latest)
                }
            }
        })}
    }
    .into_any()
}

fn page(tools: Vec<ToolView>, frame: Option<Frame>, latest: Result<Page<EventView>, api::Problem>) -> AnyView {
    let engine = frame.as_ref().map(|frame| frame.engine.clone());
    let role = frame.as_ref().map_or(Role::Viewer, |frame| frame.me.role);
    let (sentence, lead) = verdict(&tools, engine.as_ref());
    let needs: Vec<ToolView> = tools.iter().filter(|tool| tool.is_in_need()).take(NEEDS).cloned().collect();
    let running = frame.map(|frame| frame.running).unwrap_or_default();
    let count = tools.len();
    view! {
        <Verdict sentence=sentence title="Dashboard" lead=lead>
            {(count > 0)
                .then(|| {
                    view! {
                        <a class="button" href="/catalogue">
                            {icon("plus")}
                            "Install a tool"
                        </a>
                    }
                })}
        </Verdict>
        {(!needs.is_empty()).then(|| needs_you(needs, role))}
        <div class="columns">
            <div class="stack">
                {if tools.is_empty() { first_tool().into_any() } else { all_tools(tools).into_any() }}
            </div>
            <div class="stack">
                {(!running.is_empty()).then(|| running_now(running))}
                {engine.map(engine_panel)} {latest_panel(latest)}
            </div>
        </div>
    }
    .into_any()
}

fn is_in_need(condition: Condition) -> bool {
    matches!(condition, Condition::Unhealthy | Condition::Failed)
}

/// The dashboard's answer: a sentence and a line below it.
pub fn verdict(tools: &[ToolView], engine: Option<&EngineView>) -> (String, String) {
    let (stuck, settled): (Vec<_>, Vec<_>) = tools.iter().partition(|tool| tool.stuck().is_some());
    let number = |condition: fn(Condition) -> bool| settled.iter().filter(|tool| condition(tool.condition)).count();
    let (down, unknown) = (number(is_in_need) + stuck.len(), number(|condition| condition == Condition::Unknown));
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
    let worst = tools.iter().find(|tool| tool.is_in_need() && !words::why(tool).is_empty());
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

fn needs_you(tools: Vec<ToolView>, role: Role) -> AnyView {
    let count = tools.len();
    let rows = tools.into_iter().map(|tool| need(tool, role)).collect_view();
    view! {
        <Panel name="needs" title="Needs you" is_flush=true note=move || view! { <span class="count is-bad">{count}</span> }>
            <ul class="rows">{rows}</ul>
        </Panel>
    }
    .into_any()
}

fn need(tool: ToolView, role: Role) -> AnyView {
    let name = tool.name.clone();
    let stuck = tool.stuck().map(|operation| format!("/operations/{}", operation.operation_id));
    let (is, since) = match tool.stuck() {
        Some(operation) => (" needs a hand ".to_owned(), operation.ended_at),
        None => (format!(" is {} ", words::condition(tool.condition).1.to_lowercase()), tool.since),
    };
    view! {
        <li class="need">
            {tile(&name, TileSize::Normal)} <div class="need__what">
                <b>
                    <a href=format!("/tools/{name}")>{name.clone()}</a>
                    {is}
                    {since.map(lasting)}
                </b>
                <p class="hint">{words::why(&tool).to_owned()}</p>
            </div>
            {stuck
                .clone()
                .map(|link| {
                    view! {
                        <div class="need__actions">
                            <a class="button is-small is-primary" href=link>
                                "See what is left"
                            </a>
                        </div>
                    }
                })}
            {(role >= Role::Operator && stuck.is_none())
                .then(|| {
                    view! {
                        <div class="need__actions">
                            <a class="button is-small" href=format!("/tools/{name}/logs")>
                                {small_icon("logs")}
                                "Read the log"
                            </a>
                            <a class="button is-small is-primary" href=format!("/tools/{name}?do=restart")>
                                {small_icon("again")}
                                {format!("Restart {name}")}
                            </a>
                        </div>
                    }
                })}
        </li>
    }
    .into_any()
}

fn first_tool() -> AnyView {
    view! {
        <div class="empty">
            {tile("Summoner", TileSize::Huge)} <p>"Your tools will stand here, with their state and what they use."</p>
            <a class="button is-primary is-big" href="/catalogue">
                "Open the catalogue"
            </a>
        </div>
    }
    .into_any()
}

fn all_tools(tools: Vec<ToolView>) -> AnyView {
    let count = tools.len();
    view! {
        <Panel name="tools" title="Tools" is_flush=true note=move || view! { <span>{count}</span> }>
            {tool_table(tools)}
        </Panel>
    }
    .into_any()
}

fn running_now(running: Vec<OperationView>) -> AnyView {
    let live = expect_context::<Live>();
    let rows = running
        .into_iter()
        .map(|operation| {
            let id = operation.operation_id;
            let operation = live.operation(operation);
            let percent = move || {
                operation.with(|operation| u64::from(operation.steps_done) * 100 / u64::from(operation.steps.max(1)))
            };
            view! {
                <li class="under-way">
                    <b>
                        {move || operation.with(|operation| format!("{} {}", words::operation(operation).1, operation.tool))}
                    </b>
                    <p class="hint">{move || operation.with(|operation| operation.step.clone())}</p>
                    {move || meter(percent(), "Steps done")}
                    <a href=format!("/operations/{id}")>"Watch it"</a>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel name="running" title="Running now" is_flush=true>
            <ul class="rows">{rows}</ul>
        </Panel>
    }
    .into_any()
}

fn engine_panel(engine: EngineView) -> AnyView {
    let live = expect_context::<Live>();
    let title = engine.node.clone();
    let state = {
        let engine = engine.clone();
        move || {
            let state = live.engine.get().map_or(engine.state, |engine| engine.state);
            match state {
                EngineState::Up => status_box(Tone::Ok, "Answers").into_any(),
                EngineState::Down => status_box(Tone::Bad, "No answer").into_any(),
                EngineState::Unknown => status_box(Tone::Unknown, "Not asked yet").into_any(),
            }
        }
    };
    view! {
        <Panel name="engine" title=title note=state>
            <dl class="facts">
                <dt>"Docker"</dt>
                <dd>{if engine.version.is_empty() { "unknown".to_owned() } else { engine.version }}</dd>
                <dt>"Machine"</dt>
                <dd>
                    {format!(
                        "{}, {} {}, {}",
                        engine.platform,
                        engine.cpus,
                        if engine.cpus == 1 { "core" } else { "cores" },
                        format::bytes(engine.memory_bytes),
                    )}
                </dd>
                <dt>"Containers"</dt>
                <dd>{format!("{} of tools, {} of others", engine.tool_containers, engine.foreign_containers)}</dd>
            </dl>
        </Panel>
    }
    .into_any()
}

fn latest_panel(latest: Result<Page<EventView>, api::Problem>) -> AnyView {
    let body = match latest {
        Err(problem) => blocked(&problem),
        Ok(page) if page.items.is_empty() => view! { <p class="hint">"Nothing happened yet."</p> }.into_any(),
        Ok(page) => {
            let items = page
                .items
                .into_iter()
                .map(|event| view! { <li class="feed__item">{ago(event.at)} <p>{sentence(&event)}</p></li> })
                .collect_view();
            view! { <ul class="feed">{items}</ul> }.into_any()
        }
    };
    view! {
        <Panel name="latest" title="Latest" note=|| view! { <a href="/activity">"All activity"</a> }>
            {body}
        </Panel>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
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
                reason: if is_in_need(*condition) { "It does not answer.".into() } else { String::new() },
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
