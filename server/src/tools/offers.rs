//! What can be installed, and which versions of it registries offer.

use api::FieldProblem;
use api::versions::{LineOfReleases, VersionDetails, VersionList, VersionView};
use futures_util::{StreamExt as _, stream};

use super::{Error, Result, Tools};
use crate::auth::{Actor, Right};
use crate::catalog::about::{self, ImageRule};
use crate::catalog::{Catalog, Entry};
use crate::engine::watch::Reachability;
use crate::registry::{FRESH, LineRule, Order, Picker, Platform, Reference, TagRule, classify};

/// How many tags that are no releases are shown at most.
const OTHERS: usize = 500;
/// How many tags are looked up with one call at most.
const MOST_DETAILS: usize = 20;
/// How many of them are asked for at once.
const AT_ONCE: usize = 4;

impl Tools {
    /// Everything that can be installed.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn catalog(&self, actor: &Actor) -> Result<&Catalog> {
        actor.needs(Right::ToolsView)?;
        Ok(&self.catalog)
    }

    /// The versions a registry offers for an image of an entry (the tool's own when `image` is empty), from the last
    /// known list when the registry is away; the known good one with the reason when nothing was ever known. Of the tags
    /// that are no releases, those that hold the text `search`.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`] for the entry and the image.
    pub async fn versions(&self, actor: &Actor, entry: &str, image: &str, search: &str) -> Result<VersionList> {
        actor.needs(Right::ToolsView)?;
        let (reference, rule) = offered_image(self.entry(entry)?, image)?;
        let default = rule.default.clone().unwrap_or_default();
        let mut list = VersionList {
            registry: reference.registry().to_owned(),
            repository: reference.repository().to_owned(),
            fetched_at: None,
            stale_reason: None,
            quota: None,
            lines: Vec::new(),
            variants: Vec::new(),
            proposed: default.clone(),
            others: Vec::new(),
            others_total: 0,
            takes_others: rule.takes_other_tags(),
        };
        let known = match self.versions.tags_at_once(&reference).await {
            Ok(known) => known,
            Err(error) => {
                list.stale_reason = Some(error.to_string());
                list.lines = vec![only(default)];
                return Ok(list);
            }
        };
        let Some(tag_rule) = tag_rule(rule) else { return Ok(list) };
        let picker = classify(known.value.names.iter().map(String::as_str), &tag_rule);
        list.fetched_at = Some(self.means.clock.now() - known.age);
        list.stale_reason = known.reason;
        let quota = self.versions.quota(reference.registry()).await?;
        list.quota = quota.map(|quota| (quota.remaining, quota.limit));
        fill(&mut list, picker, search);
        Ok(list)
    }

    /// What stands behind tags: digest, age, size and platforms, in their order. Tags of which nothing can be learnt are
    /// left out. While little is left of the registry's allowance, only the digest is asked for.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`] for the entry and the image; [`Error::Fields`] when a text is no tag, or
    /// there are more than 20; [`Error::Registry`] when nothing can be learnt of any.
    pub async fn details(&self, actor: &Actor, entry: &str, image: &str, tags: &[&str]) -> Result<Vec<VersionDetails>> {
        actor.needs(Right::ToolsView)?;
        let (reference, _) = offered_image(self.entry(entry)?, image)?;
        let refused = |message| Error::Fields(vec![FieldProblem { field: "tags".into(), message }]);
        if tags.len() > MOST_DETAILS {
            return Err(refused(format!("At most {MOST_DETAILS} tags are looked up at once.")));
        }
        let named = |tag: &&str| reference.with_tag(tag).map_err(|error| refused(error.to_string()));
        let tags: Vec<Reference> = tags.iter().map(named).collect::<Result<_>>()?;
        let is_scarce = self.versions.quota(reference.registry()).await?.is_some_and(|quota| quota.is_scarce());
        let asked: Vec<_> = tags.iter().map(|tag| self.details_of(tag, is_scarce)).collect();
        let (mut found, mut failed) = (Vec::new(), None);
        for answer in stream::iter(asked).buffered(AT_ONCE).collect::<Vec<_>>().await {
            match answer {
                Ok(details) => found.push(details),
                Err(error) => failed = Some(error),
            }
        }
        match failed.filter(|_| found.is_empty()) {
            Some(error) => Err(error.into()),
            None => Ok(found),
        }
    }

    async fn details_of(
        &self,
        reference: &Reference,
        is_scarce: bool,
    ) -> Result<VersionDetails, crate::registry::Error> {
        let platform = self.platform();
        let (digest, details) = if is_scarce {
            self.versions.details_at_hand(reference, &platform, FRESH).await?
        } else {
            let details = self.versions.details(reference, &platform, FRESH).await?;
            (details.digest.clone(), Some(details))
        };
        let config = details.as_ref().and_then(|details| details.config.as_ref());
        let builds = details.iter().flat_map(|details| &details.manifest.builds);
        Ok(VersionDetails {
            tag: reference.tag().unwrap_or_default().to_owned(),
            digest: digest.value.as_str().to_owned(),
            created_at: config.and_then(|config| config.created_at),
            size_bytes: config.map(|config| config.size_bytes),
            platforms: builds.map(|build| build.platform.to_string()).collect(),
            runs_here: details.as_ref().map(|details| details.config.is_some()),
        })
    }

    /// The platform that images have to be built for; that of this program until the engine said its own.
    pub(super) fn platform(&self) -> Platform {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let own = format!("linux/{architecture}");
        let snapshot = self.world.now();
        let said = match &snapshot.engine {
            Reachability::Up { info, .. } => info.platform.clone(),
            Reachability::Unknown | Reachability::Down { .. } => own,
        };
        let mut parts = said.split('/').map(ToOwned::to_owned);
        Platform {
            os: parts.next().unwrap_or_default(),
            architecture: parts.next().unwrap_or_default(),
            variant: parts.next().unwrap_or_default(),
        }
    }
}

