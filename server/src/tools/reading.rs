//! Definitions that were read already: the file of a revision parsed, its patterns compiled, its variables filled in.
//!
//! Every list and every step needs them, and reading one costs more than all the queries around it. This is derived
//! data in the memory of the process, bounded, and lost without loss: whatever is missing is read again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::definition::Resolved;

/// How many revisions are kept at once; a panel runs a few dozen tools.
const ROOM: usize = 256;

/// Names one revision as it was written.
///
/// The number alone does not: that of a revision which never ran is given again. Sealed secrets carry a fresh nonce, so
/// their digest is that of one writing and of no other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub tool_id: Uuid,
    pub revision: i32,
    /// The SHA-256 of the sealed secrets.
    pub seal: Vec<u8>,
}

impl Key {
    /// The key of a revision whose sealed secrets are `secrets`.
    pub fn of(tool_id: Uuid, revision: i32, secrets: &[u8]) -> Self {
        Self { tool_id, revision, seal: Sha256::digest(secrets).to_vec() }
    }
}

/// The definitions that were used last.
pub struct Readings {
    room: usize,
    kept: Mutex<Kept>,
    made: AtomicU64,
}

#[derive(Default)]
struct Kept {
    /// Each with the turn in which it was last used.
    by_key: HashMap<Key, (u64, Arc<Resolved>)>,
    turn: u64,
}

impl Default for Readings {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Readings {
    /// Room for so many definitions; with none every use reads anew.
    pub fn with_room(room: usize) -> Self {
        Self { room, kept: Mutex::default(), made: AtomicU64::new(0) }
    }

    /// How many definitions were read since the start.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// The definition of that key, if it is kept.
    pub(super) fn find(&self, key: &Key) -> Option<Arc<Resolved>> {
        let mut kept = self.kept();
        kept.turn += 1;
        let turn = kept.turn;
        let (used, resolved) = kept.by_key.get_mut(key)?;
        *used = turn;
        Some(resolved.clone())
    }

    /// Keeps what was just read, in place of what was unused for longest where room is short.
    pub(super) fn keep(&self, key: Key, resolved: &Arc<Resolved>) {
        self.made.fetch_add(1, Ordering::Relaxed);
        if self.room == 0 {
            return;
        }
        let mut kept = self.kept();
        kept.turn += 1;
        let turn = kept.turn;
        if kept.by_key.len() >= self.room && !kept.by_key.contains_key(&key) {
            let oldest = kept.by_key.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            oldest.map(|key| kept.by_key.remove(&key));
        }
        kept.by_key.insert(key, (turn, resolved.clone()));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use api::tools::Reach;

    use super::super::definition::Definition;
    use super::*;
    use crate::catalog::Catalog;

    fn resolved() -> Arc<Resolved> {
        let catalog = Catalog::embedded();
        let definition = Definition {
            tool_id: Uuid::nil(),
            name: "site".into(),
            entry: "static-site".into(),
            revision: 1,
            compose: catalog.get("static-site").unwrap().compose.text().to_owned(),
            answers: BTreeMap::new(),
            secrets: BTreeMap::new(),
            images: BTreeMap::new(),
            ports: BTreeMap::new(),
            reach: Reach::Machine,
            host: "localhost".into(),
        };
        Arc::new(definition.resolve().unwrap_or_else(|findings| panic!("{findings:?}")))
    }

    #[test]
    fn what_was_unused_for_longest_makes_room() {
        let (readings, resolved) = (Readings::with_room(2), resolved());
        let key = |revision| Key::of(Uuid::nil(), revision, b"sealed");
        readings.keep(key(1), &resolved);
        readings.keep(key(2), &resolved);
        assert!(readings.find(&key(1)).is_some());
        readings.keep(key(3), &resolved);
        let found = [1, 2, 3].map(|revision| readings.find(&key(revision)).is_some());
        assert_eq!(found, [true, false, true]);
    }

    #[test]
    fn a_number_that_was_given_again_is_another_revision() {
        let (readings, resolved) = (Readings::default(), resolved());
        readings.keep(Key::of(Uuid::nil(), 2, b"one writing"), &resolved);
        assert!(readings.find(&Key::of(Uuid::nil(), 2, b"one writing")).is_some());
        assert!(readings.find(&Key::of(Uuid::nil(), 2, b"another")).is_none());
    }
}
