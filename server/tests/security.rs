//! The list of attacks that have to stay without effect: each has a test that goes red when its defence is taken away.
//!
//! Such a test stands beside what it attacks and is named `s<number>_…`, by the number of the attack.

#![expect(clippy::unwrap_used, reason = "what fails in a test ends it, wherever it stands")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Whether an attack can be tried.
enum Attack {
    Tried,
    /// There is nothing yet that it could hit, for this reason.
    NotYet(&'static str),
}

use Attack::{NotYet, Tried};

const ATTACKS: [(u8, &str, Attack); 32] = [
    (1, "a shell is injected by a name", Tried),
    (2, "… by a repository, a registry's user or password", Tried),
    (3, "… when something is deleted that was made safely", Tried),
    (4, "… by the name of an uploaded file", NotYet("nothing is uploaded")),
    (5, "… by the label of a container", NotYet("containers of others are not taken over")),
    (6, "a route forgot to ask for a right", Tried),
    (7, "a rule is kept on creation and not on change", Tried),
    (8, "a thing of somebody else is reached by its id", Tried),
    (9, "a schedule is remote code", NotYet("there are no schedules and no recipes")),
    (10, "what a list hides is reached by its id", Tried),
    (11, "a proxy adds its credentials before anybody signed in", NotYet("there is no proxy and no agent")),
    (12, "an id leaves its path into the engine's API", Tried),
    (13, "an archive leaves its folder", NotYet("there are no archives to read, and nothing is restored")),
    (14, "a Compose file reads files of the machine", Tried),
    (15, "a link of the first run is used by somebody else, or twice", Tried),
    (16, "a secret stands in an address", Tried),
    (17, "a session or a stream outlives its end", Tried),
    (18, "an outgoing call is led to a private address", Tried),
    (19, "a WebSocket is opened by another site", NotYet("there are no WebSockets; streams only read")),
    (20, "a log line, a name or a tag runs as a script", Tried),
    (21, "another site's page changes something", Tried),
    (22, "a webhook is forged or repeated", NotYet("there are no webhooks")),
    (23, "a registry's login is sent elsewhere", Tried),
    (24, "the catalogue is poisoned", Tried),
    (25, "a secret shows in an output", Tried),
    (26, "a read-only socket is taken for harmless", NotYet("the engine has no broker in front of it yet")),
    (27, "a report finds no answer", NotYet("it is a promise of people: SECURITY.md")),
    (28, "input uses up what there is", Tried),
    (29, "a line is injected into a log or a header", Tried),
    (30, "a sign-in leads to another site", Tried),
    (31, "a foreign container carries our labels", Tried),
    (32, "headers that anybody can write are believed", Tried),
];

#[test]
fn every_attack_that_can_be_tried_is_tried() {
    let tried: BTreeSet<u8> = ["app/src", "server/src", "server/tests"].into_iter().flat_map(numbers_below).collect();
    for (place, (number, attack, state)) in (1..).zip(&ATTACKS) {
        assert_eq!(*number, place, "the list has every number once, in order");
        match state {
            Tried => assert!(tried.contains(number), "no test is named s{number}_…: {attack}"),
            NotYet(why) => assert!(!tried.contains(number), "S{number} is tried, yet the list says that {why}"),
        }
    }
    assert!(tried.iter().all(|number| usize::from(*number) <= ATTACKS.len()), "{tried:?}");
}

#[test]
fn the_reader_of_names_sees_tests_only() {
    let code =
        "#[test]\nfn s7_a() {}\n    async fn s12_b(db: PgPool) {}\nfn size() {}\nfn s_c() {}\nfn s9() {}\n// fn s3_d";
    assert_eq!(numbers(code), [7, 12]);
}

fn numbers_below(folder: &str) -> BTreeSet<u8> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    sources(&workspace.join(folder)).into_iter().flat_map(|path| numbers(&fs::read_to_string(path).unwrap())).collect()
}

/// The numbers of the tests in `code`.
fn numbers(code: &str) -> Vec<u8> {
    let name = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix("async fn s").or_else(|| line.strip_prefix("fn s"))?.split_once('_')?.0.parse().ok()
    };
    code.lines().filter_map(name).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    };
    entries.flat_map(below).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
