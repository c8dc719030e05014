//! Is it well, and what does it use?

use api::{
    operations::OperationView,
    tools::{PortView, ServiceView, ToolDetails},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{followed, head, name_in_path};
use crate::{
    client,
    components::{
        failure::{blocked, failure},
        form::refused,
        panel::Panel,
        status::status,
        suspended::suspended,
        when::ago,
    },
    format,
    forms::Refused,
    kept::kept,
    words,
};

/// A tool: state, services, what runs, what happened.
#[component]
pub fn Overview() -> impl IntoView {
    let refused = refused();
    let name = name_in_path();
    let details = client::main_resource::<ToolDetails>(move || format!("/tools/{}", client::encode(&name.get())));
    let query = use_query_map();
    let after = Memo::new(move |_| query.with(|query| query.get("after")).unwrap_or_default());
    let operations = client::resource::<api::Page<OperationView>>(move || latest_of(&name.get(), &after.get()));
    view! {
        {suspended(move || async move {
            match details.await {
                Ok(details) => {
                    let operations = operations.await;
                    page(details, after.get_untracked(), operations, refused)
                }
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

fn page(details: ToolDetails, after: String, operations: Operations, refused: RwSignal<Refused>) -> AnyView {
    let details = followed(details);
    let name = details.with_untracked(|details| details.tool.name.clone());
    let offers_first_login = kept(move || details.with(|details| details.has_first_login));
    view! {
        {head(details, "", refused)}
        {move || offers_first_login.get().then(|| first_login(&name))}
        <div class="columns">
            <div class="stack">{services(details)}</div>
            <div class="stack">{details.with_untracked(what_runs)} {latest(details, after, operations)}</div>
        </div>
    }
    .into_any()
}

fn first_login(name: &str) -> AnyView {
    view! {
        <p class="hint">
            "A first account was made. Its password is shown once: "
            <a href=format!("/tools/{name}/first-login")>"the first password"</a> "."
        </p>
    }
    .into_any()
}

fn services(details: RwSignal<ToolDetails>) -> AnyView {
    let known = details.with_untracked(|details| details.services.clone());
    let rows = known.into_iter().map(|service| row(details, service)).collect_view();
    view! {
        <Panel name="services" title="Services" is_flush=true>
            <div class="scroll" role="region" aria-label="Services" tabindex="0">
                <table class="table is-folding services">
                    <thead>
                        <tr>
                            <th scope="col">"Service"</th>
                            <th scope="col">"State"</th>
                            <th scope="col" class="is-number">
                                "CPU"
                            </th>
                            <th scope="col" class="is-number">
                                "Memory"
                            </th>
                            <th scope="col">"Docker says"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </Panel>
    }
    .into_any()
}

fn row(details: RwSignal<ToolDetails>, known: ServiceView) -> AnyView {
    let (name, image) = (known.service.clone(), known.image.clone());
    let service = kept(move || {
        let is_same = |service: &&ServiceView| service.service == known.service;
        details.with(|details| details.services.iter().find(is_same).cloned()).unwrap_or_else(|| known.clone())
    });
    let state = move || {
        let (tone, word) = words::condition(service.with(|service| service.condition));
        status(tone, word)
    };
    view! {
        <tr>
            <td>
                <div class="named__text">
                    <b>{name}</b>
                    <span class="named__sub">{image}</span>
                </div>
            </td>
            <td>{state}</td>
            <td class="services__cpu is-number">
                {move || service.with(|service| service.cpu_millis.map_or_else(|| "–".to_owned(), format::cpu))}
            </td>
            <td class="is-number">
                {move || service.with(|service| service.memory_bytes.map_or_else(|| "–".to_owned(), format::bytes))}
            </td>
            <td class="services__since">{move || service.with(|service| service.status.clone())}</td>
        </tr>
    }
    .into_any()
}

fn what_runs(details: &ToolDetails) -> AnyView {
    let (tool, node, created_at) = (details.tool.clone(), details.node.clone(), details.created_at);
    let digest = details.services.first().map(|service| service.digest.clone()).unwrap_or_default();
    let ports = details.ports.iter().map(port).collect::<Vec<_>>().join(", ");
    let volumes = details.volumes.join(", ");
    let export = details.actions.iter().any(|action| action == "export").then(|| export(&tool.name));
    view! {
        <Panel name="what-runs" title="What runs">
            <dl class="facts">
                <dt>"Entry"</dt>
                <dd>{tool.entry_name}</dd>
                <dt>"Version"</dt>
                <dd>{tool.version}</dd>
                <dt>"Digest"</dt>
                <dd>
                    <code title=digest.clone()>{short_digest(&digest)}</code>
                </dd>
                <dt>"Node"</dt>
                <dd>{node}</dd>
                <dt>"Ports"</dt>
                <dd>{if ports.is_empty() { "none".to_owned() } else { ports }}</dd>
                <dt>"Volumes"</dt>
                <dd>{if volumes.is_empty() { "none".to_owned() } else { volumes }}</dd>
                <dt>"Installed"</dt>
                <dd>{ago(created_at)}</dd>
            </dl>
            {export}
        </Panel>
    }
    .into_any()
}

/// The tool as files that run without Summoner.
fn export(name: &str) -> AnyView {
    let file = |file: &str, text: &'static str| {
        let path = format!("{}/tools/{}/export/{file}", api::ROOT, client::encode(name));
        view! {
            <a href=path rel="external" download="">
                {text}
            </a>
        }
    };
    view! {
        <p class="hint">"To run it without Summoner; the values hold its passwords:"</p>
        <p class="row">{file("compose.yaml", "Compose file")} {file("values.env", "Values")}</p>
    }
    .into_any()
}

fn port(port: &PortView) -> String {
    format!("{} {}:{}", port.name, port.host_ip, port.host_port)
}

/// `sha256:4be1…c07a`: enough to compare by eye; the whole one stands in its title.
pub fn short_digest(digest: &str) -> String {
    match digest.split_once(':') {
        Some((kind, hex)) if hex.len() > 12 && hex.is_ascii() => {
            format!("{kind}:{}…{}", &hex[..6], &hex[hex.len() - 4..])
        }
        _ => digest.to_owned(),
    }
}

type Operations = Result<api::Page<OperationView>, api::Problem>;

fn latest(details: RwSignal<ToolDetails>, after: String, operations: Operations) -> AnyView {
    let title = if after.is_empty() { "Latest" } else { "Earlier" };
    let operations = RwSignal::new(operations);
    // With each operation that begins or ends, the list is another one.
    let under_way =
        kept(move || details.with(|details| details.tool.operation.as_ref().map(|operation| operation.operation_id)));
    Effect::new(move |before: Option<()>| {
        under_way.with(|_| ());
        if before.is_some() {
            let name = details.with_untracked(|details| details.tool.name.clone());
            let answer = client::get::<api::Page<OperationView>>(&latest_of(&name, &after));
            leptos::task::spawn(async move {
                // A failed try changes nothing.
                if let Ok(answer) = answer.await {
                    operations.try_set(Ok(answer));
                }
            });
        }
    });
    view! {
        <Panel name="latest" title=title>
            {move || operations.with(feed)}
        </Panel>
    }
    .into_any()
}

/// The path of the last operations of a tool, or of those before `after`.
fn latest_of(tool: &str, after: &str) -> String {
    // Who goes back in time wants to get on.
    let limit = if after.is_empty() { 5 } else { 20 };
    format!("/operations?tool={}&limit={limit}&after={}", client::encode(tool), client::encode(after))
}

fn feed(operations: &Operations) -> AnyView {
    let (operations, next) = match operations {
        Err(problem) => return blocked(problem),
        Ok(page) => (&page.items, &page.next),
    };
    let older = next.as_ref().map(|next| {
        view! {
            <p>
                <a href=format!("?after={}", client::encode(next))>"Older"</a>
            </p>
        }
    });
    if operations.is_empty() {
        return view! { <p class="hint">"Nothing happened yet."</p> }.into_any();
    }
    let items = operations
        .iter()
        .map(|operation| {
            let (tone, word) = words::operation(operation);
            view! {
                <li class="feed__item">
                    {ago(operation.created_at)}
                    <p class="row is-tight">
                        <a href=format!("/operations/{}", operation.operation_id)>
                            {format!("{} by {}", words::verb(operation.kind), operation.actor)}
                        </a>
                        {status(tone, word)}
                    </p>
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="feed">{items}</ul>
        {older}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_shortened_to_its_ends() {
        assert_eq!(short_digest("sha256:4be1aabbccddeeff00112233c07a"), "sha256:4be1aa…c07a");
        assert_eq!(short_digest(""), "");
    }
}
