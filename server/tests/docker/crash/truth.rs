//! What is on the node, what the database says of it, and whether the two agree.

use std::collections::BTreeSet;

use bollard::query_parameters as query;
use serde_json::Value;
use server::engine::{Container, ContainerState, Engine as _, Listing, Mark, mark_of};
use sqlx::PgPool;
use uuid::Uuid;

use crate::bed::Bed;

/// A step as the journal has it.
#[derive(Debug, sqlx::FromRow)]
pub struct Step {
    pub position: i32,
    pub kind: String,
    pub state: String,
    pub input: Value,
    pub memory: Option<Value>,
    pub mark: Uuid,
    pub is_cleanup: bool,
}

/// The steps of an operation, in order.
pub async fn journal(db: &PgPool, operation: Uuid) -> Vec<Step> {
    let steps = "select position, kind, state, input, memory, mark, is_cleanup
                 from operation_steps
                 where operation_id = $1
                 order by position";
    sqlx::query_as(steps).bind(operation).fetch_all(db).await.unwrap()
}

/// The state of an operation: `queued` to `needs_hand`.
pub async fn state(db: &PgPool, operation: Uuid) -> String {
    let state = "select state from operations where operation_id = $1";
    sqlx::query_scalar(state).bind(operation).fetch_one(db).await.unwrap()
}

/// Whether an operation in that state goes no further.
pub fn has_ended(state: &str) -> bool {
    matches!(state, "done" | "undone" | "needs_hand")
}

/// Where a step left the world: `None` while it is under way, when both are true.
fn holds(step: &Step) -> Option<bool> {
    match step.state.as_str() {
        "done" => Some(true),
        "waiting" | "undone" => Some(false),
        _ => None,
    }
}

/// Fails unless every step that is not under way is as the journal says, on the node and among the resources.
pub async fn assert_agreement(bed: &Bed, db: &PgPool, operation: Uuid) {
    let listing = bed.engine.list().await.unwrap();
    let steps = journal(db, operation).await;
    for step in &steps {
        let Some(holds) = holds(step) else { continue };
        let mark_in = |value: &Value| Mark(value.as_str().unwrap().parse().unwrap());
        let text = |name: &str| step.input[name].as_str().unwrap_or_default();
        let of = |mark| listing.containers.iter().find(|container| container.mark() == Some(mark));
        let is_cleared = |mark: &Value| {
            steps.iter().any(|other| other.kind == "clear" && other.state != "waiting" && other.input["mark"] == *mark)
        };
        let is_made = |mark: &Value| steps.iter().any(|other| other.kind == "create" && mark_in(mark).0 == other.mark);
        // Of a stop and a start of one container, as in a restart, the one that came last says how it is.
        let has_begun = |kind: &str| {
            steps.iter().any(|other| {
                other.kind == kind && other.state != "waiting" && other.input["container"] == step.input["container"]
            })
        };
        let is = match step.kind.as_str() {
            "stop" if has_begun("start") => continue,
            "start" if !holds && steps.iter().any(|other| other.kind == "stop" && other.input == step.input) => {
                continue;
            }
            "create" | "network" | "volume" => is_there(&listing, Mark(step.mark)),
            "pull" => bed.engine.image(&pinned(&step.input["image"])).await.unwrap().is_some(),
            "start" => match of(mark_in(&step.input["container"])) {
                None => false,
                // What was made just now may have ended by itself since; what ran before goes on, unless it cannot.
                Some(container) if holds && is_made(&step.input["container"]) => {
                    container.state != ContainerState::Created
                }
                Some(container) if holds => is_running(container) || has_failed(bed, container).await,
                Some(container) => is_running(container),
            },
            "stop" | "retire" if is_cleared(&step.input["container"]) => continue,
            "stop" => !is_running(of(mark_in(&step.input["container"])).unwrap()),
            "retire" => match of(mark_in(&step.input["container"])).unwrap().name.as_str() {
                name if name == text("aside") => true,
                name if name == text("name") => false,
                other => panic!("a name that nobody gave: {other}"),
            },
            "clear" if text("what") == "kept_volume" => {
                let kept = "select exists (select 1 from resources where name = $1 and state = 'kept')";
                let is_kept: bool = sqlx::query_scalar(kept).bind(text("name")).fetch_one(db).await.unwrap();
                assert!(is_there(&listing, mark_in(&step.input["mark"])), "a kept volume is gone: {step:#?}");
                is_kept
            }
            "clear" if text("what") == "image" => bed.engine.image(text("name")).await.unwrap().is_none(),
            "clear" => !is_there(&listing, mark_in(&step.input["mark"])),
            _ => continue,
        };
        assert_eq!(is, holds, "the node is not as the journal says: {step:#?}\nof {steps:#?}\non {listing:#?}");
        if matches!(step.kind.as_str(), "create" | "network" | "volume" | "pull") {
            let row = "select exists (select 1 from resources where mark = $1 and state = 'present')";
            let is_known: bool = sqlx::query_scalar(row).bind(step.mark).fetch_one(db).await.unwrap();
            assert_eq!(is_known, holds, "the resources are not as the journal says: {step:#?}");
        }
    }
}

