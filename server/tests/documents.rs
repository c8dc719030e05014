//! Documents that are made from the code and committed beside it have to say what the code says, and the command that
//! judges entries has to find what is wrong with them.
#![expect(clippy::unwrap_used, reason = "what fails in a test ends it, wherever it stands")]
#![expect(clippy::disallowed_methods, reason = "the program is run as people run it")]

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;

const FORGE: &str = include_str!("../src/catalog/fixtures/forge.yaml");
const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg'/>";

fn committed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    std::fs::read_to_string(path).unwrap_or_default()
}

fn summoner(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_summoner")).args(arguments).output().unwrap()
}

#[test]
fn the_openapi_document_is_current() {
    let current = serde_json::to_string_pretty(&server::web::api::whole_document()).unwrap_or_default();
    assert!(
        committed("openapi.json").trim_end() == current,
        "docs/openapi.json is not what the routes say; write it anew: cargo run -p summoner -- openapi > docs/openapi.json"
    );
}

#[test]
fn the_program_prints_the_committed_schema_of_entries() {
    let printed = summoner(&["catalog", "schema"]);
    assert!(printed.status.success());
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), committed("entry.schema.json"));
}

/// Every code that a problem is made with in the sources below `folder`.
fn codes(folder: &Path, found: &mut BTreeSet<String>) {
    // The one constructor that takes any code hands it on.
    let made =
        Regex::new(r#"(?:Problem|Refusal|Self)::new\(\s*(?:[\w.]+),\s*(?:"(\w+)"|([A-Z_]+|code)),\s*[\w"]"#).unwrap();
    for item in std::fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()) {
        if item.is_dir() {
            codes(&item, found);
            continue;
        }
        let source = std::fs::read_to_string(&item).unwrap_or_default();
        for code in made.captures_iter(&source) {
            let named = |name: &str| {
                let constant = Regex::new(&format!(r#"const {name}: &str = "(\w+)";"#)).unwrap();
                constant.captures(&source).map(|code| code[1].to_owned())
            };
            if code.get(2).is_some_and(|name| name.as_str() == "code") {
                continue;
            }
            let code = code.get(1).map_or_else(|| named(&code[2]), |code| Some(code.as_str().to_owned()));
            found.insert(code.unwrap_or_else(|| panic!("a code in {} is no plain text", item.display())));
        }
        let all = source.matches("Problem::new(").count() + source.matches("Refusal::new(").count();
        assert!(made.find_iter(&source).count() >= all, "a code in {} is not found", item.display());
    }
}

#[test]
fn every_code_of_a_problem_is_listed_once_and_none_that_is_not_made() {
    let mut made = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    codes(&root.join("src"), &mut made);
    codes(&root.join("../app/src"), &mut made);
    let listed = committed("problems.md");
    let row = Regex::new(r"(?m)^\| `(\w+)` \|").unwrap();
    let listed: Vec<String> = row.captures_iter(&listed).map(|row| row[1].to_owned()).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), made, "docs/problems.md and the sources");
    assert_eq!(listed.len(), made.len(), "each has one row");
}

/// A folder of entries, gone with the test.
struct Entries(PathBuf);

impl Entries {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("summoner-entries-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn add(&self, name: &str, compose: &str) {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("compose.yaml"), compose).unwrap();
        std::fs::write(folder.join("icon.svg"), ICON).unwrap();
    }

