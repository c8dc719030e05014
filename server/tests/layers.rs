//! The rules of the tree that a compiler does not know: layers, names, and where SQL stands.
//!
//! The layers are read from `src/lib.rs`: modules stand there from the highest to the lowest, and those of one group
//! (no empty line between them) are equal. A module uses only modules of groups after its own.

#![expect(clippy::unwrap_used, reason = "what fails in a test ends it, wherever it stands")]

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Names that say nothing about what belongs inside, so that everything ends there.
const ATTICS: [&str; 8] = ["common", "helper", "helpers", "misc", "models", "types", "util", "utils"];

/// How SQL is recognised: the checked macros and the roads around them.
const SQL: [&str; 6] = ["query!(", "query_as!(", "query_scalar!(", "sqlx::query(", "sqlx::raw_sql(", "AssertSqlSafe("];

/// Entry points before there is anybody: the first run, signing in and out, who a token belongs to, and the sign on the
/// door.
const ACTORLESS: [&str; 9] = [
    "check_setup",
    "finish_setup",
    "new_setup_link",
    "open_setup",
    "session",
    "setup_needed",
    "sign_in",
    "sign_out",
    "site_name",
];

/// How a public item begins.
const ITEMS: [&str; 7] =
    ["pub async fn ", "pub const ", "pub enum ", "pub fn ", "pub struct ", "pub trait ", "pub type "];

/// What its name says in full: a constructor, and the routes of an area of the API.
const PLAIN: [&str; 2] = ["pub fn new(", "pub fn routes()"];

#[test]
fn a_module_uses_only_modules_listed_after_it() {
    let layers = layers(&read(&Path::new(ROOT).join("lib.rs")));
    let mut refused = Vec::new();
    for path in sources(Path::new(ROOT)) {
        let Some(module) = module_of(&path) else { continue };
        let text = read(&path);
        for used in crate_paths(&text) {
            if let Some(remark) = upward(&layers, &module, &used) {
                refused.push(format!("{}: {remark}", path.display()));
            }
        }
    }
    assert!(refused.is_empty(), "uses against the order of src/lib.rs:\n  {}", refused.join("\n  "));
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let [library, binary] = ["lib.rs", "main.rs"].map(|file| layers(&read(&Path::new(ROOT).join(file))));
    for path in sources(Path::new(ROOT)) {
        // What belongs to the binary stands above the library, which cannot name it.
        if let Some(module) = module_of(&path).filter(|module| !binary.contains_key(module)) {
            assert!(library.contains_key(&module), "{} is in no module of src/lib.rs", path.display());
        }
    }
}

#[test]
fn sql_stands_only_in_the_store_of_its_domain() {
    let mut refused = Vec::new();
    for path in sources(Path::new(ROOT)) {
        let place = path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned();
        let may = place == "events/mod.rs"
            || place.starts_with("db/")
            || ["/store.rs", "/tests.rs"].iter().any(|file| place.ends_with(file));
        let text = read(&path);
        // Tests look into the database to see what a call left there.
        let code = without_comments(text.split("#[cfg(test)]").next().unwrap_or_default());
        if let (false, Some(found)) = (may, SQL.iter().find(|sql| code.contains(**sql))) {
            refused.push(format!("src/{place}: {found}…"));
        }
    }
    assert!(refused.is_empty(), "SQL belongs in the store.rs of its domain:\n  {}", refused.join("\n  "));
}

#[test]
fn s6_rights_are_asked_for_below_the_web() {
    for path in sources(&Path::new(ROOT).join("web")) {
        let code = without_comments(&read(&path));
        assert!(!code.contains(".needs("), "{}: the domain asks for rights", path.display());
    }
    for domain in ["tools", "auth"] {
        for path in sources(&Path::new(ROOT).join(domain)) {
            let text = read(&path);
            let code = without_comments(text.split("#[cfg(test)]").next().unwrap_or_default());
            for entry in without_actor(&code) {
                assert!(ACTORLESS.contains(&entry.as_str()), "{}: {entry} takes no Actor", path.display());
            }
        }
    }
}

#[test]
fn s1_the_only_programs_that_are_started_are_those_of_the_private_database() {
    for path in sources(Path::new(ROOT)) {
        let place = path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned();
        let code = without_comments(&read(&path));
        assert!(place == "db/cluster.rs" || !code.contains("process::Command"), "src/{place} starts a program");
    }
}

#[test]
fn the_reader_of_entry_points_sees_who_takes_no_actor() {
    let code = "impl Tools {\n    pub async fn list(&self, actor: &Actor) -> X {}\n    pub async fn peek(\n        &self,\n    ) {}\n\
                \n    async fn own(&self) {}\n    pub(super) async fn near(&self) {}\n}\nimpl Other {\n    pub async fn free(&self) {}\n}";
    assert_eq!(without_actor(code), ["peek"]);
}

#[test]
fn no_file_is_named_for_nothing() {
    let workspace = Path::new(ROOT).ancestors().nth(2).unwrap();
    for crate_folder in ["api/src", "app/src", "server/src", "xtask/src"] {
        for path in sources(&workspace.join(crate_folder)) {
            let place = path.strip_prefix(workspace).unwrap().with_extension("");
            let attic = place.iter().find(|part| ATTICS.iter().any(|attic| *part == *attic));
            assert!(attic.is_none(), "{}: say what it holds", path.display());
        }
    }
}

