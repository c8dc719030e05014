//! Which engines can be used.

use bollard::models;

/// The oldest API that has all that is used here (Docker 20.10).
const OLDEST_API: (u32, u32) = (1, 41);

/// Why an engine of this version cannot be used, if it cannot.
pub(super) fn usable(version: &models::SystemVersion) -> std::result::Result<(), String> {
    let components = version.components.iter().flatten();
    if components.map(|component| component.name.as_str()).any(|name| name == "Podman Engine") {
        return Err("this is Podman, whose API differs from Docker's in what Summoner relies on; \
                    install Docker Engine 20.10 or newer and set docker_host to its socket"
            .to_owned());
    }
    let api = version.api_version.as_deref().unwrap_or_default();
    let parts = api.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match parts {
        Some(parts) if parts >= OLDEST_API => Ok(()),
        Some(_) => Err(format!(
            "it is Docker {}, which speaks API {api}; Summoner needs 1.41, which Docker 20.10 and newer speak",
            version.version.as_deref().unwrap_or_default()
        )),
        None => Err(format!("it does not say which API it speaks ({api:?})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(api: &str, component: &str) -> models::SystemVersion {
        models::SystemVersion {
            version: Some("x".to_owned()),
            api_version: Some(api.to_owned()),
            components: Some(vec![models::SystemVersionComponents {
                name: component.to_owned(),
                ..Default::default()
            }]),
            ..Default::default()
        }
    }

    #[test]
    fn engines_that_cannot_be_used_are_refused_with_a_reason() {
        assert!(usable(&version("1.41", "Engine")).is_ok());
        assert!(usable(&version("1.53", "Engine")).is_ok());
        assert!(usable(&version("2.0", "Engine")).is_ok());
        assert!(usable(&version("1.40", "Engine")).unwrap_err().contains("1.40"));
        assert!(usable(&version("", "Engine")).is_err());
        assert!(usable(&version("1.41", "Podman Engine")).unwrap_err().contains("Podman"));
    }
}
