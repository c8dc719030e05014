//! The catalogue and the versions registries offer.

use std::collections::BTreeMap;

use ::api::Problem;
use ::api::catalog::{EntryDetails, EntryView, ExposeView, FieldKind, FieldView, Grade, ImageView, Text};
use ::api::versions::{LineOfReleases, VersionDetails, VersionList, VersionView};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Actor, Right};
use crate::catalog::about::{self, ImageRule};
use crate::catalog::{Entry, fields};
use crate::engine::watch::Reachability;
use crate::registry::{FRESH, LineRule, Order, Platform, Reference, TagRule, classify};
use crate::web::Panel;
use crate::web::input::{Path, query};
use crate::web::problem::{Answer, Refusal};
use crate::web::session::Who;

/// How many tags that are no releases are sent at most.
const OTHERS: usize = 500;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(find)).routes(routes!(versions)).routes(routes!(version))
}

/// Everything that can be installed, by name.
#[utoipa::path(
    get, path = "/catalog", tag = "catalog",
    responses((status = 200, body = Vec<EntryView>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem))
)]
async fn list(State(panel): State<Panel>, Who(actor): Who) -> Answer<Json<Vec<EntryView>>> {
    let installed = installed(&panel, &actor).await?;
    let mut entries: Vec<_> = panel.tools.catalog().iter().map(|entry| entry_view(entry, &installed)).collect();
    entries.sort_by_key(|entry| entry.name.to_lowercase());
    Ok(Json(entries))
}

/// Everything about an entry.
#[utoipa::path(
    get, path = "/catalog/{entry}", tag = "catalog", params(("entry" = String, Path)),
    responses((status = 200, body = EntryDetails), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn find(State(panel): State<Panel>, Who(actor): Who, Path(id): Path<String>) -> Answer<Json<EntryDetails>> {
    let installed = installed(&panel, &actor).await?;
    let entry = entry(&panel, &id)?;
    let about = &entry.about;
    let proposals = panel.tools.proposals(&actor, entry).await?;
    let images = about.images.iter().filter(|(_, rule)| rule.follows.is_none()).map(|(key, rule)| ImageView {
        image: key.clone(),
        repository: entry.repository(key).unwrap_or_default(),
        is_tool: rule.tool,
        default: rule.default.clone().unwrap_or_default(),
        variants: rule.variants.iter().map(|(suffix, name)| (suffix.clone(), text(name))).collect(),
    });
    let mut images: Vec<_> = images.collect();
    images.sort_by_key(|image| !image.is_tool);
    let links = [("site", &about.links.site), ("docs", &about.links.docs), ("source", &about.links.source)];
    let links = links.into_iter().filter_map(|(name, link)| Some((name.to_owned(), link.clone()?)));
    Ok(Json(EntryDetails {
        description: text(&about.description),
        licence: about.licence.clone(),
        links: links.collect(),
        images,
        fields: about.fields.iter().map(|(name, field)| field_view(name, field, &actor)).collect(),
        exposes: about
            .expose
            .iter()
            .map(|exposed| ExposeView {
                name: exposed.name.clone(),
                protocol: crate::tools::protocol(exposed.protocol).to_owned(),
                is_primary: entry.primary().is_some_and(|primary| primary.name == exposed.name),
                is_optional: exposed.optional,
                proposed_port: proposals.ports.get(&exposed.name).copied().unwrap_or(exposed.port),
            })
            .collect(),
        health: health_words(entry),
        backup: backup_words(entry),
        path_rules: about
            .images
            .values()
            .flat_map(|rule| &rule.path)
            .filter_map(|rule| rule.why.as_ref().map(text))
            .collect(),
        proposed_name: proposals.name,
        entry: entry_view(entry, &installed),
    }))
}

/// Which image is meant.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct OfImage {
    /// The image key; the tool's own image when absent.
    image: String,
}

