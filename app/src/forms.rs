//! The one table of forms: the page path a form posts to, the API call behind it, and where to go afterwards.
//!
//! The server uses it when a form arrives without JavaScript, the browser when it sends the same body itself.
//! The target is never taken from a field.

use std::collections::BTreeMap;

use api::Problem;
use serde::{Deserialize, Serialize};

use crate::client::Method;

/// Where to go after a form was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// To the operation the answer names.
    Operation,
    /// To a path; names in braces are those of the page path, and `{outcome}` is the answer's.
    To(&'static str),
    /// To where the person wanted to go before the door (`?next=`).
    Next,
    /// Nowhere: the answer is shown on the page the form stands on.
    Show,
    /// Nowhere, and nobody is asked: the page is drawn anew with what was typed, for choices that change the query string.
    Look,
}

/// The hidden field that carries the key of a form: no part of the body, it travels as the header `Idempotency-Key`.
pub const KEY_FIELD: &str = "idempotency_key";

/// One row of the table. `{name}` stands for one segment in all three paths.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The path the form posts to.
    pub action: &'static str,
    /// How the API is called.
    pub method: Method,
    /// The path below [`api::ROOT`].
    pub api: &'static str,
    /// Where to go when it was accepted.
    pub then: Then,
    /// The page that shows the form, rendered again when it was refused.
    pub page: &'static str,
}

/// Every form of the panel.
pub const FORMS: [Form; 20] = [
    Form { action: "/setup", method: Method::Post, api: "/setup", then: Then::To("/catalogue"), page: "/setup" },
    Form { action: "/sign-in", method: Method::Post, api: "/session", then: Then::Next, page: "/sign-in" },
    Form { action: "/sign-out", method: Method::Delete, api: "/session", then: Then::To("/sign-in"), page: "/me" },
    Form {
        action: "/me/sessions/{session}/end",
        method: Method::Delete,
        api: "/sessions/{session}",
        then: Then::To("/me?done=session-ended"),
        page: "/me",
    },
    Form {
        action: "/me/password",
        method: Method::Post,
        api: "/me/password",
        then: Then::To("/me?done=password"),
        page: "/me",
    },
    Form {
        action: "/settings",
        method: Method::Put,
        api: "/panel",
        then: Then::To("/settings?done=named"),
        page: "/settings",
    },
    Form {
        action: "/settings/registries",
        method: Method::Post,
        api: "/registries",
        then: Then::To("/settings/registries?done=login-kept"),
        page: "/settings/registries",
    },
    Form {
        action: "/settings/registries/{registry}/sign-in",
        method: Method::Post,
        api: "/registries/{registry}/sign-in",
        then: Then::To("/settings/registries?done=login-{outcome}"),
        page: "/settings/registries",
    },
    Form {
        action: "/settings/registries/{registry}/remove",
        method: Method::Delete,
        api: "/registries/{registry}",
        then: Then::To("/settings/registries?done=login-removed"),
        page: "/settings/registries",
    },
    Form {
        action: "/catalogue/{entry}/look",
        method: Method::Get,
        api: "",
        then: Then::Look,
        page: "/catalogue/{entry}",
    },
    Form {
        action: "/catalogue/{entry}/plan",
        method: Method::Post,
        api: "/plans",
        then: Then::Show,
        page: "/catalogue/{entry}",
    },
    Form {
        action: "/tools/{tool}/settings/plan",
        method: Method::Post,
        api: "/tools/{tool}/settings/plan",
        then: Then::Show,
        page: "/tools/{tool}/settings",
    },
    Form {
        action: "/catalogue/{entry}",
        method: Method::Post,
        api: "/tools",
        then: Then::Operation,
        page: "/catalogue/{entry}",
    },
    Form {
        action: "/tools/{tool}/start",
        method: Method::Post,
        api: "/tools/{tool}/start",
        then: Then::Operation,
        page: "/tools/{tool}",
    },
    Form {
        action: "/tools/{tool}/stop",
        method: Method::Post,
        api: "/tools/{tool}/stop",
        then: Then::Operation,
        page: "/tools/{tool}",
    },
    Form {
        action: "/tools/{tool}/restart",
        method: Method::Post,
        api: "/tools/{tool}/restart",
        then: Then::Operation,
        page: "/tools/{tool}",
    },
    Form {
        action: "/tools/{tool}/settings",
        method: Method::Put,
        api: "/tools/{tool}/settings",
        then: Then::Operation,
        page: "/tools/{tool}/settings",
    },
    Form {
        action: "/tools/{tool}/remove",
        method: Method::Post,
        api: "/tools/{tool}/remove",
        then: Then::Operation,
        page: "/tools/{tool}/remove",
    },
    Form {
        action: "/tools/{tool}/first-login",
        method: Method::Post,
        api: "/tools/{tool}/first-login",
        then: Then::Show,
        page: "/tools/{tool}/first-login",
    },
    Form {
        action: "/operations/{operation}/cancel",
        method: Method::Post,
        api: "/operations/{operation}/cancel",
        then: Then::To("/operations/{operation}"),
        page: "/operations/{operation}",
    },
];

