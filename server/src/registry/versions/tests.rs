use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

/// A rule with semantic order and minor lines; `default` says what a release looks like.
fn rule(pattern: &str, default: &str) -> TagRule {
    TagRule {
        pattern: Regex::new(pattern).unwrap(),
        prerelease: None,
        order: Order::Semver,
        line: LineRule::Minor,
        variants: Vec::new(),
        default: default.to_owned(),
    }
}

fn numeric(pattern: &str, default: &str, line: LineRule) -> TagRule {
    TagRule { order: Order::Numeric, line, ..rule(pattern, default) }
}

/// Lines as `name: tag tag; name: …`, pre-releases in brackets.
fn shown(picker: &Picker) -> String {
    let tag = |version: &Version| {
        if version.prerelease { format!("({})", version.tag) } else { version.tag.clone() }
    };
    let line = |line: &Line| format!("{}: {}", line.name, line.versions.iter().map(tag).collect::<Vec<_>>().join(" "));
    picker.lines.iter().map(line).collect::<Vec<_>>().join("; ")
}

struct Case {
    tool: &'static str,
    rule: TagRule,
    tags: &'static str,
    lines: &'static str,
    others: &'static str,
    proposed: &'static str,
}

#[expect(clippy::too_many_lines, reason = "a table: one row per tool, as their registries list them")]
fn cases() -> Vec<Case> {
    vec![
        Case {
            tool: "postgres, one major",
            rule: numeric(r"^(?<version>17\.\d+)(?<variant>-alpine)?$", "17.11", LineRule::Major),
            tags: "latest 17 17.9 17.10 17.11 17.11-alpine 17-alpine 17.11-alpine3.24 17.11-trixie 18.6 19beta3 bookworm",
            lines: "17: 17.11 17.11-alpine 17.10 17.9",
            others: "17 17-alpine 17.11-alpine3.24 17.11-trixie 18.6 19beta3 bookworm latest",
            proposed: "17.11",
        },
        Case {
            tool: "postgres, a loose pattern",
            rule: numeric(r"^(?<version>\d+(\.\d+)?(beta\d+)?)(?<variant>-alpine)?$", "18.6", LineRule::Major),
            tags: "17 17.11 18 18.6 18-alpine 18.6-alpine 19beta3 19beta10 latest",
            lines: "19: (19beta10) (19beta3); 18: 18.6 18.6-alpine; 17: 17.11",
            others: "17 18 18-alpine latest",
            proposed: "18.6",
        },
        Case {
            tool: "mariadb, long-term lines",
            rule: numeric(r"^(?<version>(?:10\.11|11\.4|11\.8|12\.3)\.\d+)$", "11.8.8", LineRule::Minor),
            tags: "lts 12.3.2 12.2.1 11.8.8 11.8.10 11.8 11 11.8.8-noble 10.11.14 11.9.0-rc",
            lines: "12.3: 12.3.2; 11.8: 11.8.10 11.8.8; 10.11: 10.11.14",
            others: "11 11.8 11.8.8-noble 11.9.0-rc 12.2.1 lts",
            proposed: "12.3.2",
        },
        Case {
            tool: "nginx",
            rule: rule(r"^(?<version>\d+\.\d+\.\d+)(?<variant>-alpine-slim|-alpine)$", "1.30.4-alpine-slim"),
            tags: "1.30.4 1.30.4-alpine 1.30.4-alpine-slim 1.31.4-alpine 1.9.9-alpine-slim 1.31-alpine-slim mainline stable-alpine 1.30.4-perl",
            lines: "1.31: 1.31.4-alpine; 1.30: 1.30.4-alpine 1.30.4-alpine-slim; 1.9: 1.9.9-alpine-slim",
            others: "1.30.4 1.30.4-perl 1.31-alpine-slim mainline stable-alpine",
            proposed: "1.30.4-alpine-slim",
        },
        Case {
            tool: "wordpress",
            rule: rule(
                r"^(?<version>\d+\.\d+(\.\d+)?)(?<variant>(-php\d\.\d)?-(apache|fpm|fpm-alpine))$",
                "7.1.0-php8.3-apache",
            ),
            tags: "7.1.0-php8.3-apache 7.1-php8.3-apache 7.1.0-php8.4-apache 7.0.10-php8.3-apache 7.0.9-php8.3-apache cli-2.12 php8.3 7.1.0-fpm 7.2-php8.3-apache",
            lines: "7.2: 7.2-php8.3-apache; 7.1: 7.1.0-fpm 7.1.0-php8.3-apache 7.1.0-php8.4-apache; 7.0: 7.0.10-php8.3-apache 7.0.9-php8.3-apache",
            others: "7.1-php8.3-apache cli-2.12 php8.3",
            // 7.2 has fewer components than the default, so that nothing says it is not about to move.
            proposed: "7.1.0-php8.3-apache",
        },
        Case {
            tool: "nextcloud",
            rule: TagRule {
                line: LineRule::Major,
                ..rule(r"^(?<version>\d+\.\d+\.\d+(rc\d+)?)(?<variant>-apache|-fpm)$", "34.0.3-apache")
            },
            tags: "34.0.3-apache 34.0.3-fpm 34-apache 34.0-apache 35.0.0rc1-apache 33.0.8-apache 33.0.10-apache production-apache stable 34.0.3",
            lines: "35: (35.0.0rc1-apache); 34: 34.0.3-apache 34.0.3-fpm; 33: 33.0.10-apache 33.0.8-apache",
            others: "34-apache 34.0-apache 34.0.3 production-apache stable",
            proposed: "34.0.3-apache",
        },
        Case {
            tool: "gitea, two variants on offer",
            rule: TagRule {
                prerelease: Some(Regex::new(r"^(?<version>\d+\.\d+\.\d+-rc\d+)(?<variant>-rootless)?$").unwrap()),
                variants: vec![String::new(), "-rootless".to_owned()],
                ..rule(r"^(?<version>\d+\.\d+\.\d+)(?<variant>-rootless)?$", "1.27.2")
            },
            tags: "1 1.27 1.27.2 1.27.2-rootless 1.27.10 1.28.0-rc0 1.28.0-rc0-rootless 1.26.4 nightly latest-rootless main-nightly",
            lines: "1.28: (1.28.0-rc0) (1.28.0-rc0-rootless); 1.27: 1.27.10 1.27.2 1.27.2-rootless; 1.26: 1.26.4",
            others: "1 1.27 latest-rootless main-nightly nightly",
            proposed: "1.27.10",
        },
        Case {
            tool: "mattermost",
            rule: rule(r"^\d+\.\d+\.\d+$", "11.7.9"),
            tags: "release-11 release-11.7 latest 11.7.9 11.7.10 11.10.0 11.10.0-rc2 10.11.22 master",
            lines: "11.10: 11.10.0; 11.7: 11.7.10 11.7.9; 10.11: 10.11.22",
            others: "11.10.0-rc2 latest master release-11 release-11.7",
            proposed: "11.10.0",
        },
        Case {
            tool: "wekan",
            rule: numeric(r"^v(?<version>\d+\.\d{2})$", "v10.99", LineRule::Major),
            tags: "latest v10.99 v11.07 v11.06 v9.50 v11.07-amd64 devel",
            lines: "11: v11.07 v11.06; 10: v10.99; 9: v9.50",
            others: "devel latest v11.07-amd64",
            proposed: "v11.07",
        },
        Case {
            tool: "uptime-kuma",
            rule: rule(r"^(?<version>\d+\.\d+\.\d+)(?<variant>-slim)?$", "2.5.3"),
            tags: "2 2.5.3 2.5.3-slim 2.5.3-rootless 2.6.0-beta.0 1.23.17 1 beta nightly2",
            lines: "2.5: 2.5.3 2.5.3-slim; 1.23: 1.23.17",
            others: "1 2 2.5.3-rootless 2.6.0-beta.0 beta nightly2",
            proposed: "2.5.3",
        },
        Case {
            tool: "vaultwarden",
            rule: rule(r"^(?<version>\d+\.\d+\.\d+)(?<variant>-alpine)?$", "1.37.2"),
            tags: "1.37.2 1.37.2-alpine 1.36.0 1.100.0-alpine testing latest-alpine",
            lines: "1.100: 1.100.0-alpine; 1.37: 1.37.2 1.37.2-alpine; 1.36: 1.36.0",
            others: "latest-alpine testing",
            proposed: "1.37.2",
        },
        Case {
            tool: "keycloak, with rebuilds",
            rule: numeric(r"^(?<version>\d+\.\d+\.\d+(-\d+)?)$", "26.7.2", LineRule::Minor),
            tags: "26.7 26.7.2 26.7.2-1 26.7.1 26.6.4 nightly latest 26.7.2-0 9.0.0",
            lines: "26.7: 26.7.2-1 26.7.2-0 26.7.2 26.7.1; 26.6: 26.6.4; 9.0: 9.0.0",
            others: "26.7 latest nightly",
            proposed: "26.7.2",
        },
        Case {
            tool: "grafana",
            rule: rule(r"^(?<version>\d+\.\d+\.\d+)$", "13.1.4"),
            tags: "13.2.0 13.1.4 13.1.4-ubuntu 12.4.9 12.4.9-security-01 main 13.2 13.3.0-19212345678",
            lines: "13.2: 13.2.0; 13.1: 13.1.4; 12.4: 12.4.9",
            others: "12.4.9-security-01 13.1.4-ubuntu 13.2 13.3.0-19212345678 main",
            proposed: "13.2.0",
        },
        Case {
            tool: "prometheus",
            rule: TagRule {
                prerelease: Some(Regex::new(r"-(alpha|beta|rc)\.\d+").unwrap()),
                ..rule(r"^v(?<version>\d+\.\d+\.\d+(-[a-z]+\.\d+)?)(?<variant>-distroless|-busybox)?$", "v3.13.2")
            },
            tags: "v3.14.0 v3.13.4 v3.13.10 v3.15.0-rc.2 v3.15.0-rc.10 v3.15.0-beta.3 v3.14.0-distroless v3 main v3.14",
            lines: "3.15: (v3.15.0-rc.10) (v3.15.0-rc.2) (v3.15.0-beta.3); 3.14: v3.14.0 v3.14.0-distroless; 3.13: v3.13.10 v3.13.4",
            others: "main v3 v3.14",
            proposed: "v3.14.0",
        },
        Case {
            tool: "n8n",
            rule: rule(r"^\d+\.\d+\.\d+$", "2.36.5"),
            tags: "2.36.5 2.37.0 2.37.1 1.123.54 stable next beta 2.37.1-amd64 nightly",
            lines: "2.37: 2.37.1 2.37.0; 2.36: 2.36.5; 1.123: 1.123.54",
            others: "2.37.1-amd64 beta next nightly stable",
            proposed: "2.37.1",
        },
        Case {
            tool: "registry",
            rule: TagRule {
                line: LineRule::Major,
                ..rule(r"^(?<version>\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?)$", "3.1.1")
            },
            tags: "3 3.1 3.1.1 2.8.3 2 3.0.0-rc.4 3.0.0-beta.1 3.0.0 latest",
            lines: "3: 3.1.1 3.0.0 (3.0.0-rc.4) (3.0.0-beta.1); 2: 2.8.3",
            others: "2 3 3.1 latest",
            proposed: "3.1.1",
        },
        Case {
            tool: "adminer",
            rule: rule(r"^(?<version>\d+\.\d+\.\d+)(?<variant>-fastcgi|-standalone)?$", "6.0.1"),
            tags: "6 6.0.1 6.0.1-standalone 6.0.1-fastcgi fastcgi 5.4.2",
            lines: "6.0: 6.0.1 6.0.1-fastcgi 6.0.1-standalone; 5.4: 5.4.2",
            others: "6 fastcgi",
            proposed: "6.0.1",
        },
        Case {
            tool: "minio, dates",
            rule: TagRule {
                order: Order::Calendar,
                line: LineRule::Year,
                ..rule(r"^RELEASE\.\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z$", "RELEASE.2025-04-22T22-12-26Z")
            },
            tags: "RELEASE.2025-09-07T16-13-09Z RELEASE.2025-04-22T22-12-26Z RELEASE.2024-12-31T23-59-59Z RELEASE.2025-09-07T16-13-09Z.fips latest",
            lines: "2025: RELEASE.2025-09-07T16-13-09Z RELEASE.2025-04-22T22-12-26Z; 2024: RELEASE.2024-12-31T23-59-59Z",
            others: "RELEASE.2025-09-07T16-13-09Z.fips latest",
            proposed: "RELEASE.2025-09-07T16-13-09Z",
        },
        Case {
            tool: "home assistant, months",
            rule: TagRule {
                order: Order::Calendar,
                prerelease: Some(Regex::new(r"^\d{4}\.\d+\.\d+b\d+$").unwrap()),
                ..rule(r"^\d{4}\.\d{1,2}\.\d+$", "2026.8.3")
            },
            tags: "2026.10.1 2026.9.4 2026.10 2026.11.0b2 2025.12.5 stable dev 0.118.5",
            lines: "2026.11: (2026.11.0b2); 2026.10: 2026.10.1; 2026.9: 2026.9.4; 2025.12: 2025.12.5",
            others: "0.118.5 2026.10 dev stable",
            proposed: "2026.10.1",
        },
        Case {
            tool: "gitlab",
            rule: rule(r"^(?<version>\d+\.\d+\.\d+)-ce\.0$", "19.3.0-ce.0"),
            tags: "19.3.0-ce.0 19.2.10-ce.0 19.2.4-ce.0 rc nightly latest 19.3.0-rc42.ce.0",
            lines: "19.3: 19.3.0-ce.0; 19.2: 19.2.10-ce.0 19.2.4-ce.0",
            others: "19.3.0-rc42.ce.0 latest nightly rc",
            proposed: "19.3.0-ce.0",
        },
        Case {
            tool: "sonarqube, builds",
            rule: numeric(
                r"^(?<version>\d{2}\.\d{1,2}\.\d+\.\d+)-community$",
                "26.8.0.126808-community",
                LineRule::Minor,
            ),
            tags: "26.8.0.126808-community 26.10.0.127000-community 26.8.1.126999-community community 2026.1.5-enterprise lts",
            lines: "26.10: 26.10.0.127000-community; 26.8: 26.8.1.126999-community 26.8.0.126808-community",
            others: "2026.1.5-enterprise community lts",
            proposed: "26.10.0.127000-community",
        },
        Case {
            tool: "bookstack, a two-component release",
            rule: numeric(r"^version-(?<version>v\d{2}\.\d{2}(\.\d+)?)$", "version-v26.05.3", LineRule::Minor),
            tags: "version-v26.05.3 version-v26.05 version-v25.12.9 version-v26.09 latest v26.05.3-ls200",
            lines: "26.09: version-v26.09; 26.05: version-v26.05.3; 25.12: version-v25.12.9",
            others: "latest v26.05.3-ls200 version-v26.05",
            proposed: "version-v26.05.3",
        },
        Case {
            tool: "metabase, hotfixes",
            rule: numeric(r"^(?<version>v0\.\d+\.\d+(\.\d+)?)$", "v0.63.14", LineRule::Minor),
            tags: "v0.63.14 v0.63.14.1 v0.63.9 v1.63.14 v0.63.x latest",
            lines: "0.63: v0.63.14.1 v0.63.14 v0.63.9",
            others: "latest v0.63.x v1.63.14",
            proposed: "v0.63.14",
        },
        Case {
            tool: "a list by hand",
            rule: TagRule {
                order: Order::Listed(["edge-a", "edge-b", "edge-c"].map(str::to_owned).to_vec()),
                ..rule("^edge-(?<version>[a-z])$", "edge-b")
            },
            tags: "edge-a edge-c edge-d edge-b latest",
            lines: "c: edge-c; b: edge-b; a: edge-a",
            others: "edge-d latest",
            proposed: "edge-c",
        },
        Case {
            tool: "nothing there",
            rule: rule(r"^\d+\.\d+\.\d+$", "1.2.3"),
            tags: "",
            lines: "",
            others: "",
            proposed: "1.2.3",
        },
        Case {
            tool: "no release there",
            rule: rule(r"^\d+\.\d+\.\d+$", "1.2.3"),
            tags: "latest sha-4f2a1c 99999999999999999999.0.1",
            lines: "",
            others: "99999999999999999999.0.1 latest sha-4f2a1c",
            proposed: "1.2.3",
        },
        Case {
            tool: "a pattern without anchors",
            rule: rule(r"\d+\.\d+\.\d+", "1.2.3"),
            tags: "1.2.4 x1.2.5 1.2.6-evil",
            lines: "1.2: 1.2.4",
            others: "1.2.6-evil x1.2.5",
            proposed: "1.2.4",
        },
    ]
}

