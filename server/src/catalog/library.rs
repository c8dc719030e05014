//! All entries together: those that came with the program, and a folder of own ones.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use super::entry::{Entry, Origin};
use super::finding::Finding;

/// The files of every entry in the repository's `catalog/`: folder, `compose.yaml`, `icon.svg`; written by `build.rs`.
const EMBEDDED: &[(&str, &str, Option<&str>)] = include!(concat!(env!("OUT_DIR"), "/entries.rs"));

/// The largest file that is read from a folder, in bytes; a little more than what the reader takes, so that it is the
/// reader who says why.
const LARGEST_READ: u64 = 512 << 10;

/// The entries by id, and the folders that hold none because something is wrong with them.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entries: BTreeMap<String, Entry>,
    refused: Vec<Refused>,
}

/// A folder that is no entry, with the reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The folder's name.
    pub folder: String,
    pub findings: Vec<Finding>,
}

impl Catalog {
    /// The entries that came with the program.
    pub fn embedded() -> Self {
        let mut catalog = Self::default();
        for (folder, compose, icon) in EMBEDDED {
            catalog.take(folder, Origin::BuiltIn, compose, icon.map(str::to_owned));
        }
        catalog
    }

    /// The entries of a folder of own ones: each sub-folder with a `compose.yaml` is one; others are passed over.
    ///
    /// # Errors
    /// The folder itself cannot be listed. What is wrong with one entry is under [`Catalog::refused`].
    pub fn load(folder: &Path) -> io::Result<Self> {
        let mut catalog = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let compose = path.join("compose.yaml");
            if !compose.is_file() {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match read(&compose) {
                Ok(text) => {
                    let icon = path.join("icon.svg");
                    let icon = if icon.is_file() { read(&icon).ok() } else { None };
                    catalog.take(&name, Origin::Own, &text, icon);
                }
                Err(message) => catalog.refuse(&name, vec![Finding::of_file(message)]),
            }
        }
        catalog.refused.sort_by(|one, other| one.folder.cmp(&other.folder));
        Ok(catalog)
    }

    /// Adds the entries of another catalogue; one whose id is taken is refused, so that no own entry can stand in for
    /// one that came with the program.
    pub fn add(&mut self, other: Self) {
        self.refused.extend(other.refused);
        for (id, entry) in other.entries {
            match self.entries.entry(id) {
                Slot::Vacant(slot) => {
                    slot.insert(entry);
                }
                Slot::Occupied(slot) => {
                    let id = slot.key().clone();
                    let message = format!("An entry is called “{id}” already. Give the folder another name.");
                    self.refused.push(Refused { folder: id, findings: vec![Finding::of_file(message)] });
                }
            }
        }
    }

    /// The entry of that id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// The entries, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The folders that hold no entry because something is wrong with them.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    fn take(&mut self, folder: &str, origin: Origin, compose: &str, icon: Option<String>) {
        match Entry::parse(folder, origin, compose, icon) {
            Ok(entry) => {
                self.entries.insert(entry.id.clone(), entry);
            }
            Err(findings) => self.refuse(folder, findings),
        }
    }

    fn refuse(&mut self, folder: &str, findings: Vec<Finding>) {
        self.refused.push(Refused { folder: folder.to_owned(), findings });
    }
}

fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map(|metadata| metadata.len());
    let text = match size {
        Ok(size) if size > LARGEST_READ => return Err(format!("The file has {} KiB. Shorten it.", size >> 10)),
        Ok(_) => read_start(path),
        Err(error) => Err(error),
    };
    text.map_err(|error| format!("The file cannot be read: {error}. Check its rights, and that it is UTF-8."))
}

/// What a file may hold at most, whatever size it tells: a device or a growing file tells another.
fn read_start(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LARGEST_READ).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::check_all;
    use super::*;

    const FORGE: &str = include_str!("fixtures/forge.yaml");

    fn folder(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("summoner-{name}-{}", std::process::id()));
        for (path, content) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn every_entry_that_comes_with_the_program_is_good() {
        let catalog = Catalog::embedded();
        let refused: Vec<_> = catalog
            .refused()
            .iter()
            .flat_map(|refused| refused.findings.iter().map(move |finding| format!("{}: {finding}", refused.folder)))
            .collect();
        let problems = check_all(&catalog);
        let problems: Vec<_> = problems.iter().map(|(entry, finding)| format!("{}: {finding}", entry.id)).collect();
        assert!(refused.is_empty() && problems.is_empty(), "{}", [refused, problems].concat().join("\n"));
    }

    #[test]
    fn a_folder_gives_its_entries_and_says_what_is_wrong_with_others() {
        let folder = folder(
            "own",
            &[
                ("forge/compose.yaml", FORGE),
                ("forge/icon.svg", "<svg/>"),
                ("broken/compose.yaml", "services: ["),
                ("huge/compose.yaml", &"#".repeat(600 << 10)),
                ("notes/readme.md", "x"),
            ],
        );
        let catalog = Catalog::load(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let ids: Vec<_> = catalog.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["forge"]);
        assert_eq!(catalog.get("forge").unwrap().icon.as_deref(), Some("<svg/>"));
        assert_eq!(catalog.get("forge").unwrap().origin, Origin::Own);
        let refused: Vec<_> = catalog.refused().iter().map(|refused| refused.folder.as_str()).collect();
        assert_eq!(refused, ["broken", "huge"]);
        assert!(Catalog::load(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn s24_an_own_entry_never_stands_in_for_one_of_the_program() {
        let mut catalog = Catalog::default();
        catalog.take("forge", Origin::BuiltIn, FORGE, None);
        let mut own = Catalog::default();
        own.take("forge", Origin::Own, FORGE, None);
        catalog.add(own);
        assert_eq!(catalog.get("forge").unwrap().origin, Origin::BuiltIn);
        assert_eq!(catalog.refused().len(), 1);
    }
}
