//! Who did what, newest first.

use api::{
    Page,
    activity::{EventView, Outcome},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    client,
    components::{
        failure::failure, frame::initials, newer::newer, status::status_box, suspended::suspended, verdict::Verdict,
        when::ago,
    },
    format,
    kept::{Kept, kept},
    live::Live,
    words::Tone,
};

/// The list, by day, one page of it.
#[component]
pub fn Activity() -> impl IntoView {
    let query = use_query_map();
    let after = Memo::new(move |_| query.with(|query| query.get("after")).unwrap_or_default());
    let events = client::main_resource::<Page<EventView>>(move || {
        let after = after.get();
        let after = if after.is_empty() { String::new() } else { format!("&after={}", client::encode(&after)) };
        format!("/activity?limit=50{after}")
    });
    view! {
        {suspended(move || async move {
            match events.await {
                Ok(page) => list(page, after.get_untracked().is_empty()),
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

fn list(page: Page<EventView>, is_first: bool) -> AnyView {
    let (sentence, lead) = verdict(&page.items, is_first);
    let newest = page.items.first().map_or(0, |event| event.sequence);
    let days = by_day(page.items)
        .into_iter()
        .enumerate()
        .map(|(number, (day, events))| {
            let rows = events.iter().map(row).collect_view();
            let id = format!("day-{number}");
            let title = id.clone();
            view! {
                <section class="panel" aria-labelledby=id>
                    <header class="panel__head">
                        <h2 id=title>{day}</h2>
                        <div class="panel__note">{events.len()}</div>
                    </header>
                    <ol class="rows">{rows}</ol>
                </section>
            }
        })
        .collect_view();
    let next = page.next.map(|next| {
        view! {
            <a class="button" href=format!("/activity?after={}", client::encode(&next))>
                "Older"
            </a>
        }
    });
    let back = (!is_first).then(|| view! { <a class="button" href="/activity">"Newest"</a> });
    view! {
        <Verdict sentence=sentence title="Activity" lead=lead />
        {is_first.then(|| newer(newer_than(newest)))}
        {days}
        <p class="pager">{back} {next}</p>
    }
    .into_any()
}

/// How many facts came after the newest that is shown.
fn newer_than(shown: i64) -> Kept<usize> {
    let events = expect_context::<Live>().events;
    kept(move || events.with(|events| events.iter().filter(|event| event.sequence > shown).count()))
}

fn verdict(events: &[EventView], is_first: bool) -> (String, String) {
    let failed = events.iter().filter(|event| event.outcome == Outcome::Failed).count();
    let sentence = match (events.len(), failed) {
        (0, _) => "Nothing happened yet.".to_owned(),
        (_, 0) if is_first => "Everything that was tried worked.".to_owned(),
        (_, 0) => "Older, and everything worked.".to_owned(),
        (_, 1) => "One of these did not work.".to_owned(),
        (_, failed) => format!("{} of these did not work.", format::sentence(&format::count(failed))),
    };
    (sentence, "Every change by a person or by Summoner itself. Nothing here can be edited.".to_owned())
}

fn by_day(events: Vec<EventView>) -> Vec<(String, Vec<EventView>)> {
    events.into_iter().fold(Vec::new(), |mut days: Vec<(String, Vec<EventView>)>, event| {
        let day = format::day(event.at);
        match days.last_mut() {
            Some((last, events)) if *last == day => events.push(event),
            _ => days.push((day, vec![event])),
        }
        days
    })
}

fn row(event: &EventView) -> AnyView {
    let outcome = match event.outcome {
        Outcome::Done => Some(status_box(Tone::Ok, "Done")),
        Outcome::Failed => Some(status_box(Tone::Bad, "Did not work")),
        Outcome::Info => None,
    };
    view! {
        <li class="event">
            <time class="event__time" datetime=api::instant::text(event.at)>
                {format::time_of_day(event.at)}
            </time>
            <span class="avatar" aria-hidden="true">{initials(&event.actor)}</span>
            <div class="event__what">
                <p>{sentence(event)}</p>
                <p class="hint">{ago(event.at)}</p>
            </div>
            <span class="event__outcome">{outcome}</span>
        </li>
    }
    .into_any()
}

/// A fact as a sentence: its actor, what was done, and where to read more.
pub fn sentence(event: &EventView) -> AnyView {
    let text = format!(" {}", event.sentence);
    let link = match (&event.operation_id, &event.tool) {
        (Some(id), _) => Some(format!("/operations/{id}")),
        (None, Some(tool)) => Some(format!("/tools/{tool}")),
        (None, None) => None,
    };
    match link {
        Some(link) => view! { <b>{event.actor.clone()}</b> <a class="event__link" href=link>{text}</a> }.into_any(),
        None => view! { <b>{event.actor.clone()}</b> {text} }.into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: &str, outcome: Outcome) -> EventView {
        EventView {
            sequence: 1,
            at: at.parse().expect("a time"),
            kind: "tool.installed".into(),
            actor: "Léa".into(),
            sentence: "installed wiki".into(),
            outcome,
            tool: None,
            operation_id: None,
        }
    }

    #[test]
    fn the_verdict_counts_what_did_not_work() {
        let (done, failed) =
            (event("2026-11-21T10:00:00Z", Outcome::Done), event("2026-11-21T10:00:00Z", Outcome::Failed));
        assert_eq!(verdict(&[], true).0, "Nothing happened yet.");
        assert_eq!(verdict(std::slice::from_ref(&done), true).0, "Everything that was tried worked.");
        assert_eq!(verdict(&[done.clone(), failed.clone()], true).0, "One of these did not work.");
        assert_eq!(verdict(&[failed.clone(), done, failed], true).0, "Two of these did not work.");
    }

    #[test]
    fn facts_of_one_day_stand_together() {
        let days = by_day(vec![
            event("2026-11-21T10:00:00Z", Outcome::Done),
            event("2026-11-21T01:00:00Z", Outcome::Done),
            event("2026-11-20T23:00:00Z", Outcome::Done),
        ]);
        assert_eq!(days.iter().map(|(_, events)| events.len()).collect::<Vec<_>>(), [2, 1]);
    }
}