#[test]
fn tags_of_many_tools_are_sorted_as_people_expect() {
    for case in cases() {
        let picker = classify(case.tags.split(' ').filter(|tag| !tag.is_empty()), &case.rule);
        assert_eq!(shown(&picker), case.lines, "lines of {}", case.tool);
        assert_eq!(picker.others.join(" "), case.others, "others of {}", case.tool);
        assert_eq!(picker.proposed, case.proposed, "proposal of {}", case.tool);
    }
}

#[test]
fn variants_stand_in_the_rules_order_and_only_those_on_offer() {
    let mut rule = rule(r"^(?<version>\d+\.\d+\.\d+)(?<variant>-[a-z]+)?$", "1.0.0");
    let tags = ["1.0.0-slim", "1.0.0", "1.0.0-alpine", "1.0.1-debug"];
    assert_eq!(classify(tags, &rule).variants, ["", "-alpine", "-debug", "-slim"]);
    rule.variants = ["-slim", "-never", ""].map(str::to_owned).to_vec();
    let picker = classify(tags, &rule);
    assert_eq!(picker.variants, ["-slim", ""]);
    assert_eq!(picker.others, ["1.0.0-alpine", "1.0.1-debug"]);
}

#[test]
fn only_versions_of_one_variant_and_form_compare() {
    let rule = numeric(r"^(?<version>\d+(\.\d+)*)(?<variant>-alpine)?$", "18.6", LineRule::Major);
    assert_eq!(rule.compare("18.6", "18.10"), Some(Ordering::Less));
    assert_eq!(rule.compare("18.6", "17.11"), Some(Ordering::Greater));
    assert_eq!(rule.compare("18.06", "18.6"), Some(Ordering::Equal));
    for (a, b) in [("18", "18.6"), ("18.6", "18.6-alpine"), ("18.6", "latest"), ("latest", "latest")] {
        assert_eq!(rule.compare(a, b), None, "{a} and {b}");
    }
}

