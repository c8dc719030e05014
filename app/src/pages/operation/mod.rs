//! Any running or past operation: its steps, its log, and the way back.

mod verdict;

use std::time::Duration;

use api::operations::{OperationDetails, OperationKind, OperationState, OperationView};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use self::verdict::title;
pub use self::verdict::verdict;

use crate::{
    client,
    components::{
        button::ActionButton,
        callout::Callout,
        failure::{failure, refusal},
        form::refused,
        icon::small_icon,
        log::log_line,
        panel::Panel,
        status::status_box,
        steps::{meter, steps},
        suspended::suspended,
        tile::{TileSize, tile},
        tool_table::opened_by_browser,
        verdict::Verdict,
        when::ago,
    },
    format,
    forms::Refused,
    kept::kept,
    live::Live,
    pages::tool::first_login::first_login,
    words::{self, Tone},
};

/// How often a running operation is asked for, beside what the stream says.
const ASK_EVERY: Duration = Duration::from_millis(1500);

/// One operation, followed while it runs.
#[component]
pub fn Operation() -> impl IntoView {
    let refused = refused();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("operation")).unwrap_or_default());
    let details =
        client::main_resource::<OperationDetails>(move || format!("/operations/{}", client::encode(&id.get())));
    view! {
        {suspended(move || async move {
            match details.await {
                Ok(details) => view! { <Followed details=details refused=refused /> }.into_any(),
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

#[component]
fn Followed(details: OperationDetails, refused: RwSignal<Refused>) -> impl IntoView {
    let view = expect_context::<Live>().operation(details.operation.clone());
    let details = RwSignal::new(details);
    follow(details, view);
    // What the head shows changes with the state only; the steps change with every answer.
    let head = Memo::new(move |_| details.with(Head::of));
    view! {
        {show(head, details)}
        {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
        <div class="columns">
            <div class="stack">
                <Panel name="steps" title="Steps" note=move || progress(&details.read())>
                    {move || bar(&details.read().operation)}
                    {move || steps(&details.read().steps)}
                </Panel>
                {move || failing_log(&details.read().failing_log)}
                {move || lines(&details.read())}
            </div>
            <div class="stack">{move || beside(&head.get(), refused)}</div>
        </div>
    }
    .into_any()
}

/// Asks again when the stream says that the operation moved, and every now and then while it runs.
fn follow(details: RwSignal<OperationDetails>, moved: RwSignal<OperationView>) {
    let is_asking = StoredValue::new(false);
    let ask = move || {
        if is_asking.get_value() {
            return;
        }
        is_asking.set_value(true);
        let id = details.with_untracked(|details| details.operation.operation_id);
        let answer = client::get::<OperationDetails>(&format!("/operations/{id}"));
        leptos::task::spawn(async move {
            // A failed try changes nothing: the page keeps what it knows, and the stream's state says so.
            if let Ok(answer) = answer.await {
                details.try_set(answer);
            }
            is_asking.try_set_value(false);
        });
    };
    Effect::new(move |before: Option<()>| {
        moved.track();
        if before.is_some() {
            ask();
        }
    });
    Effect::new(move |_| {
        let interval = set_interval_with_handle(
            move || {
                if details.try_with_untracked(|details| !details.operation.state.has_ended()) == Some(true) {
                    ask();
                }
            },
            ASK_EVERY,
        );
        on_cleanup(move || {
            if let Ok(interval) = interval {
                interval.clear();
            }
        });
    });
}

/// What the head of the page shows; nothing else makes it change.
#[derive(Clone, PartialEq)]
struct Head {
    operation: OperationView,
    address: Option<String>,
    has_first_login: bool,
}

impl Head {
    fn of(details: &OperationDetails) -> Self {
        let mut operation = details.operation.clone();
        // How far it is stands in the list.
        operation.step = String::new();
        operation.steps_done = 0;
        Self { operation, address: details.address.clone(), has_first_login: details.first_login.is_some() }
    }
}

/// The head stays the same elements while the operation moves, so that nobody loses the focus.
fn show(head: Memo<Head>, details: RwSignal<OperationDetails>) -> AnyView {
    let tool = head.with_untracked(|head| head.operation.tool.clone());
    let verdict = kept(move || head.with(|head| verdict(&head.operation)));
    let is_running = move || head.with(|head| !head.operation.state.has_ended());
    view! {
        {move || {
            is_running()
                .then(|| {
                    view! {
                        // As text: a browser that runs scripts parses no elements in here, so there would be none to hydrate.
                        <noscript inner_html="<meta http-equiv=\"refresh\" content=\"5\">"></noscript>
                    }
                })
        }}
        <div class="identity">
            {tile(&tool, TileSize::Huge)}
            <Verdict
                sentence=Signal::derive(move || verdict.with(|(sentence, _)| sentence.clone()))
                title=Signal::derive(move || details.with(|details| title(&details.operation)))
                lead=Signal::derive(move || verdict.with(|(_, lead)| lead.clone()))
            >
                {move || head.with(ways_on)}
            </Verdict>
        </div>
    }
    .into_any()
}

/// Where to go when it is done.
fn ways_on(head: &Head) -> AnyView {
    let is_done = head.operation.state == OperationState::Done;
    let address = head.address.clone().filter(|address| is_done && opened_by_browser(address));
    let tool = head.operation.tool.clone();
    let is_there = is_done && head.operation.kind != OperationKind::Remove;
    view! {
        {address
            .map(|address| {
                view! {
                    <a class="button is-primary is-big" href=address target="_blank" rel="noopener">
                        {small_icon("open")}
                        "Open"
                    </a>
                }
            })}
        {is_there
            .then(|| {
                view! {
                    <a class="button is-big" href=format!("/tools/{tool}")>
                        "Go to "
                        {tool.clone()}
                    </a>
                }
            })}
    }
    .into_any()
}

fn progress(details: &OperationDetails) -> AnyView {
    let (tone, word) = words::operation(&details.operation);
    status_box(tone, word)
}

fn bar(operation: &OperationView) -> Option<AnyView> {
    let percent = u64::from(operation.steps_done) * 100 / u64::from(operation.steps.max(1));
    // It reaches its end only with the last step.
    (operation.state == OperationState::Running)
        .then(|| meter(percent.min(99), &format!("Step {} of {}", operation.steps_done + 1, operation.steps)))
}

fn failing_log(log: &[String]) -> Option<AnyView> {
    (!log.is_empty()).then(|| {
        let lines = log.iter().map(|line| log_line(None, line)).collect_view();
        view! {
            <Panel name="failing-log" title="The last lines of what failed">
                <pre class="log" tabindex="0">
                    {lines}
                </pre>
            </Panel>
        }
        .into_any()
    })
}

fn lines(details: &OperationDetails) -> Option<AnyView> {
    (!details.lines.is_empty()).then(|| {
        let lines = details.lines.iter().map(|line| log_line(Some(line.at), &line.text)).collect_view();
        view! {
            <Panel name="log" title="Log" note=|| "Times in UTC">
                <pre class="log" tabindex="0">
                    {lines}
                </pre>
            </Panel>
        }
        .into_any()
    })
}

fn beside(head: &Head, refused: RwSignal<Refused>) -> AnyView {
    let operation = &head.operation;
    let by = about(operation.clone());
    view! {
        {first_account(head, refused)}
        {stop(operation, refused)}
        {again(operation)}
        {by}
    }
    .into_any()
}

fn about(operation: OperationView) -> AnyView {
    view! {
        <Panel name="about" title="About this">
            <dl class="facts">
                <dt>"Tool"</dt>
                <dd>{format!("{} ({})", operation.tool, operation.entry_name)}</dd>
                <dt>"Asked by"</dt>
                <dd>{operation.actor}</dd>
                <dt>"Asked"</dt>
                <dd>{ago(operation.created_at)}</dd>
                {operation
                    .ended_at
                    .map(|ended| {
                        view! {
                            <dt>"Took"</dt>
                            <dd>{format::duration(ended.as_second() - operation.created_at.as_second())}</dd>
                        }
                    })}
            </dl>
        </Panel>
    }
    .into_any()
}

fn first_account(head: &Head, refused: RwSignal<Refused>) -> Option<AnyView> {
    let is_ready = head.operation.state == OperationState::Done && head.has_first_login;
    let tool = head.operation.tool.clone();
    is_ready.then(|| {
        view! {
            <Panel name="first-login" title="First sign-in">
                <p class="hint">"The password was generated and sealed. It is shown once, and the showing is recorded."</p>
                {move || first_login(tool.clone(), refused)}
            </Panel>
        }
        .into_any()
    })
}

fn stop(operation: &OperationView, refused: RwSignal<Refused>) -> Option<AnyView> {
    let can_stop =
        matches!(operation.state, OperationState::Queued | OperationState::Running) && !operation.is_cancelled;
    let action = format!("/operations/{}/cancel", operation.operation_id);
    let consequence = match operation.kind {
        OperationKind::Install => "Everything made so far is taken away again. No other tool is touched.",
        _ => "Everything done so far is undone, newest first. No other tool is touched.",
    };
    can_stop.then(|| {
        view! {
            <Panel name="stop" title="Stop here?">
                <p class="hint">{consequence}</p>
                <ActionButton action=action label="Stop and go back" icon="undo" class="is-danger" refused=refused />
            </Panel>
        }
        .into_any()
    })
}

/// Where to go after a failed install: the same form again.
fn again(operation: &OperationView) -> Option<AnyView> {
    (operation.state == OperationState::Undone && operation.kind == OperationKind::Install).then(|| {
        view! {
            <Callout tone=Tone::Work title="Try again?" text="Change what stood in the way, then install it from the catalogue again.">
                <a class="button" href="/catalogue">
                    "Open the catalogue"
                </a>
            </Callout>
        }
        .into_any()
    })
}
