//! The catalogue and the versions registries offer.

use std::collections::BTreeMap;

use ::api::Problem;
use ::api::catalog::{EntryDetails, EntryView, ExposeView, FieldKind, FieldView, Grade, ImageView, Text};
use ::api::versions::{VersionDetails, VersionList};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Actor;
use crate::catalog::about;
use crate::catalog::compose::refusal;
use crate::catalog::{Entry, fields};
use crate::web::Panel;
use crate::web::input::{NoChoice, Path, Query, query};
use crate::web::problem::{Answer, Refusal};
use crate::web::session::Who;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(find)).routes(routes!(versions)).routes(routes!(details))
}

/// Everything that can be installed, by name.
#[utoipa::path(
    get, path = "/catalog", tag = "catalog",
    responses((status = 200, body = Vec<EntryView>), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem))
)]
async fn list(State(panel): State<Panel>, Who(actor): Who, _: Query<NoChoice>) -> Answer<Json<Vec<EntryView>>> {
    let installed = installed(&panel, &actor).await?;
    let mut entries: Vec<_> = panel.tools.catalog(&actor)?.iter().map(|entry| entry_view(entry, &installed)).collect();
    entries.sort_by_key(|entry| entry.name.to_lowercase());
    Ok(Json(entries))
}

/// Everything about an entry.
#[utoipa::path(
    get, path = "/catalog/{entry}", tag = "catalog", params(("entry" = String, Path)),
    responses((status = 200, body = EntryDetails), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn find(State(panel): State<Panel>, Who(actor): Who, Path(id): Path<String>) -> Answer<Json<EntryDetails>> {
    let installed = installed(&panel, &actor).await?;
    let missing = || Refusal::not_found(format!("There is no catalogue entry named {id}."));
    let entry = panel.tools.catalog(&actor)?.get(&id).ok_or_else(missing)?;
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
        refusal: refusal(entry.compose.approvals()).unwrap_or_default(),
        proposed_name: proposals.name,
        entry: entry_view(entry, &installed),
    }))
}

/// Which versions are meant.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct VersionsOf {
    /// The image key; the tool's own image when absent.
    image: String,
    /// What tags that are no releases must hold to be listed.
    search: String,
}

/// Which tags are meant.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct DetailsOf {
    /// The image key; the tool's own image when absent.
    image: String,
    /// The tags, with commas between them; at most 20.
    tags: String,
}

/// The versions the registry offers for an image of an entry, from the last known list when the registry is away.
#[utoipa::path(
    get, path = "/catalog/{entry}/versions", tag = "catalog", params(("entry" = String, Path), VersionsOf),
    responses((status = 200, body = VersionList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn versions(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Answer<Json<VersionList>> {
    let wanted: VersionsOf = query(text.as_deref().unwrap_or_default())?;
    Ok(Json(panel.tools.versions(&actor, &id, &wanted.image, &wanted.search).await?))
}

/// What stands behind tags: digest, age, size and platforms. Tags of which nothing can be learnt are left out, and all
/// but the digest while the registry allows few requests.
#[utoipa::path(
    get, path = "/catalog/{entry}/versions/details", tag = "catalog", params(("entry" = String, Path), DetailsOf),
    responses((status = 200, body = Vec<VersionDetails>), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 424, body = Problem))
)]
async fn details(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Answer<Json<Vec<VersionDetails>>> {
    let wanted: DetailsOf = query(text.as_deref().unwrap_or_default())?;
    let tags: Vec<&str> = wanted.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    Ok(Json(panel.tools.details(&actor, &id, &wanted.image, &tags).await?))
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
    let words = entry.about.health.iter().filter_map(|check| match (&check.run, &check.http, check.port) {
        (Some(_), _, _) => Some(format!("a command in {} ends well", check.service)),
        (None, Some(path), _) => Some(format!("{} answers {path}", check.service)),
        (None, None, Some(port)) => Some(format!("{} accepts connections on port {port}", check.service)),
        (None, None, None) => None,
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