#[test]
fn semantic_pre_releases_are_in_the_order_of_the_specification() {
    let rule = rule(r"^(?<version>\d+\.\d+\.\d+(-[0-9a-z.]+)?)$", "1.0.0");
    // semver.org, paragraph 11.4.
    let ascending = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1-rc.1",
        "1.0.1",
        "1.1.0",
        "2.0.0",
    ];
    for pair in ascending.windows(2) {
        assert_eq!(rule.compare(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
    }
}

#[test]
fn five_thousand_tags_are_sorted_at_once() {
    let rule = rule(r"^v?(?<version>\d+\.\d+\.\d+(-rc\.\d+)?)(?<variant>-[a-z]+)?$", "1.0.0");
    let tags: Vec<String> = (0..5_000)
        .map(|n| match n % 5 {
            0 => format!("sha-{n:07x}"),
            1 => format!("{}.{}.{}-alpine", n / 500, n / 50 % 10, n % 50),
            2 => format!("{}.{}.{}-rc.{n}", n / 500, n / 50 % 10, n % 50),
            3 => format!("{}.{}", n / 500, n % 500),
            _ => format!("{}.{}.{}", n / 500, n / 50 % 10, n % 50),
        })
        .collect();
    let start = std::time::Instant::now();
    let picker = classify(tags.iter().map(String::as_str), &rule);
    let took = start.elapsed();
    println!("{} tags in {} lines: {took:?}", tags.len(), picker.lines.len());
    assert_eq!(picker.proposed, "9.9.49");
    // Many times what it takes, even unoptimised on a busy machine: quadratic work would show.
    assert!(took < std::time::Duration::from_secs(2), "{took:?}");
}

/// Tags as a registry might hold them, with moving ones and noise.
fn tags() -> impl Strategy<Value = Vec<String>> {
    let version = (0..4_u64, 0..4_u64, 0..12_u64, 1..4_usize)
        .prop_map(|(a, b, c, length)| [a, b, c].iter().take(length).map(u64::to_string).collect::<Vec<_>>().join("."));
    let stage = prop_oneof![3 => Just(String::new()), 1 => (0..3_u8).prop_map(|n| format!("-rc.{n}"))];
    let variant = prop_oneof![2 => Just(""), 1 => Just("-alpine"), 1 => Just("-slim")];
    let release = (prop_oneof![Just(""), Just("v")], version, stage, variant)
        .prop_map(|(prefix, version, stage, variant)| format!("{prefix}{version}{stage}{variant}"));
    let tag = prop_oneof![8 => release, 1 => "[a-z0-9_.-]{0,12}", 1 => Just("latest".to_owned())];
    proptest::collection::vec(tag, 0..60)
}

fn rules() -> impl Strategy<Value = TagRule> {
    let order = prop_oneof![Just(Order::Semver), Just(Order::Numeric), Just(Order::Calendar)];
    let line = prop_oneof![Just(LineRule::Major), Just(LineRule::Minor), Just(LineRule::Year)];
    let default = prop_oneof![Just("1.0.0"), Just("1.0"), Just("2.1.0-alpine"), Just("none")];
    let offered = subsequence(vec!["", "-alpine", "-slim"], 0..=3);
    (order, line, default, offered).prop_map(|(order, line, default, offered)| TagRule {
        order,
        line,
        variants: offered.into_iter().map(str::to_owned).collect(),
        ..rule(r"^v?(?<version>\d+(\.\d+)*(-rc\.\d+)?)(?<variant>-alpine|-slim)?$", default)
    })
}

fn flat(picker: &Picker) -> Vec<&Version> {
    picker.lines.iter().flat_map(|line| &line.versions).collect()
}

proptest! {
    #[test]
    fn every_tag_is_listed_once_in_lines_that_descend(tags in tags(), rule in rules()) {
        let picker = classify(tags.iter().map(String::as_str), &rule);
        let mut listed: Vec<&str> = flat(&picker).iter().map(|version| version.tag.as_str()).collect();
        listed.extend(picker.others.iter().map(String::as_str));
        listed.sort_unstable();
        let all: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
        prop_assert_eq!(listed, all.into_iter().collect::<Vec<_>>());
        for line in &picker.lines {
            for pair in line.versions.windows(2) {
                prop_assert_ne!(rule.compare(&pair[0].tag, &pair[1].tag), Some(Ordering::Less));
            }
        }
        let names: BTreeSet<&str> = picker.lines.iter().map(|line| line.name.as_str()).collect();
        prop_assert_eq!(names.len(), picker.lines.len(), "two lines of one name");
    }

    #[test]
    fn the_order_of_the_registry_does_not_matter(
        (tags, shuffled) in tags().prop_flat_map(|tags| (Just(tags.clone()), Just(tags).prop_shuffle())),
        rule in rules(),
    ) {
        let picker = |tags: &[String]| classify(tags.iter().map(String::as_str), &rule);
        prop_assert_eq!(picker(&tags), picker(&shuffled));
    }

    #[test]
    fn what_is_proposed_is_a_newest_full_release(tags in tags(), rule in rules()) {
        let picker = classify(tags.iter().map(String::as_str), &rule);
        if let Some(proposed) = flat(&picker).into_iter().find(|version| version.tag == picker.proposed) {
            prop_assert!(!proposed.prerelease);
            for other in flat(&picker).into_iter().filter(|other| !other.prerelease) {
                prop_assert_ne!(rule.compare(&proposed.tag, &other.tag), Some(Ordering::Less), "{} is newer", other.tag);
            }
            // Moving: another tag of the variant continues it.
            let continues = |tag: &str| {
                rule.read(tag).is_some_and(|other| {
                    other.variant == proposed.variant && other.version.starts_with(&format!("{}.", proposed.version))
                })
            };
            let full = rule.default.split('.').count();
            if proposed.version.split('.').count() < full {
                prop_assert!(!tags.iter().any(|tag| continues(tag)));
            }
        } else {
            prop_assert_eq!(&picker.proposed, &rule.default);
        }
    }

    #[test]
    fn sorting_what_was_sorted_changes_nothing(tags in tags(), rule in rules()) {
        let picker = classify(tags.iter().map(String::as_str), &rule);
        let again: Vec<&str> = flat(&picker).iter().map(|version| version.tag.as_str()).collect();
        let second = classify(again, &rule);
        prop_assert_eq!(second.lines, picker.lines);
        prop_assert_eq!(second.proposed, picker.proposed);
        prop_assert!(second.others.is_empty());
    }

    #[test]
    fn comparison_is_a_total_order_among_the_comparable(tags in tags(), rule in rules()) {
        let read: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| rule.read(tag).is_some()).take(6).collect();
        for a in &read {
            prop_assert_eq!(rule.compare(a, a), Some(Ordering::Equal));
            for b in &read {
                prop_assert_eq!(rule.compare(a, b), rule.compare(b, a).map(Ordering::reverse));
                for c in &read {
                    if let (Some(ab), Some(bc)) = (rule.compare(a, b), rule.compare(b, c))
                        && ab == bc
                    {
                        prop_assert_eq!(rule.compare(a, c), Some(ab));
                    }
                }
            }
        }
    }
}
