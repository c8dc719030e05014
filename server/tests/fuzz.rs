//! The bodies of the fuzz targets, over seeds that are damaged in many ways: what a fuzzer does, without its compiler.
//!
//! `SUMMONER_FUZZ_CASES` says how many damaged seeds each target gets; few by default, since every run of the tests
//! pays for them.
#![expect(clippy::unwrap_used, reason = "what fails in a test ends it, wherever it stands")]

#[path = "../../fuzz/src/lib.rs"]
mod bodies;

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Pieces that mean something to one of the readers, and some that mean trouble everywhere.
const PIECES: [&[u8]; 40] = [
    b"\n",
    b"  ",
    b"\t",
    b": ",
    b"- ",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"&a ",
    b"*a",
    b"<<: *a",
    b"!!str ",
    b"\"",
    b"'",
    b"#",
    b"|\n",
    b">",
    b"~",
    b"$",
    b"${",
    b"${A:-",
    b"$$",
    b":",
    b"@sha256:",
    b"/",
    b".",
    b"%",
    b"%00",
    b"+",
    b"=",
    b"-rc.1",
    b"\\",
    b"\0",
    b"\xff",
    "\u{e9}".as_bytes(),
    "\u{202e}".as_bytes(),
    b"services:\n",
    b"99999999999999999999",
];

/// One damage: where, how much is cut out, and what comes in its place.
type Damage = (prop::sample::Index, usize, usize, Vec<u8>);

fn damage() -> impl Strategy<Value = Damage> {
    (any::<prop::sample::Index>(), 0_usize..24, 0_usize..PIECES.len() + 20, vec(any::<u8>(), 0..6))
}

fn damaged(seed: &[u8], other: &[u8], damages: &[Damage]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (at, cut, piece, random) in damages {
        let start = at.index(bytes.len() + 1);
        let end = (start + cut).min(bytes.len());
        let put: Vec<u8> = match PIECES.get(*piece) {
            Some(piece) => piece.to_vec(),
            // A part of another seed, of this one, or noise.
            None if piece % 3 == 0 && !other.is_empty() => {
                other[at.index(other.len())..].iter().take(80).copied().collect()
            }
            None if piece % 3 == 1 => bytes[start..].iter().take(80).copied().collect(),
            None => random.clone(),
        };
        bytes.splice(start..end, put);
    }
    bytes
}

fn seeds(folder: &str, name: impl Fn(&Path) -> Option<std::path::PathBuf>) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut files: Vec<_> = folder.read_dir().unwrap().filter_map(|found| name(&found.unwrap().path())).collect();
    files.sort();
    assert!(!files.is_empty(), "no seeds in {}", folder.display());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn run(usual: u32, seeds: &[Vec<u8>], body: impl Fn(&[u8])) {
    for seed in seeds {
        body(seed.as_slice());
    }
    let cases = std::env::var("SUMMONER_FUZZ_CASES").ok().map_or(usual, |cases| cases.parse().unwrap());
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let seed = any::<prop::sample::Index>();
    let ran = TestRunner::new(config).run(&(seed.clone(), seed, vec(damage(), 1..7)), |(seed, other, damages)| {
        body(&damaged(&seeds[seed.index(seeds.len())], &seeds[other.index(seeds.len())], &damages));
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}

fn own_seeds(target: &str) -> Vec<Vec<u8>> {
    seeds(&format!("fuzz/seeds/{target}"), |path| Some(path.to_path_buf()))
}

#[test]
fn no_entry_breaks_its_reader() {
    let all = seeds("catalog", |path| Some(path.join("compose.yaml")).filter(|file| file.is_file()));
    run(250, &all, bodies::entry);
}

#[test]
fn no_template_breaks_interpolation() {
    run(8_000, &own_seeds("interpolation"), bodies::interpolation);
}

#[test]
fn no_text_breaks_image_names() {
    run(8_000, &own_seeds("reference"), bodies::reference);
}

#[test]
fn no_tags_break_their_order() {
    run(3_000, &own_seeds("tags"), bodies::tags);
}

#[test]
fn no_body_breaks_forms() {
    run(8_000, &own_seeds("form"), bodies::form);
}
