//! Which builds of an image run on a machine, as engines decide it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Build, Manifest};

/// The variants of 32-bit ARM that any such image is built for, lowest and highest.
const ARM: (u32, u32) = (5, 8);

/// A machine kind, in the words of the image specification (`linux/arm64/v8`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// Operating system, as Go calls it.
    pub os: String,
    /// Processor architecture, as Go calls it.
    pub architecture: String,
    /// Processor variant, such as `v7`; empty when the publisher named none.
    pub variant: String,
}

impl Manifest {
    /// The build that an engine on `platform` takes: the one made for it, else the best of those it runs as well; of
    /// two for one platform the publisher's first.
    pub fn build_for(&self, platform: &Platform) -> Option<&Build> {
        platform.taken().iter().find_map(|taken| self.builds.iter().find(|build| build.platform.canonical() == *taken))
    }
}

impl Platform {
    /// The platforms whose builds run here, best first, as containerd orders them (`platforms/compare.go`): lower
    /// variants, 386 on amd64, and 32-bit ARM on arm64.
    fn taken(&self) -> Vec<Self> {
        let own = self.canonical();
        let of = |architecture: &str, variant: String| Self {
            os: own.os.clone(),
            architecture: architecture.to_owned(),
            variant,
        };
        let variant = own.variant.trim_start_matches('v').parse().unwrap_or(0);
        let arm = |highest: u32| (ARM.0..=highest).rev().map(move |variant| of("arm", format!("v{variant}")));
        match own.architecture.as_str() {
            "amd64" => {
                let lower = (2..=variant).rev().map(|variant| of("amd64", format!("v{variant}")));
                lower.chain([of("amd64", String::new()), of("386", String::new())]).collect()
            }
            "arm64" => {
                let lower = (9..=variant).rev().map(|variant| of("arm64", format!("v{variant}")));
                lower.chain([of("arm64", String::new())]).chain(arm(ARM.1)).collect()
            }
            "arm" => arm(variant).collect(),
            _ => vec![own],
        }
    }

    /// The one spelling of a platform that publishers spell in several ways: what goes without saying is left out.
    fn canonical(&self) -> Self {
        let (architecture, variant) = (self.architecture.to_lowercase(), self.variant.to_lowercase());
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64", ""),
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("i386" | "386", _) => ("386", ""),
            ("aarch64" | "arm64", "" | "8" | "v8") => ("arm64", ""),
            ("aarch64", variant) => ("arm64", variant),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "8") => ("arm", "v8"),
            other => other,
        };
        Self { os: self.os.to_lowercase(), architecture: architecture.to_owned(), variant: variant.to_owned() }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Digest;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Platform { os: next(), architecture: next(), variant: next() }
    }

    /// What a machine takes of the builds that are offered.
    fn taken(machine: &str, offered: &[&str]) -> Option<String> {
        let build =
            |text: &&str| Build { platform: platform(text), digest: Digest::of(text.as_bytes()), size_bytes: None };
        let manifest = Manifest { digest: Digest::of(b""), builds: offered.iter().map(build).collect() };
        manifest.build_for(&platform(machine)).map(|build| build.platform.to_string())
    }

    #[test]
    fn a_machine_gets_the_build_made_for_it() {
        let offered = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "windows/amd64", "linux/386"];
        for (machine, expected) in [
            ("linux/amd64", Some("linux/amd64")),
            ("linux/amd64/v3", Some("linux/amd64")),
            ("linux/arm", Some("linux/arm/v7")),
            ("linux/arm/v6", Some("linux/arm/v6")),
            ("linux/arm/v7", Some("linux/arm/v7")),
            ("linux/arm/v8", Some("linux/arm/v7")),
            ("linux/arm64", Some("linux/arm64/v8")),
            ("linux/386", Some("linux/386")),
            ("windows/amd64", Some("windows/amd64")),
            ("linux/arm/v5", None),
            ("linux/riscv64", None),
            ("windows/arm64", None),
        ] {
            assert_eq!(taken(machine, &offered).as_deref(), expected, "{machine}");
        }
    }

    #[test]
    fn a_machine_runs_lesser_builds_where_its_own_is_missing() {
        for (machine, offered, expected) in [
            ("linux/amd64", &["linux/386"][..], Some("linux/386")),
            ("linux/amd64", &["linux/x86_64"], Some("linux/x86_64")),
            ("linux/amd64", &["linux/amd64/v3"], None),
            ("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2"], Some("linux/amd64/v2")),
            ("linux/arm64", &["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], Some("linux/arm/v7")),
            ("linux/arm64", &["linux/arm"], Some("linux/arm")),
            ("linux/arm64", &["linux/amd64", "linux/arm/v5"], Some("linux/arm/v5")),
            ("linux/386", &["linux/amd64"], None),
            ("linux/arm/v7", &["linux/arm64"], None),
        ] {
            assert_eq!(taken(machine, offered).as_deref(), expected, "{machine} of {offered:?}");
        }
    }
}
