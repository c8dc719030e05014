//! The one table of pages: path, page, place in the navigation.
//!
//! Every route is rendered whole (`SsrMode::Async`): it is the only mode with the right status, the right title and the
//! whole page without JavaScript.

use api::session::Role;
use leptos::prelude::*;
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    hooks::use_location,
    location::Location,
    path,
};

use crate::{components::frame::Frame, pages};

/// One of the places every page leads to.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where it is.
    pub path: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Its icon in the sprite.
    pub icon: &'static str,
    /// Who may go there, at least.
    pub role: Role,
}

/// The places, in the order they are shown everywhere.
pub const PLACES: [Place; 5] = [
    Place { path: "/", label: "Dashboard", icon: "dash", role: Role::Viewer },
    Place { path: "/tools", label: "Tools", icon: "tools", role: Role::Viewer },
    Place { path: "/catalogue", label: "Catalogue", icon: "shelf", role: Role::Viewer },
    Place { path: "/activity", label: "Activity", icon: "pulse", role: Role::Viewer },
    Place { path: "/settings", label: "Settings", icon: "sliders", role: Role::Administrator },
];

impl Place {
    /// Whether the page at `path` belongs to this place.
    pub fn holds(&self, path: &str) -> bool {
        match path.strip_prefix(self.path) {
            Some(rest) if self.path == "/" => rest.is_empty(),
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

/// The address of the page with its query; followed when it changes.
pub fn here() -> impl Fn() -> String + Clone + Send + Sync + 'static {
    let Location { pathname, search, .. } = use_location();
    move || match search.get().as_str() {
        "" => pathname.get(),
        query => format!("{}?{query}", pathname.get()),
    }
}

/// All pages.
#[component]
pub fn Pages() -> impl IntoView {
    // The old page stays until the new one is whole; a bar says that one is on its way, if it takes long.
    let is_loading = RwSignal::new(false);
    view! {
        <Router set_is_routing=is_loading>
            <div class="loading" class:is-loading=is_loading></div>
            <Routes fallback=pages::not_found::NotFound>
                <Route path=path!("/sign-in") view=pages::sign_in::SignIn ssr=SsrMode::Async />
                <Route path=path!("/setup") view=pages::setup::Setup ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=Frame ssr=SsrMode::Async>
                    <Route path=path!("/") view=pages::dashboard::Dashboard ssr=SsrMode::Async />
                    <Route path=path!("/tools") view=pages::tools::Tools ssr=SsrMode::Async />
                    <Route path=path!("/tools/:tool") view=pages::tool::overview::Overview ssr=SsrMode::Async />
                    <Route path=path!("/tools/:tool/settings") view=pages::tool::settings::Settings ssr=SsrMode::Async />
                    <Route path=path!("/tools/:tool/remove") view=pages::tool::remove::Remove ssr=SsrMode::Async />
                    <Route path=path!("/tools/:tool/first-login") view=pages::tool::first_login::FirstLoginPage ssr=SsrMode::Async />
                    <Route path=path!("/tools/:tool/logs") view=pages::tool::logs::Logs ssr=SsrMode::Async />
                    <Route path=path!("/catalogue") view=pages::catalogue::shelf::Catalogue ssr=SsrMode::Async />
                    <Route path=path!("/catalogue/:entry") view=pages::catalogue::entry::Entry ssr=SsrMode::Async />
                    <Route path=path!("/operations/:operation") view=pages::operation::Operation ssr=SsrMode::Async />
                    <Route path=path!("/me") view=pages::me::Me ssr=SsrMode::Async />
                    <Route path=path!("/activity") view=pages::activity::Activity ssr=SsrMode::Async />
                    <Route path=path!("/search") view=pages::search::Search ssr=SsrMode::Async />
                    <Route path=path!("/settings") view=pages::settings::panel::PanelSettings ssr=SsrMode::Async />
                    <Route path=path!("/settings/registries") view=pages::settings::registries::Registries ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_belongs_to_one_place_at_most() {
        let held =
            |path: &str| PLACES.iter().filter(|place| place.holds(path)).map(|place| place.label).collect::<Vec<_>>();
        assert_eq!(held("/"), ["Dashboard"]);
        assert_eq!(held("/tools/wiki/logs"), ["Tools"]);
        assert_eq!(held("/toolshed"), Vec::<&str>::new());
        assert_eq!(held("/operations/7"), Vec::<&str>::new());
    }
}