fn pinned(image: &Value) -> String {
    format!("{}@{}", image["source"].as_str().unwrap(), image["digest"].as_str().unwrap())
}

/// Whether the container's program ended by itself with the code of a failed `test`; what is stopped is killed here.
async fn has_failed(bed: &Bed, container: &Container) -> bool {
    bed.engine.inspect(&container.id).await.unwrap().exit_code == 1
}

fn is_running(container: &Container) -> bool {
    container.state == ContainerState::Running
}

fn is_there(listing: &Listing, mark: Mark) -> bool {
    listing.containers.iter().any(|container| container.mark() == Some(mark))
        || listing.networks.iter().any(|network| mark_of(&network.labels) == Some(mark))
        || listing.volumes.iter().any(|volume| mark_of(&volume.labels) == Some(mark))
}

/// Everything of the tool and of this run's images that is on the node, one line each.
pub async fn on_node(bed: &Bed, tool: &str) -> BTreeSet<String> {
    let listing = bed.engine.list().await.unwrap();
    let is_ours = |labels: &std::collections::BTreeMap<String, String>| {
        labels.get("com.docker.compose.project").is_some_and(|project| project == tool)
    };
    let mark = |labels| mark_of(labels).expect("a mark").0;
    let mut found = BTreeSet::new();
    for container in listing.containers.iter().filter(|container| is_ours(&container.labels)) {
        found.insert(format!("container {} {}", mark(&container.labels), container.name));
    }
    for network in listing.networks.iter().filter(|network| is_ours(&network.labels)) {
        found.insert(format!("network {} {}", mark(&network.labels), network.name));
    }
    for volume in listing.volumes.iter().filter(|volume| is_ours(&volume.labels)) {
        found.insert(format!("volume {} {}", mark(&volume.labels), volume.name));
    }
    for digest in images(bed).await {
        found.insert(format!("image {digest}"));
    }
    found
}

/// The names with digest of this run's images.
async fn images(bed: &Bed) -> Vec<String> {
    let all = query::ListImagesOptions { all: false, digests: true, filters: Some(bed.mine()), ..Default::default() };
    let images = bed.raw.list_images(Some(all)).await.unwrap();
    images.into_iter().flat_map(|image| image.repo_digests).filter(|name| !name.starts_with("<none>")).collect()
}

/// The same as the database has it.
pub async fn in_database(db: &PgPool, tool: &str) -> BTreeSet<String> {
    let rows: Vec<(String, Uuid, String)> = sqlx::query_as(
        "select kind, mark, resources.name
         from resources
         join tools using (tool_id)
         where tools.name = $1 and resources.state = 'present'",
    )
    .bind(tool)
    .fetch_all(db)
    .await
    .unwrap();
    let line = |(kind, mark, name): (String, Uuid, String)| match kind.as_str() {
        "image" => format!("image {name}"),
        _ => format!("{kind} {mark} {name}"),
    };
    rows.into_iter().map(line).collect()
}

/// Names of the tool's containers that run.
pub async fn running(bed: &Bed, tool: &str) -> BTreeSet<String> {
    let containers = bed.engine.list().await.unwrap().containers;
    let prefix = format!("{tool}-");
    let running = containers.into_iter().filter(|found| found.name.starts_with(&prefix) && is_running(found));
    running.map(|container| container.name).collect()
}
