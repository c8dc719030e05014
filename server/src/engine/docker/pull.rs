//! Pulling an image by digest, layer by layer.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;
use secrecy::ExposeSecret;

use super::errors::{Attempt, pull_failure};
use super::{Docker, names};
use crate::engine::{Engine, LayerProgress, Pull, Result};

/// How long a pull may go without a sign of progress; how long it takes in all depends on the line.
const SILENCE: Duration = Duration::from_mins(2);

/// How long a pull may wait for its turn behind others.
const QUEUED: Duration = Duration::from_mins(30);

/// Pulls `repository@digest` and makes sure that it is on the node afterwards.
pub(super) async fn pull(docker: &Docker, pull: &Pull, progress: &(dyn Fn(LayerProgress) + Send + Sync)) -> Result<()> {
    let repository = names::repository(&pull.repository)?;
    let reference = format!("{repository}@{}", names::digest(&pull.digest)?);
    let attempt = Attempt::new("pulling", &reference);
    // Asked for now, since an engine whose pull has failed may be one that answers nothing any more.
    let platform = docker.platform().await?;
    let options = CreateImageOptions { from_image: Some(reference.clone()), ..Default::default() };
    let mut steps = docker.client(&attempt)?.create_image(Some(options), None, credentials(pull));
    let mut queue = Queue::default();
    loop {
        let limit = if queue.is_waiting() { QUEUED } else { SILENCE };
        match tokio::time::timeout(limit, steps.next()).await {
            Ok(Some(Ok(step))) => {
                if let Some(layer) = layer(step) {
                    queue.note(&layer);
                    progress(layer);
                }
            }
            Ok(Some(Err(cause))) => {
                let told = pull_failure(&cause, &reference, platform);
                return Err(told.unwrap_or_else(|| docker.failed(&attempt, &cause)));
            }
            Ok(None) => break,
            Err(_) => {
                let reason = format!("the registry sent nothing for {} seconds", limit.as_secs());
                return Err(attempt.refused(reason));
            }
        }
    }
    match docker.image(&reference).await? {
        Some(_) => Ok(()),
        None => Err(attempt.refused("the engine says that it is complete, though it is not on this machine")),
    }
}

/// What of an image is still to come. An engine fetches few layers at a time, of all pulls together.
#[derive(Default)]
struct Queue {
    is_queued: BTreeMap<String, bool>,
}

impl Queue {
    fn note(&mut self, layer: &LayerProgress) {
        if matches!(layer.status.as_str(), "Pull complete" | "Already exists") {
            self.is_queued.remove(&layer.layer);
        } else {
            self.is_queued.insert(layer.layer.clone(), layer.status == "Waiting");
        }
    }

    /// Whether nothing can come, because the engine is busy with other pulls.
    fn is_waiting(&self) -> bool {
        !self.is_queued.is_empty() && self.is_queued.values().all(|is_queued| *is_queued)
    }
}

fn credentials(pull: &Pull) -> Option<DockerCredentials> {
    let (user, password) = pull.credentials.as_ref()?;
    let registry = pull.repository.split_once('/').map_or("docker.io", |(registry, _)| registry);
    let address = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
    Some(DockerCredentials {
        username: Some(user.clone()),
        password: Some(password.expose_secret().to_owned()),
        serveraddress: Some(address.to_owned()),
        ..Default::default()
    })
}

/// The progress of a layer; other steps, such as "Pulling from a/b", carry the tag or nothing as their id.
fn layer(step: CreateImageInfo) -> Option<LayerProgress> {
    let id = step.id.filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let detail = step.progress_detail.unwrap_or_default();
    let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    Some(LayerProgress {
        layer: id,
        status: step.status.unwrap_or_default(),
        done_bytes: bytes(detail.current),
        total_bytes: bytes(detail.total),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull_of(repository: &str) -> Pull {
        let credentials = Some(("ci".to_owned(), "secret".to_owned().into()));
        Pull { repository: repository.to_owned(), digest: String::new(), credentials }
    }

    #[test]
    fn credentials_name_their_registry() {
        let address = |repository| credentials(&pull_of(repository)).unwrap().serveraddress.unwrap();
        assert_eq!(address("docker.io/library/nginx"), "https://index.docker.io/v1/");
        assert_eq!(address("127.0.0.1:5000/a/b"), "127.0.0.1:5000");
    }

    #[test]
    fn a_pull_waits_for_its_turn_only_while_none_of_its_layers_moves() {
        let mut queue = Queue::default();
        assert!(!queue.is_waiting(), "nothing is known yet");
        for (layer, status, expected) in [
            ("a", "Pulling fs layer", false),
            ("a", "Waiting", true),
            ("b", "Waiting", true),
            ("a", "Downloading", false),
            ("a", "Download complete", false),
            ("a", "Pull complete", true),
            ("b", "Already exists", false),
        ] {
            let status = status.to_owned();
            queue.note(&LayerProgress { layer: layer.to_owned(), status, done_bytes: 0, total_bytes: 0 });
            assert_eq!(queue.is_waiting(), expected, "{layer}");
        }
    }

    #[test]
    fn only_layers_are_reported() {
        let step = |id: &str| CreateImageInfo { id: Some(id.to_owned()), ..Default::default() };
        assert!(layer(step("latest")).is_none());
        assert!(layer(CreateImageInfo::default()).is_none());
        assert_eq!(layer(step("0123456789ab")).unwrap().layer, "0123456789ab");
    }
}
