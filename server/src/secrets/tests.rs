use std::os::unix::fs::{MetadataExt as _, PermissionsExt};

use std::borrow::Cow;

use super::*;

/// A folder of its own for one test, gone with it.
struct Folder(PathBuf);

impl std::ops::Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let folder = std::env::temp_dir().join(format!("summoner-secrets-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    Folder(folder)
}

/// A vault whose key file is gone again; the key stays in memory.
fn vault(name: &str) -> Vault {
    Vault::open(&folder(name).join("key"), &Random::System).unwrap()
}

fn place(row: &str) -> Place {
    Place::new("answers", "value", row)
}

#[test]
fn a_sealed_value_opens_at_its_place_and_nowhere_else() {
    let vault = vault("place");
    let sealed = vault.seal(&place("1"), &"hunter2".into()).unwrap();
    assert_eq!(vault.unseal(&place("1"), &sealed).unwrap().expose_secret(), "hunter2");
    for other in [place("2"), Place::new("answers", "other", "1"), Place::new("registries", "value", "1")] {
        assert!(matches!(vault.unseal(&other, &sealed), Err(Error::Damaged { .. })), "{other:?}");
    }
    // The parts are bound with their lengths: moving a letter from one to the next is another place.
    let sealed = vault.seal(&Place::new("ab", "c", "d"), &"x".into()).unwrap();
    assert!(vault.unseal(&Place::new("a", "bc", "d"), &sealed).is_err());
}

#[test]
fn a_change_of_any_byte_is_noticed() {
    let vault = vault("change");
    let sealed = vault.seal(&place("1"), &"hunter2".into()).unwrap();
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(vault.unseal(&place("1"), &changed).is_err(), "byte {index}");
        assert!(vault.unseal(&place("1"), &sealed[..index]).is_err(), "cut at {index}");
    }
}

#[test]
fn sealing_twice_gives_different_bytes_without_the_value() {
    let vault = vault("twice");
    let first = vault.seal(&place("1"), &"hunter2".into()).unwrap();
    assert_ne!(first, vault.seal(&place("1"), &"hunter2".into()).unwrap());
    assert!(!first.windows(7).any(|window| window == b"hunter2"));
}

#[test]
fn the_key_is_made_once_for_its_owner_alone_and_kept() {
    let folder = folder("once");
    let path = folder.join("key");
    let sealed = Vault::open(&path, &Random::System).unwrap().seal(&place("1"), &"hunter2".into()).unwrap();
    let about = std::fs::metadata(&path).unwrap();
    assert_eq!((about.mode() & 0o777, about.len()), (0o600, 32));
    assert_eq!(std::fs::read_dir(&*folder).unwrap().count(), 1, "no draft is left behind");
    let again = Vault::open(&path, &Random::System).unwrap();
    assert_eq!(again.unseal(&place("1"), &sealed).unwrap().expose_secret(), "hunter2");
    let other = Vault::open(&folder.join("other"), &Random::System).unwrap();
    assert!(matches!(other.unseal(&place("1"), &sealed), Err(Error::OtherKey { .. })));
}

#[test]
fn a_key_made_by_two_at_once_is_the_same_for_both() {
    let folder = folder("both");
    let path = folder.join("key");
    let vaults: Vec<Vault> = std::thread::scope(|scope| {
        let open = || Vault::open(&path, &Random::System).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sealed = vaults[0].seal(&place("1"), &"hunter2".into()).unwrap();
    for vault in &vaults {
        assert!(vault.unseal(&place("1"), &sealed).is_ok());
    }
}

#[test]
fn a_key_file_that_cannot_be_trusted_is_refused_with_a_sentence() {
    let folder = folder("refused");
    let path = folder.join("key");
    std::fs::write(&path, [0; 31]).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let refused = |path: &Path| Vault::open(path, &Random::System).unwrap_err().to_string();
    assert!(refused(&path).contains("has 31 bytes where a key has 32"), "{}", refused(&path));
    std::fs::write(&path, [0; 32]).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(refused(&path).contains("may be read by others (mode 640)"));
    assert!(refused(&folder).contains("is not a plain file"));
    assert!(refused(Path::new("/nowhere/key")).starts_with("making the key file /nowhere/key"));
}

#[test]
fn s25_the_mask_hides_a_secret_in_every_form_it_takes() {
    let mask = Mask::of([&"p\"ss wörd".into(), &"p\"ss wörd and more".into()]);
    let texts = [
        "password p\"ss wörd here",
        r#"{"password":"p\"ss wörd"}"#,
        "https://panel:p%22ss%20w%C3%B6rd@host/",
        "header cCJzcyB3w7ZyZA==",
        "p\"ss wörd and more",
    ];
    for text in texts {
        let masked = mask.apply(text);
        assert!(masked.contains("•••"), "{masked}");
        assert!(!masked.contains("ss") || masked.contains("password"), "{masked}");
        assert!(!masked.contains("more"), "{masked}");
    }
    assert!(matches!(mask.apply("nothing to hide"), Cow::Borrowed(_)));
}

#[test]
fn a_secret_of_three_letters_or_none_does_not_blacken_everything() {
    let mask = Mask::of([&"".into(), &"the".into()]);
    assert_eq!(mask.apply("the other word"), "the other word");
}

#[test]
fn s25_secrets_do_not_show_when_printed_for_debugging() {
    let (mask, token) = (Mask::of([&"hunter2hunter2".into()]), Token::presented("hunter2hunter2"));
    let vault = vault("debug");
    assert!(!format!("{mask:?}{token:?}{vault:?}").contains("hunter2"));
}

#[test]
fn a_token_is_43_characters_and_found_by_its_hash() {
    let token = Token::new(&Random::seeded(1));
    assert_eq!(token.reveal().len(), 43);
    assert_eq!(Token::presented(token.reveal()).hash(), token.hash());
    assert_ne!(Token::new(&Random::seeded(2)).hash(), token.hash());
    assert_ne!(token.derive("a").hash(), token.derive("b").hash());
    assert_ne!(token.derive("a").reveal(), token.reveal());
}
