//! The key file: made once, for one pair of eyes, never lost.

use crate::vault;
use mycorr_domain::{Code, Problem, Secret};
use mycorr_vault::{Context, Keyring, Vault, VaultError};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

fn context() -> Context {
    Context::new().part("connection")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn made_once_and_for_its_owner() {
    let (_, path, folder) = vault();
    assert_eq!(mode(&path), 0o600);
    let before = fs::read(&path).unwrap();
    assert!(!Keyring::create_if_missing(&path).unwrap());
    assert!(matches!(Keyring::create(&path), Err(VaultError::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left in the folder");
    assert!(matches!(Keyring::create(&folder.path().join("no/keys")), Err(VaultError::File { .. })));
}

#[test]
fn of_many_that_start_at_once_one_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let made = std::thread::scope(|scope| {
        let start = || {
            let made = Keyring::create_if_missing(&path).unwrap();
            // Whoever made it, it is whole.
            (made, Keyring::read(&path).unwrap().ids().collect::<Vec<_>>())
        };
        let all: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(made.iter().filter(|(made, _)| *made).count(), 1);
    assert!(made.iter().all(|(_, ids)| *ids == made[0].1));
}

#[test]
fn a_file_open_to_others_is_refused() {
    let (vault, path, _folder) = vault();
    for (mode, refused) in
        [(0o640, true), (0o604, true), (0o620, true), (0o601, true), (0o400, false), (0o600, false)]
    {
        allow(&path, mode);
        match vault.begin_sealing() {
            Err(error) => {
                assert!(refused, "{mode:o}: {error}");
                assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
            }
            Ok(_) => assert!(!refused, "{mode:o}"),
        }
    }
}

#[test]
fn what_is_no_keyring_is_said_with_its_line() {
    let (vault, path, _folder) = vault();
    let good = fs::read_to_string(&path).unwrap();
    let key = good.lines().last().unwrap();
    let (id, bytes) = key.split_once(' ').unwrap();
    for (text, line) in [
        (String::new(), None),
        ("# nothing\n\n".to_owned(), None),
        (format!("{key}\nnonsense\n"), Some(2)),
        (format!("\n{id}\n"), Some(2)),
        (format!("{id} {}\n", &bytes[4..]), Some(1)),
        (format!("{id} AAAA{bytes}\n"), Some(1)),
        (format!("{} {bytes}\n", &id[2..]), Some(1)),
        (format!("{key}\n{key}\n"), Some(2)),
    ] {
        fs::write(&path, &text).unwrap();
        let error = vault.begin_sealing().err().unwrap();
        match (&error, line) {
            (VaultError::NoKeys { .. }, None) => {}
            (VaultError::NoKey { line, .. }, Some(want)) => assert_eq!(*line, want, "{text}"),
            _ => panic!("{text}: {error}"),
        }
        assert!(!error.to_string().contains(&bytes[8..20]), "{error}");
    }
    // People may edit it.
    fs::write(&path, format!("# mine\r\n\r\n  {id}   {bytes}  \r\n")).unwrap();
    vault.begin_sealing().unwrap().new_data_key(&context()).unwrap();
}

#[test]
fn rotation_keeps_what_was_sealed_before() {
    let (vault, path, _folder) = vault();
    let (data_key, old) = vault.begin_sealing().unwrap().new_data_key(&context()).unwrap();
    let sealed = data_key.seal(&Secret::new("hunter2".into()), &context()).unwrap();
    assert_eq!(
        vault.begin_sealing().unwrap().rewrap(&old, &context()).unwrap(),
        None,
        "the primary wrapped it already"
    );
    let first = Keyring::read(&path).unwrap().ids().next().unwrap();

    let second = Keyring::rotate(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(Keyring::read(&path).unwrap().ids().collect::<Vec<_>>(), [first, second]);
    let opens = |wrapped| vault.unwrap(wrapped, &context()).unwrap().open(&sealed, &context());
    assert_eq!(opens(&old).unwrap().expose(), "hunter2");
    let new = vault.begin_sealing().unwrap().rewrap(&old, &context()).unwrap().unwrap();
    assert_ne!(new, old);
    assert_eq!(opens(&new).unwrap().expose(), "hunter2");
    assert_eq!(vault.begin_sealing().unwrap().rewrap(&new, &context()).unwrap(), None);

    assert!(matches!(Keyring::remove(&path, second), Err(VaultError::Primary(_))));
    Keyring::remove(&path, first).unwrap();
    assert!(matches!(Keyring::remove(&path, first), Err(VaultError::UnknownKey(_))));
    assert_eq!(opens(&new).unwrap().expose(), "hunter2");
    assert!(matches!(vault.unwrap(&old, &context()), Err(VaultError::UnknownKey(id)) if id == first));
    assert!(matches!(
        vault.begin_sealing().unwrap().rewrap(&old, &context()),
        Err(VaultError::UnknownKey(_))
    ));
}

#[test]
fn rotations_at_once_lose_no_key() {
    let (_, path, folder) = vault();
    let made = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| Keyring::rotate(&path).unwrap())).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let ids: Vec<_> = Keyring::read(&path).unwrap().ids().collect();
    assert_eq!(ids.len(), 9);
    assert!(made.iter().all(|id| ids.contains(id)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn rotation_goes_through_a_link() {
    let (_, path, folder) = vault();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    Keyring::rotate(&link).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(Keyring::read(&path).unwrap().ids().count(), 2);
}

#[test]
fn without_the_right_file_nothing_opens() {
    let (vault, path, _folder) = vault();
    let (data_key, wrapped) = vault.begin_sealing().unwrap().new_data_key(&context()).unwrap();
    let sealed = data_key.seal(&Secret::new("hunter2".into()), &context()).unwrap();
    let unreadable = |vault: &Vault| {
        let error = vault.unwrap(&wrapped, &context()).unwrap_err();
        let problem = Problem::from(error);
        assert_eq!(problem.code, Code::SecretUnreadable);
        assert!(problem.fix.is_some());
        assert!(!problem.detail.contains('/'), "no path for who may not know it: {}", problem.detail);
        problem.internal.unwrap()
    };
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(unreadable(&vault).contains("No such file"));
    assert!(vault.begin_sealing().is_err());
    // Another file, with another key of another id.
    Keyring::create(&path).unwrap();
    assert!(unreadable(&vault).contains("not in the key file"));
    // Another key under the same id.
    let text = String::from_utf8(kept.clone()).unwrap();
    let (id, bytes) = text.lines().last().unwrap().split_once(' ').unwrap();
    let flipped = if bytes.starts_with('A') { "B" } else { "A" };
    fs::write(&path, format!("{id} {flipped}{}\n", &bytes[1..])).unwrap();
    assert!(unreadable(&vault).contains("another key"));
    // The right one, put back while the program runs.
    fs::write(&path, kept).unwrap();
    let opened = vault.unwrap(&wrapped, &context()).unwrap().open(&sealed, &context()).unwrap();
    assert_eq!(opened.expose(), "hunter2");
}

#[test]
fn keys_change_only_when_what_was_sealed_is_stored() {
    let (vault, path, _folder) = vault();
    let sealing = vault.begin_sealing().unwrap();
    let (_, wrapped) = sealing.new_data_key(&context()).unwrap();
    let rotated = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            Keyring::rotate(&path).unwrap();
            rotated.store(true, Relaxed);
        });
        // Others seal meanwhile.
        vault.begin_sealing().unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(!rotated.load(Relaxed));
        drop(sealing);
    });
    assert!(rotated.load(Relaxed));
    assert!(vault.begin_sealing().unwrap().rewrap(&wrapped, &context()).unwrap().is_some());
}

#[test]
fn half_written_keys_of_a_process_that_died_are_removed() {
    let (vault, path, folder) = vault();
    let left =
        folder.path().join(format!("{}.0123456789abcdef.new", path.file_name().unwrap().to_str().unwrap()));
    let other = folder.path().join("notes.new");
    for change in [
        |path: &Path| _ = Keyring::create_if_missing(path).unwrap(),
        |path: &Path| _ = Keyring::rotate(path).unwrap(),
    ] {
        fs::write(&left, "keys").unwrap();
        fs::write(&other, "a person's").unwrap();
        // Somebody may be writing it.
        let sealing = vault.begin_sealing().unwrap();
        Keyring::create_if_missing(&path).unwrap();
        assert!(left.exists());
        drop(sealing);
        change(&path);
        assert!(!left.exists() && other.exists());
    }
}
