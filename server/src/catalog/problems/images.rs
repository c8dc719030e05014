//! Rules about versions.

use super::super::about::{ImageRule, Order, PathRuleKind};
use super::super::entry::{split_tag, version_variable};
use super::super::interpolate::{Template, Values};
use super::Check;

impl Check<'_> {
    pub(super) fn images(&mut self) {
        let entry = self.entry;
        let tools = entry.about.images.values().filter(|rule| rule.tool).count();
        if tools != 1 {
            let message =
                format!("{tools} images say “tool: true”. Exactly one is the tool's own version; mark that one.");
            self.about("images", message);
        }
        for (key, rule) in &entry.about.images {
            let path = format!("images.{key}");
            if entry.services_of(key).is_empty() {
                let variable = version_variable(key);
                self.about(
                    &path,
                    format!("No service uses ${{{variable}}} in its image. Use it, or take the key out."),
                );
            }
            match rule.follows.as_deref() {
                Some(leader) => self.follower(&path, key, rule, leader),
                None => self.leader(&path, rule),
            }
        }
        for service in entry.compose.services() {
            self.pinned(service);
        }
    }

    fn follower(&mut self, path: &str, key: &str, rule: &ImageRule, leader: &str) {
        let follows_on = self.entry.about.images.get(leader).is_none_or(|rule| rule.follows.is_some());
        if leader == key || follows_on {
            self.about(
                path,
                format!("It follows “{leader}”, which is no image with a version of its own. Name one that is."),
            );
        }
        if rule.tags.is_some() || rule.default.is_some() || rule.tool {
            self.about(path, "A follower has no version of its own. Leave “tags”, “default” and “tool” out.");
        }
    }

    fn leader(&mut self, path: &str, rule: &ImageRule) {
        let Some(tags) = &rule.tags else {
            self.about(path, "It is not said which tags are releases. Add “tags” with a pattern.");
            return;
        };
        if rule.examples.release.is_empty() || rule.examples.other.is_empty() {
            let message = "Nothing shows the pattern at work. Add “examples” with tags that are releases (“release”) and some \
                           that are not (“other”).";
            self.about(path, message);
        }
        for tag in rule.examples.release.iter().filter(|tag| !tags.matches(tag)) {
            self.about(
                &format!("{path}.examples.release"),
                format!("The release “{tag}” does not match “tags”. Mend the pattern."),
            );
        }
        for tag in rule.examples.other.iter().filter(|tag| tags.matches(tag)) {
            self.about(
                &format!("{path}.examples.other"),
                format!("“{tag}” is no release, and matches “tags”. Mend the pattern."),
            );
        }
        self.path_rules(path, rule);
        let Some(default) = rule.default.as_deref() else {
            self.about(path, "No version is known to be good. Add “default”.");
            return;
        };
        let path_of_default = format!("{path}.default");
        if is_moving(default, rule.order) {
            let message = format!("The tag “{default}” moves: it names another image tomorrow. Write a whole version.");
            self.about(&path_of_default, message);
        }
        match tags.split(default) {
            None => self
                .about(&path_of_default, format!("The default “{default}” does not match “tags”. Mend one of them.")),
            Some((_, variant)) if !rule.variants.is_empty() && !rule.variants.contains_key(variant) => {
                self.about(
                    &path_of_default,
                    format!("The variant “{variant}” of the default is not under “variants”. Add it."),
                );
            }
            Some(_) => {}
        }
        let has_variants = tags.regex().capture_names().flatten().any(|name| name == "variant");
        if !rule.variants.is_empty() && !has_variants {
            self.about(&format!("{path}.variants"), "The pattern has no group “variant”. Add (?<variant>…) to “tags”.");
        }
        if rule.order == Order::Listed && !rule.listed.iter().any(|tag| tag == default) {
            self.about(&format!("{path}.listed"), "The order is “listed”, and the default is not in the list. Add it.");
        }
    }

    fn path_rules(&mut self, path: &str, rule: &ImageRule) {
        for (index, step) in rule.path.iter().enumerate() {
            let path = format!("{path}.path[{index}]");
            match (step.rule, &step.version) {
                (PathRuleKind::StopAt, None) => self.about(&path, "It is not said where to stop. Add “version”."),
                (PathRuleKind::StopAt, Some(version)) => {
                    let known = rule.tags.as_ref().is_none_or(|tags| {
                        let has = |variant: &str| tags.matches(&format!("{version}{variant}"));
                        has("") || rule.variants.keys().any(|variant| has(variant))
                    });
                    if !known {
                        self.about(
                            &path,
                            format!("No tag of the version “{version}” matches “tags”. Mend one of them."),
                        );
                    }
                }
                (_, Some(_)) => self.about(&path, "Only “stop-at” has a version. Leave it out."),
                (_, None) => {}
            }
        }
    }

    /// The file must run the same version without Summoner, and its version must be decided under `images`.
    fn pinned(&mut self, service: &str) {
        let path = format!("services.{service}.image");
        let Some(key) = self.entry.image_key(service) else {
            let variable = version_variable(service);
            let message = format!(
                "Nobody decides its version. Write ${{{variable}:-…}} as its tag, and add “{service}” under “images”."
            );
            self.report(&path, message);
            return;
        };
        let written = self.entry.compose.image_of(service).and_then(|image| Template::parse(image).ok());
        let image = written.and_then(|image| image.fill(&Values::new()).ok()).unwrap_or_default();
        let (written, known) =
            (split_tag(&image).1.unwrap_or_default(), self.entry.default_tag(key).unwrap_or_default());
        if !known.is_empty() && !written.contains(known) {
            let message = format!(
                "Without Summoner the file runs “{written}”, and the default is “{known}”. Write the same in both."
            );
            self.report(&path, message);
        }
    }
}

/// Whether a tag names another image tomorrow: no number, a bare major, or too few numbers for a semantic version.
fn is_moving(tag: &str, order: Order) -> bool {
    let numbers: Vec<&str> = tag.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).collect();
    match (order, numbers[..].len()) {
        (_, 0) => true,
        (Order::Semver, count) => count < 3,
        (Order::Listed, _) => false,
        // One long number is a date or a build.
        (_, 1) => numbers[0].len() < 5,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_tags_are_told_from_versions() {
        for (tag, order, expected) in [
            ("latest", Order::Numeric, true),
            ("alpine", Order::Semver, true),
            ("17", Order::Numeric, true),
            ("17-alpine", Order::Numeric, true),
            ("1.27", Order::Semver, true),
            ("1.27.2", Order::Semver, false),
            ("v1.27.2-rootless", Order::Semver, false),
            ("17.11", Order::Numeric, false),
            ("20260801", Order::Calendar, false),
            ("jammy", Order::Listed, true),
            ("noble-1", Order::Listed, false),
        ] {
            assert_eq!(is_moving(tag, order), expected, "{tag}");
        }
    }
}