/// rustc's own `missing_docs` would also ask for the fields of errors and the variants of plain lists.
#[test]
fn every_public_item_says_what_it_gives() {
    let workspace = Path::new(ROOT).ancestors().nth(2).unwrap();
    let mut silent = Vec::new();
    for crate_folder in ["api/src", "app/src", "server/src", "xtask/src"] {
        for path in sources(&workspace.join(crate_folder)) {
            let text = read(&path);
            silent.extend(undocumented(&text).iter().map(|(line, item)| format!("{}:{line}: {item}", path.display())));
        }
    }
    assert!(silent.is_empty(), "{} public items without a docstring:\n  {}", silent.len(), silent.join("\n  "));
}

#[test]
fn the_reader_of_docstrings_looks_over_attributes() {
    let text = "/// Said.\n#[derive(\n    Clone,\n)]\npub struct A;\n\n#[derive(Clone)]\npub enum B {}\npub const fn c() {}\n\
                #[cfg(test)]\npub fn in_a_test() {}";
    assert_eq!(undocumented(text), [(8, "pub enum B {}"), (9, "pub const fn c() {}")]);
}

#[test]
fn the_reader_of_paths_sees_every_form_of_use() {
    let text = "use crate::{db, clock::{Clock, Random},\n  tools::{self, plan}};\nfn f() { crate::web::g() } // crate::health\n\
                /// [`crate::auth`]\npub(crate) fn h() {}";
    assert_eq!(crate_paths(text), ["db", "clock", "tools", "web"]);
}

#[test]
fn a_use_upwards_or_sideways_is_refused_and_a_use_downwards_is_not() {
    let layers = layers("pub mod web;\n\npub mod auth;\npub mod catalog;\n\npub mod db;\n");
    assert_eq!(upward(&layers, "web", "db"), None);
    assert_eq!(upward(&layers, "auth", "auth"), None);
    assert!(upward(&layers, "auth", "catalog").is_some());
    assert!(upward(&layers, "db", "web").is_some());
}

/// Each module with the number of its group, the highest layer first.
fn layers(lib: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut group = 0;
    for line in lib.lines().map(str::trim) {
        if line.is_empty() {
            group += 1;
        } else if let Some(module) = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")) {
            found.insert(module.trim_end_matches([';', '{', ' ']).to_owned(), group);
        }
    }
    found
}

/// Why this use is refused, if it is. Names at the root of the crate that are no modules are free.
fn upward(layers: &BTreeMap<String, usize>, module: &str, used: &str) -> Option<String> {
    let (own, other) = (layers.get(module)?, layers.get(used)?);
    match other.cmp(own) {
        _ if module == used => None,
        Ordering::Greater => None,
        Ordering::Equal => Some(format!("{module} and {used} are of one layer and do not know each other")),
        Ordering::Less => Some(format!("{used} stands above {module}")),
    }
}

/// The first names of all paths that start at the crate's root: of `crate::a::B` and of `use crate::{a, b::C}`.
fn crate_paths(text: &str) -> Vec<String> {
    let code = without_comments(text);
    let mut names = Vec::new();
    for (at, root) in code.match_indices("crate::") {
        let rest = code[at + root.len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => names.extend(group_heads(group)),
            None => names.push(identifier(rest)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The first name of each item of a use group, which ends at its closing brace; inner groups are passed over.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 1;
    let mut at_head = true;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => at_head = true,
            _ if at_head && !character.is_whitespace() => {
                heads.push(identifier(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

/// The public functions with a `self` of the services `Tools` and `Auth` that take no actor.
fn without_actor(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for service in ["impl Tools {", "impl Auth {"] {
        for (at, _) in code.match_indices(service) {
            let body = &code[at..];
            let body = &body[..body.find("\n}").unwrap_or(body.len())];
            for (at, _) in body.match_indices("    pub async fn ").chain(body.match_indices("    pub fn ")) {
                let signature = body[at..].split('{').next().unwrap_or_default();
                let name = identifier(signature.split("fn ").nth(1).unwrap_or_default());
                if signature.contains("&self") && !signature.contains("actor: &Actor") {
                    found.push(name);
                }
            }
        }
    }
    found
}

/// Line and text of each public item above which no docstring stands, tests left out.
fn undocumented(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.starts_with("#[cfg(test)]")).collect();
    let is_silent = |at: &usize| {
        // A docstring and attributes stand between the item and the end of what comes before.
        let above = lines[..*at].iter().rev().take_while(|line| !line.is_empty() && !line.ends_with(['{', '}', ';']));
        !above.into_iter().any(|line| line.starts_with("///") || line.starts_with("#[doc"))
    };
    let items = (0..lines.len()).filter(|at| {
        ITEMS.iter().any(|item| lines[*at].starts_with(item)) && !PLAIN.iter().any(|name| lines[*at].starts_with(name))
    });
    items.filter(is_silent).map(|at| (at + 1, lines[at])).collect()
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// Without line comments: documentation may point upwards.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// `tools` for `src/tools/plan.rs` and for `src/tools.rs`; none for the files that wire the crate together.
fn module_of(path: &Path) -> Option<String> {
    let place = path.strip_prefix(ROOT).ok()?;
    let first = place.iter().next()?.to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main"].contains(&module)).then(|| module.to_owned())
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