    /// What the command says of them, and whether it is content.
    fn checked(&self) -> (String, bool) {
        let output = summoner(&["catalog", "check", self.0.to_str().unwrap()]);
        (String::from_utf8(output.stdout).unwrap(), output.status.success())
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// One damage for each kind of finding: the entry's name, what becomes of the good one, and what the command says.
const DAMAGES: [(&str, &str, &str, &str); 22] = [
    ("schema-version", "schema: 1", "schema: 2", "The format 2 is not known"),
    ("schema-key", "licence: MIT", "license: MIT", "“license” is not known"),
    ("schema-type", "keywords: [git, forge, ci]", "keywords: git", "a list is expected"),
    ("compose-key", "    init: true", "    privilegd: true", "“privilegd” of a service is not supported"),
    ("port-range", "port: 22,", "port: 70000,", "a whole number in range"),
    ("port-unpublished", "service: app, port: 22,", "service: app, port: 23,", "does not publish it"),
    ("port-fixed", "${SSH_PORT:-2222}:22", "2222:22", "Its published port is fixed"),
    ("port-twice", "optional: true", "primary: true", "More than one port is marked"),
    ("dependency-unknown", "depends_on: [app]", "depends_on: [cron]", "no service “cron”"),
    ("dependency-circle", "depends_on: [app]", "depends_on: [worker]", "worker → worker"),
    ("path-rule-open", "rule: stop-at, version: \"1.21.0\"", "rule: stop-at", "where to stop"),
    (
        "path-rule-foreign",
        "rule: stop-at, version: \"1.21.0\"",
        "rule: stop-at, version: \"1.21\"",
        "No tag of the version",
    ),
    ("tags-loose", "tags: '^17", "tags: '17", "not anchored"),
    ("tags-too-narrow", "release: [\"17.11\"]", "release: [\"18.0\"]", "“18.0” does not match"),
    ("tags-too-wide", "other: [latest", "other: [1.0.0", "“1.0.0” is no release"),
    (
        "tags-unproven",
        "      examples: { release: [\"17.11\"], other: [\"18.1\", 17-alpine] }\n",
        "",
        "pattern at work",
    ),
    ("moving-latest", "default: \"1.27.2\"", "default: latest", "“latest” moves"),
    ("moving-major", "default: \"17.11\"", "default: \"17\"", "“17” moves"),
    ("no-health", "{ service: app, http", "{ service: db, http", "Nobody sees when “app” does not work"),
    ("secret-plain", "${MAIL_PASSWORD:-}", "hunter22", "stands in the file"),
    ("secret-default", "type: password,", "type: password, default: hunter22,", "known to everybody"),
    ("privilege", "cap_add: [CHOWN, ", "cap_add: [SYS_ADMIN, ", "reaches past its container"),
];

#[test]
fn the_check_finds_every_kind_of_bad_entry_and_nothing_in_a_good_one() {
    let entries = Entries::new("bad");
    entries.add("good", FORGE);
    assert_eq!(entries.checked(), ("1 entries, 0 findings\n".to_owned(), true));

    for (name, from, to, _) in DAMAGES {
        let mut damaged = FORGE.replacen(from, to, 1);
        assert_ne!(damaged, FORGE, "{name}");
        if name == "no-health" {
            // The container's own check would do as well.
            damaged =
                damaged.replacen("test: [CMD, curl, -fsS, \"http://localhost:3000/api/healthz\"]", "test: [NONE]", 1);
        }
        entries.add(name, &damaged);
    }
    let aliases: String = (0..50).map(|line| format!("y{line}: [*a, *a, *a, *a, *a, *a, *a, *a]\n")).collect();
    entries.add("bomb", &format!("x: &a [{}]\n{aliases}", "1,".repeat(2000)));
    std::fs::remove_file(entries.0.join("privilege/icon.svg")).unwrap();
    let (said, content) = entries.checked();
    assert!(!content);
    for (name, _, _, part) in DAMAGES {
        let found = said.lines().any(|line| line.starts_with(&format!("{name}: line ")) && line.contains(part));
        assert!(found, "{name}: {part} is not among\n{said}");
    }
    assert!(said.contains("privilege: line 3") && said.contains("no icon.svg"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("bomb: line ") && line.contains("aliases expanded")), "{said}");
    assert!(!said.lines().any(|line| line.starts_with("good")), "{said}");
}

/// The most memory the program had while it looked at these entries, in KiB, with what it said.
///
/// The kernel keeps the peak only while the process lives, so it is read again and again until the end; what grows
/// without a bound grows for much longer than a turn takes.
fn peak_of_check(entries: &Entries) -> (u64, String) {
    let mut check = Command::new(env!("CARGO_BIN_EXE_summoner"));
    check.args(["catalog", "check"]).arg(&entries.0).stdout(Stdio::piped());
    let mut check = check.spawn().unwrap();
    let (status, mut peak) = (format!("/proc/{}/status", check.id()), 0);
    while check.try_wait().unwrap().is_none() {
        let said = std::fs::read_to_string(&status).unwrap_or_default();
        let line = said.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(size.unwrap_or_default());
    }
    let mut said = String::new();
    check.stdout.unwrap().read_to_string(&mut said).unwrap();
    (peak, said)
}

#[test]
fn s28_bombs_and_huge_files_are_refused_with_flat_memory() {
    let good = Entries::new("flat");
    good.add("good", FORGE);
    let (usual, _) = peak_of_check(&good);
    assert!(usual > 0, "nothing was measured");

    let bombs = Entries::new("bombs");
    let mut levels = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    let mut merges = "m0: &m0 { a: lol, b: lol }\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        levels.push_str(&format!("a{level}: &a{level} [{}*a{before}]\n", format!("*a{before}, ").repeat(9)));
        merges.push_str(&format!("m{level}: &m{level} {{ <<: *m{before}, a: *m{before}, b: *m{before} }}\n"));
    }
    bombs.add("aliases", &levels);
    bombs.add("merges", &merges);
    bombs.add("deep", &"[".repeat(200_000));
    bombs.add("long-line", &format!("x: \"{}\"", "y".repeat(200_000)));
    bombs.add("keys", &(0..20_000).map(|key| format!("k{key}: 1\n")).collect::<String>());
    bombs.add("variables", &format!("services: {{ a: {{ image: \"{}\" }} }}", "${A:-".repeat(40_000)));
    bombs.add("huge", "");
    // A file of a gigabyte that takes no room: it must not be read at all.
    let huge = std::fs::File::create(bombs.0.join("huge/compose.yaml")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let (peak, said) = peak_of_check(&bombs);
    for name in ["aliases", "merges", "deep", "long-line", "keys", "variables", "huge"] {
        assert!(said.lines().any(|line| line.starts_with(&format!("{name}: "))), "{name} is not among\n{said}");
    }
    assert!(peak < usual + (16 << 10), "{peak} KiB, and {usual} KiB with a good entry");
}
