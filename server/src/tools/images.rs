//! From tags to what runs: each image by digest, from the registry or the mirror that stands in for it.

use std::collections::BTreeMap;
use std::time::Duration;

use api::FieldProblem;

use super::definition::RunningImage;
use super::room::PATIENCE;
use super::{Result, Tools};
use crate::catalog::Entry;
use crate::engine::watch::Reachability;
use crate::registry::{Digest, Reference};

/// How old the answer to "what does this tag point to" may be when it decides what runs.
const FRESH_DIGEST: Duration = Duration::from_secs(30);

impl Tools {
    /// The images by digest: each key's chosen tag, or the known good one.
    pub(super) async fn images(
        &self,
        entry: &Entry,
        versions: &BTreeMap<String, String>,
        problems: &mut Vec<FieldProblem>,
    ) -> Result<BTreeMap<String, RunningImage>> {
        for key in versions.keys() {
            let message = match entry.about.images.get(key).map(|rule| rule.follows.as_deref()) {
                Some(None) => continue,
                Some(Some(leader)) => {
                    format!("{key} has no version of its own, it follows {leader}. Choose the version of {leader}.")
                }
                None => format!("{} has no image named {key}.", entry.about.name),
            };
            problems.push(FieldProblem { field: format!("versions.{key}"), message });
        }
        let mut images = BTreeMap::new();
        for (key, rule) in entry.about.images.iter().filter(|(_, rule)| rule.follows.is_none()) {
            let asked = versions.get(key).map(|tag| tag.trim()).filter(|tag| !tag.is_empty());
            let Some(tag) = asked.or(rule.default.as_deref()) else { continue };
            let field = format!("versions.{key}");
            let Some(repository) = entry.repository(key).and_then(|name| name.parse::<Reference>().ok()) else {
                let message = format!("the entry names no image for {key}");
                problems.push(FieldProblem { field, message });
                continue;
            };
            let reference = match repository.with_tag(tag) {
                Ok(reference) => reference,
                Err(error) => {
                    problems.push(FieldProblem { field, message: error.to_string() });
                    continue;
                }
            };
            if !rule.takes(tag) {
                let message = format!("{tag} is not a version this entry can run. Choose one of its list.");
                problems.push(FieldProblem { field, message });
                continue;
            }
            match self.runnable(&reference, tag).await {
                Ok(image) => drop(images.insert(key.clone(), image)),
                Err(message) => problems.push(FieldProblem { field, message }),
            }
        }
        Ok(images)
    }

    /// The image behind a tag by digest, if this machine can run it; else why not, in one sentence.
    async fn runnable(&self, reference: &Reference, tag: &str) -> Result<RunningImage, String> {
        let digest = self.digest(reference).await?;
        let image = RunningImage {
            reference: reference.to_string(),
            tag: tag.to_owned(),
            digest: digest.as_str().to_owned(),
            source: self.source(reference),
        };
        match self.foreign(reference, digest).await {
            // What is here runs here, whatever its publisher wrote.
            Some(refusal) if !matches!(self.means.engine.image(&image.pinned()).await, Ok(Some(_))) => Err(refusal),
            _ => Ok(image),
        }
    }

    /// The sentence that an image has no build for this machine; nothing when it has one, or nobody can tell.
    async fn foreign(&self, reference: &Reference, digest: Digest) -> Option<String> {
        // Which machine it is, only the engine knows for sure.
        if !matches!(self.world.now().engine, Reachability::Up { .. }) {
            return None;
        }
        let pinned = reference.image().with_digest(digest);
        let manifest = tokio::time::timeout(PATIENCE, self.versions.manifest(&pinned)).await.ok()?.ok()?;
        let platform = self.platform();
        // The pull tells where the publisher names no platform.
        if manifest.builds.is_empty() || manifest.build_for(&platform).is_some() {
            return None;
        }
        let mut built: Vec<_> = manifest.builds.iter().map(|build| build.platform.to_string()).collect();
        built.dedup();
        Some(format!(
            "{reference} has no build for this machine ({platform}); it is built for {}. Choose another version.",
            built.join(", ")
        ))
    }

    /// What a tag points to. While its registry is away the last known digest holds, if the image is on the node.
    async fn digest(&self, reference: &Reference) -> Result<Digest, String> {
        let known = self.versions.digest(reference, FRESH_DIGEST).await.map_err(|error| error.to_string())?;
        let Some(reason) = known.reason else { return Ok(known.value) };
        let pinned = format!("{}@{}", self.source(reference), known.value.as_str());
        match self.means.engine.image(&pinned).await {
            Ok(Some(_)) => Ok(known.value),
            Ok(None) => Err(format!(
                "{}. Only versions that are on this machine already can be installed meanwhile.",
                reason.trim_end_matches('.')
            )),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The repository as the engine asks for it: a mirror's where one stands in.
    fn source(&self, reference: &Reference) -> String {
        let registry = reference.registry();
        match self.mirrors.get(registry).filter(|_| self.versions.uses_mirror(registry)) {
            Some(mirror) => format!("{mirror}/{}", reference.repository()),
            None => format!("{registry}/{}", reference.repository()),
        }
    }
}