/// The versions the registry offers for an image of an entry, from the last known list when the registry is away.
#[utoipa::path(
    get, path = "/catalog/{entry}/versions", tag = "catalog", params(("entry" = String, Path), OfImage),
    responses((status = 200, body = VersionList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn versions(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Answer<Json<VersionList>> {
    actor.needs(Right::ToolsView)?;
    let wanted: OfImage = query(text.as_deref().unwrap_or_default())?;
    let entry = entry(&panel, &id)?;
    let (reference, rule) = image(entry, &wanted.image)?;
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
    };
    let known = match panel.versions.tags(&reference, FRESH).await {
        Ok(known) => known,
        Err(error) => {
            // Nothing was ever known: the known good version is offered with the reason, and is said to be that.
            list.stale_reason = Some(error.to_string());
            list.lines = vec![LineOfReleases {
                name: String::new(),
                versions: vec![VersionView {
                    tag: default.clone(),
                    version: default,
                    variant: String::new(),
                    is_prerelease: false,
                }],
            }];
            return Ok(Json(list));
        }
    };
    let Some(tag_rule) = tag_rule(rule) else { return Ok(Json(list)) };
    let picker = classify(known.value.names.iter().map(String::as_str), &tag_rule);
    list.fetched_at = Some(panel.clock.now() - known.age);
    list.stale_reason = known.reason;
    list.quota = known.value.quota.map(|quota| (quota.remaining, quota.limit));
    list.lines = picker
        .lines
        .into_iter()
        .map(|line| LineOfReleases {
            name: line.name,
            versions: line
                .versions
                .into_iter()
                .map(|version| VersionView {
                    tag: version.tag,
                    version: version.version,
                    variant: version.variant,
                    is_prerelease: version.prerelease,
                })
                .collect(),
        })
        .collect();
    list.variants = picker.variants;
    list.proposed = picker.proposed;
    list.others_total = u32::try_from(picker.others.len()).unwrap_or(u32::MAX);
    list.others = picker.others;
    list.others.sort_unstable();
    list.others.truncate(OTHERS);
    Ok(Json(list))
}

/// What stands behind one tag: digest, age, size and platforms.
#[utoipa::path(
    get, path = "/catalog/{entry}/versions/{tag}", tag = "catalog",
    params(("entry" = String, Path), ("tag" = String, Path), OfImage),
    responses((status = 200, body = VersionDetails), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem), (status = 424, body = Problem))
)]
async fn version(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path((id, tag)): Path<(String, String)>,
    RawQuery(text): RawQuery,
) -> Answer<Json<VersionDetails>> {
    actor.needs(Right::ToolsView)?;
    let wanted: OfImage = query(text.as_deref().unwrap_or_default())?;
    let (reference, _) = image(entry(&panel, &id)?, &wanted.image)?;
    let reference = reference.with_tag(&tag).map_err(|error| Refusal::unreadable(400, error.to_string()))?;
    let details = panel.versions.details(&reference, &platform(&panel), FRESH).await?;
    Ok(Json(VersionDetails {
        tag,
        digest: details.digest.value.as_str().to_owned(),
        created_at: details.config.as_ref().and_then(|config| config.created_at),
        size_bytes: details.config.as_ref().map(|config| config.size_bytes),
        platforms: details.manifest.builds.iter().map(|build| build.platform.to_string()).collect(),
    }))
}

/// The platform that images have to be built for; that of this program until the engine said its own.
fn platform(panel: &Panel) -> Platform {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let own = format!("linux/{architecture}");
    let snapshot = panel.tools.world().now();
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

fn entry<'panel>(panel: &'panel Panel, id: &str) -> Answer<&'panel Entry> {
    let missing = || Refusal::not_found(format!("There is no catalogue entry named {id}."));
    panel.tools.catalog().get(id).ok_or_else(missing)
}

