//! Steps in three tenses: a plan before, progress during, a record after.

use api::operations::{LayerView, StepState, StepView};
use leptos::prelude::*;

use crate::{components::icon::icon, format, live::Live};

/// A numbered list of steps, each with its state.
pub fn steps(steps: &[StepView]) -> AnyView {
    let items = steps.iter().map(step).collect_view();
    view! { <ol class="steps">{items}</ol> }.into_any()
}

fn step(step: &StepView) -> AnyView {
    let state = state(step.state);
    let is_current = matches!(step.state, StepState::Running | StepState::Undoing);
    let dot = match step.state {
        StepState::Waiting => view! { {step.position + 1} }.into_any(),
        StepState::Running => icon("arc").into_any(),
        StepState::Undoing => icon("arc").into_any(),
        StepState::Done => icon("check").into_any(),
        StepState::Undone => icon("undo").into_any(),
        StepState::Failed | StepState::Stuck => icon("x").into_any(),
    };
    view! {
        <li class="steps__step" data-state=state aria-current=is_current.then_some("step")>
            <span class="steps__dot" aria-hidden="true">{dot}</span>
            <div class="steps__what">
                <b>{step.title.clone()}</b>
                <span class="sr">{word(step.state)}</span>
                {(!step.note.is_empty()).then(|| view! { <p class="steps__note">{step.note.clone()}</p> })}
                {(!step.problem.is_empty()).then(|| view! { <p class="steps__problem">{step.problem.clone()}</p> })}
                {(is_current && !step.layers.is_empty()).then(|| layers(&step.layers))}
            </div>
            <span class="steps__time">{time(step)}</span>
        </li>
    }
    .into_any()
}

/// The value of `data-state`.
fn state(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "waiting",
        StepState::Running => "running",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Undoing => "undoing",
        StepState::Undone => "undone",
        StepState::Stuck => "stuck",
    }
}

/// What the icon says, for those who do not see it; nothing for a step that only waits.
fn word(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "",
        StepState::Running => " (under way)",
        StepState::Done => " (done)",
        StepState::Failed => " (failed)",
        StepState::Undoing => " (being undone)",
        StepState::Undone => " (undone)",
        StepState::Stuck => " (could not be undone)",
    }
}

fn time(step: &StepView) -> AnyView {
    match (step.started_at, step.ended_at) {
        (Some(started), Some(ended)) => format::clock(ended.as_second() - started.as_second()).into_any(),
        (Some(started), None) => {
            let now = expect_context::<Live>().now;
            (move || now.get().map(|now| format::clock(now.as_second() - started.as_second()))).into_any()
        }
        _ => ().into_any(),
    }
}

fn layers(layers: &[LayerView]) -> AnyView {
    let items = layers
        .iter()
        .map(|layer| {
            let share = share(layer);
            let amount = if layer.total_bytes == 0 {
                layer.status.clone()
            } else {
                format!("{} of {}", format::bytes(layer.done_bytes), format::bytes(layer.total_bytes))
            };
            view! {
                <li class="layers__layer">
                    <code>{layer.layer.clone()}</code>
                    {meter(share, &format!("{} {}", layer.layer, layer.status))}
                    <span class="layers__amount">{amount}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="layers">{items}</ul> }.into_any()
}

/// How much of a layer is done, in percent. A layer that is there is whole even where the engine gives no bytes.
fn share(layer: &LayerView) -> u64 {
    if let Some(share) = layer.done_bytes.saturating_mul(100).checked_div(layer.total_bytes) {
        return share.min(100);
    }
    let is_there = layer.status.contains("complete") || layer.status.contains("exists");
    if is_there { 100 } else { 0 }
}

/// A bar; its width is an attribute because the content policy allows no inline style.
pub fn meter(percent: u64, label: &str) -> AnyView {
    view! {
        <svg
            class="meter"
            role="progressbar"
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=percent.to_string()
            aria-label=label.to_owned()
        >
            <rect width=format!("{percent}%") height="100%" />
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_never_more_than_whole() {
        let layer = |done_bytes, total_bytes, status: &str| LayerView {
            layer: "4be1".into(),
            status: status.into(),
            done_bytes,
            total_bytes,
        };
        assert_eq!(share(&layer(141, 412, "Downloading")), 34);
        assert_eq!(share(&layer(500, 412, "Downloading")), 100);
        assert_eq!(share(&layer(0, 0, "Pull complete")), 100);
        assert_eq!(share(&layer(0, 0, "Waiting")), 0);
    }
}