/// The image of that key that has a version of its own, with its rule.
fn offered_image<'entry>(entry: &'entry Entry, key: &str) -> Result<(Reference, &'entry ImageRule)> {
    let key = if key.is_empty() { entry.tool_image().unwrap_or_default() } else { key };
    let missing = || Error::NotFound { what: "image", name: format!("{key} in {}", entry.about.name) };
    let rule = entry.about.images.get(key).filter(|rule| rule.follows.is_none()).ok_or_else(missing)?;
    let reference = entry.repository(key).and_then(|name| name.parse().ok()).ok_or_else(missing)?;
    Ok((reference, rule))
}

/// A line without a name that holds one version.
fn only(tag: String) -> LineOfReleases {
    let version = VersionView { tag: tag.clone(), version: tag, variant: String::new(), is_prerelease: false };
    LineOfReleases { name: String::new(), versions: vec![version] }
}

fn fill(list: &mut VersionList, picker: Picker, search: &str) {
    let version = |version: crate::registry::Version| VersionView {
        tag: version.tag,
        version: version.version,
        variant: version.variant,
        is_prerelease: version.prerelease,
    };
    let line = |line: crate::registry::Line| LineOfReleases {
        name: line.name,
        versions: line.versions.into_iter().map(version).collect(),
    };
    list.lines = picker.lines.into_iter().map(line).collect();
    list.variants = picker.variants;
    list.proposed = picker.proposed;
    list.others_total = u32::try_from(picker.others.len()).unwrap_or(u32::MAX);
    let search = search.trim().to_lowercase();
    list.others = picker.others.into_iter().filter(|tag| tag.to_lowercase().contains(&search)).collect();
    list.others.sort_unstable();
    list.others.truncate(OTHERS);
}

/// The registry's rule for tags from the entry's; `None` when the entry has no pattern.
fn tag_rule(rule: &ImageRule) -> Option<TagRule> {
    Some(TagRule {
        pattern: rule.tags.as_ref()?.regex().clone(),
        prerelease: rule.pre_releases.as_ref().map(|pattern| pattern.regex().clone()),
        order: match rule.order {
            about::Order::Semver => Order::Semver,
            about::Order::Numeric => Order::Numeric,
            about::Order::Calendar => Order::Calendar,
            about::Order::Listed => Order::Listed(rule.listed.clone()),
        },
        line: match rule.line {
            about::Line::Major => LineRule::Major,
            about::Line::Minor => LineRule::Minor,
            about::Line::Year => LineRule::Year,
        },
        variants: rule.variants.keys().cloned().collect(),
        default: rule.default.clone().unwrap_or_default(),
    })
}