fn image<'entry>(entry: &'entry Entry, key: &str) -> Answer<(Reference, &'entry ImageRule)> {
    let key = if key.is_empty() { entry.tool_image().unwrap_or_default() } else { key };
    let missing = || Refusal::not_found(format!("{} has no image named {key}.", entry.about.name));
    let rule = entry.about.images.get(key).filter(|rule| rule.follows.is_none()).ok_or_else(missing)?;
    let reference = entry.repository(key).and_then(|name| name.parse().ok()).ok_or_else(missing)?;
    Ok((reference, rule))
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

/// Names of installed tools by entry.
async fn installed(panel: &Panel, actor: &Actor) -> Answer<BTreeMap<String, Vec<String>>> {
    let mut installed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for tool in panel.tools.list(actor).await? {
        installed.entry(tool.entry).or_default().push(tool.name);
    }
    Ok(installed)
}

fn entry_view(entry: &Entry, installed: &BTreeMap<String, Vec<String>>) -> EntryView {
    let about = &entry.about;
    let version = entry.tool_image().and_then(|key| entry.default_tag(key)).unwrap_or_default();
    EntryView {
        entry: entry.id.clone(),
        name: about.name.clone(),
        category: about.category.as_str().to_owned(),
        tagline: text(&about.tagline),
        keywords: about.keywords.clone(),
        version: version.to_owned(),
        memory_bytes: Some(about.needs.memory.bytes()).filter(|bytes| *bytes > 0),
        grade: match entry.origin {
            crate::catalog::Origin::BuiltIn => Grade::Supported,
            crate::catalog::Origin::Own => Grade::Community,
        },
        installed: installed.get(&entry.id).cloned().unwrap_or_default(),
    }
}

fn field_view(name: &str, field: &fields::Field, actor: &Actor) -> FieldView {
    let from_actor = match field.from {
        Some(fields::FieldSource::ActorEmail) => Some(actor.email.clone()),
        Some(fields::FieldSource::ActorName) => Some(actor.name.clone()),
        _ => None,
    };
    FieldView {
        name: name.to_owned(),
        kind: match field.kind {
            fields::FieldKind::Text | fields::FieldKind::Domain | fields::FieldKind::Language => FieldKind::Text,
            fields::FieldKind::Email => FieldKind::Email,
            fields::FieldKind::Url => FieldKind::Url,
            fields::FieldKind::Password => FieldKind::Password,
            fields::FieldKind::Number => FieldKind::Number,
            fields::FieldKind::Size => FieldKind::Size,
            fields::FieldKind::Boolean => FieldKind::Boolean,
            fields::FieldKind::Choice => FieldKind::Choice,
            fields::FieldKind::TimeZone => FieldKind::Timezone,
        },
        label: text(&field.label),
        hint: field.hint.as_ref().map(text),
        default: from_actor.or_else(|| field.default.clone()).unwrap_or_default(),
        is_required: field.required,
        is_advanced: field.advanced,
        options: field.options.iter().map(|(value, name)| (value.clone(), text(name))).collect(),
    }
}

/// What is checked to call a tool healthy, a sentence each.
fn health_words(entry: &Entry) -> Vec<String> {
    let words = entry.about.health.iter().filter_map(|check| match (&check.http, check.port) {
        (Some(path), _) => Some(format!("{} answers {path}", check.service)),
        (None, Some(port)) => Some(format!("{} accepts connections on port {port}", check.service)),
        (None, None) => None,
    });
    words.collect()
}

/// How an entry is backed up, in one sentence.
fn backup_words(entry: &Entry) -> String {
    let Some(backup) = &entry.about.backup else { return "The entry does not say how to back it up.".to_owned() };
    if let Some(why) = &backup.none {
        return format!("Nothing to back up: {}", why.en);
    }
    let dumps = backup.dumps.iter().map(|dump| format!("a dump of {}", dump.service));
    let volumes = backup.volumes.keys().map(|volume| format!("the volume {volume}"));
    format!("Backed up as {}.", dumps.chain(volumes).collect::<Vec<_>>().join(", "))
}

fn text(text: &about::Text) -> Text {
    Text { en: text.en.clone(), fr: text.fr.clone() }
}