/// A form found for a path: the row with its names filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How the API is called.
    pub method: Method,
    /// The path below [`api::ROOT`].
    pub api: String,
    /// Where to go when it was accepted.
    pub then: Then,
    /// The filled in path of [`Then::To`]; empty otherwise.
    pub to: String,
    /// The page that shows the form.
    pub page: String,
}

/// The form that posts to `path`.
pub fn find(path: &str) -> Option<Found> {
    FORMS.iter().find_map(|form| {
        let names = matched(form.action, path)?;
        let fill = |pattern: &str| {
            names.iter().fold(pattern.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
        };
        let to = if let Then::To(to) = form.then { fill(to) } else { String::new() };
        Some(Found { method: form.method, api: fill(form.api), then: form.then, to, page: fill(form.page) })
    })
}

fn matched<'a>(pattern: &'a str, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (mut names, mut segments) = (Vec::new(), path.split('/'));
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => names.push((name, segment)),
            None if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(names)
}

/// Where an accepted form leads: `answer` is the API's JSON, `next` the query value of the door.
pub fn after(found: &Found, answer: &serde_json::Value, next: Option<&str>) -> Option<String> {
    match found.then {
        Then::To(_) => {
            let outcome = answer.get("outcome").and_then(serde_json::Value::as_str).unwrap_or_default();
            Some(found.to.replace("{outcome}", outcome))
        }
        Then::Next => Some(next.filter(|path| is_own_path(path)).unwrap_or("/").to_owned()),
        Then::Show | Then::Look => None,
        Then::Operation => {
            let id = answer.get("operation_id").or_else(|| answer.pointer("/operation/operation_id"))?.as_str()?;
            Some(format!("/operations/{id}"))
        }
    }
}

/// Whether `path` stays on this site: `//host` and `/\host` would lead elsewhere.
pub fn is_own_path(path: &str) -> bool {
    path.starts_with('/') && !path[1..].starts_with(['/', '\\']) && !path.chars().any(char::is_control)
}

/// What a form left behind when the server answered it with a page: values to put back and what was wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// What was typed, by field; secrets are never among them.
    pub values: BTreeMap<String, String>,
    /// What was wrong; absent when nothing was posted.
    pub problem: Option<Problem>,
    /// The answer to show, for forms that lead nowhere.
    pub answer: Option<serde_json::Value>,
}

impl Refused {
    /// What was typed into `field`, or `otherwise`.
    pub fn value(&self, field: &str, otherwise: &str) -> String {
        self.values.get(field).map_or(otherwise, String::as_str).to_owned()
    }
}

/// Whether a field's value must never be put back into a page: passwords, and what the form itself marks with `sealed`.
pub fn is_secret(field: &str, sealed: &[String]) -> bool {
    let name = field.to_ascii_lowercase();
    ["password", "secret", "token"].iter().any(|word| name.contains(word)) || sealed.iter().any(|name| name == field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_path_finds_its_call_and_its_page() {
        let found = find("/tools/wiki/restart").expect("restart is a form");
        assert_eq!((found.api.as_str(), found.page.as_str()), ("/tools/wiki/restart", "/tools/wiki"));
        let cancel = find("/operations/7/cancel").expect("cancel is a form");
        assert_eq!(cancel.to, "/operations/7");
        for nothing in ["/", "/tools//restart", "/tools/wiki/restart/x", "/tools/wiki", "/catalogue/"] {
            assert_eq!(find(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_became_of_a_try_is_said_where_it_leads() {
        let form = find("/settings/registries/ghcr.io/sign-in").expect("a try is a form");
        let answer = serde_json::json!({ "outcome": "not_asked" });
        assert_eq!(after(&form, &answer, None).as_deref(), Some("/settings/registries?done=login-not_asked"));
    }

    #[test]
    fn s30_the_door_never_leads_to_another_site() {
        let form = find("/sign-in").expect("the door is a form");
        let to = |next| after(&form, &serde_json::Value::Null, next).expect("the door leads somewhere");
        assert_eq!(to(Some("/tools?q=1")), "/tools?q=1");
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "\r\n//evil.example",
            " //evil.example",
            // The query was decoded once: what is still encoded is a path like any other, or none.
            "%2f%2fevil.example",
        ] {
            assert_eq!(to(Some(foreign)), "/", "{foreign:?}");
        }
        assert_eq!(to(None), "/");
        assert_eq!(to(Some("/%2fevil.example")), "/%2fevil.example");
    }

    #[test]
    fn secrets_are_known_by_name_or_by_mark() {
        assert!(is_secret("password", &[]));
        assert!(is_secret("answers.ADMIN_PASSWORD", &[]));
        assert!(is_secret("answers.PIN", &["answers.PIN".into()]));
        assert!(!is_secret("answers.SITE_NAME", &["answers.PIN".into()]));
    }
}
