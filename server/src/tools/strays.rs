//! Takes away what the engine finished making after the step that asked for it was undone.
//!
//! A process that dies while the engine works on its request cannot know whether the engine goes on. The undo looks
//! for what carries the step's mark; what comes into being only after that look would stay for ever.

use jiff::{SignedDuration, Timestamp};

use super::{Means, Result, store};
use crate::engine::watch::Snapshot;
use crate::engine::{self, Container, ContainerState, Mark};
use crate::operations;

/// How long after the end of its operation an engine may still finish a request.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// Removes the containers that never ran, carry the mark of an undone step and were made while its operation ran or
/// soon after, and gives their number. A copy somebody made of a container has its labels too, but it runs or has
/// another age.
///
/// # Errors
/// Whatever the database refuses.
pub(super) async fn remove(means: &Means, snapshot: &Snapshot) -> Result<usize> {
    let resources = store::resources(&means.db, None).await?;
    let is_known = |mark: Mark| resources.iter().any(|known| known.mark == mark);
    let marked = snapshot.listing.containers.iter();
    let unknown: Vec<(Mark, &Container)> = marked
        .filter(|container| container.state == ContainerState::Created)
        .filter_map(|container| Some((container.mark()?, container)))
        .filter(|(mark, _)| !is_known(*mark))
        .collect();
    if unknown.is_empty() {
        return Ok(0);
    }
    let marks: Vec<Mark> = unknown.iter().map(|(mark, _)| *mark).collect();
    let mut removed = 0;
    for step in operations::undone(&means.db, &marks).await? {
        let strays = unknown.iter().filter(|(mark, container)| {
            *mark == step.mark && is_of_its_time(container.created_at, step.started_at, step.ended_at)
        });
        for (_, stray) in strays {
            let (container, operation) = (&stray.name, step.operation_id);
            match means.engine.remove_container(&stray.id).await {
                Ok(()) | Err(engine::Error::NotFound { .. }) => {
                    tracing::info!(container, %operation, "removed a container that was made too late");
                    removed += 1;
                }
                // The next look tries again; the other strays do not wait for it.
                Err(error) => tracing::warn!(container, %operation, %error, "a container made too late stays"),
            }
        }
    }
    Ok(removed)
}

fn is_of_its_time(made: Timestamp, started: Timestamp, ended: Timestamp) -> bool {
    made >= started && made <= ended.saturating_add(LATE).unwrap_or(ended)
}
