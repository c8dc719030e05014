//! The entry's form again, with present values.

use api::{
    Problem,
    catalog::EntryDetails,
    tools::{Reach, ToolDetails},
};
use leptos::prelude::*;

use super::{followed, head, name_in_path};
use crate::{
    client,
    components::{
        answers::Answers,
        failure::{blocked, failure},
        form::{PostForm, refused},
        panel::Panel,
        reach::{WayIn, WhereItListens},
        review::Review,
        suspended::suspended,
    },
    forms::Refused,
};

/// Answers and ports of an installed tool.
#[component]
pub fn Settings() -> impl IntoView {
    let refused = refused();
    let name = name_in_path();
    let loaded = Resource::new(move || name.get(), load);
    view! {
        {suspended(move || async move {
            match loaded.await {
                Ok((details, entry)) => page(&details, entry, refused),
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

/// The tool says which entry it is of, so its questions are asked for second.
async fn load(name: String) -> Result<(ToolDetails, Result<EntryDetails, Problem>), Problem> {
    let details = client::page::<ToolDetails>(&format!("/tools/{}", client::encode(&name))).await?;
    let entry = client::get(&format!("/catalog/{}", client::encode(&details.tool.entry))).await;
    Ok((details, entry))
}

fn page(details: &ToolDetails, entry: Result<EntryDetails, Problem>, refused: RwSignal<Refused>) -> AnyView {
    let body = match entry {
        Ok(entry) => form(details, entry, refused),
        Err(problem) => blocked(&problem),
    };
    view! {
        {head(followed(details.clone()), "settings", refused)}
        {body}
    }
    .into_any()
}

fn form(details: &ToolDetails, entry: EntryDetails, refused: RwSignal<Refused>) -> AnyView {
    let name = details.tool.name.clone();
    let present = details.answers.clone();
    let listens_on_network = details.ports.iter().any(|port| port.host_ip != "127.0.0.1" && port.host_ip != "::1");
    let reach = if listens_on_network { Reach::Network } else { Reach::Machine };
    let optional = |name: &str| entry.exposes.iter().any(|way| way.is_optional && way.name == name);
    let listens = details.ports.iter().map(|port| WayIn {
        name: port.name.clone(),
        protocol: port.protocol.clone(),
        port: port.host_port.to_string(),
        is_optional: optional(&port.name),
    });
    let is_left_out = |name: &str| details.ports.iter().all(|port| port.name != name);
    let left_out = entry.exposes.iter().filter(|way| way.is_optional && is_left_out(&way.name)).map(|way| WayIn {
        name: way.name.clone(),
        protocol: way.protocol.clone(),
        port: String::new(),
        is_optional: true,
    });
    let ways = listens.chain(left_out).collect();
    let path = format!("/tools/{name}/settings");
    let review = Review::new(format!("{path}/plan"), false, refused);
    let go = view! {
        <button class="button is-primary is-big is-wide" type="submit">
            {format!("Change {name}")}
        </button>
        <p class="hint">"People cannot reach it until it is healthy again. If it does not get healthy, the old settings come back."</p>
        <p>
            <a href=format!("/tools/{name}")>"Leave it as it is"</a>
        </p>
    };
    let show = format!("{path}/plan");
    view! {
        <div node_ref=review.around on:input=move |_| review.ask() on:change=move |_| review.ask()>
            <PostForm action=path refused=refused class="columns">
                <button class="sr" type="submit" tabindex="-1" aria-hidden="true"></button>
                <div class="stack">
                    <Panel name="listens" title="Where it listens">
                        <WhereItListens ways=ways reach=reach refused=refused />
                    </Panel>
                    {(!entry.fields.is_empty())
                        .then(|| {
                            view! {
                                <Panel name="answers" title="Settings">
                                    <Answers fields=entry.fields present=present is_installed=true refused=refused />
                                </Panel>
                            }
                        })}
                </div>
                {review.panel(go.into_any(), &show)}
            </PostForm>
        </div>
    }
    .into_any()
}
