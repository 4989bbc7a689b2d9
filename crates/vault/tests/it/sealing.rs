//! What is sealed opens whole, in its place, or not at all.

use crate::vault;
use mycorr_domain::Secret;
use mycorr_vault::{Context, DataKey, Sealed, Vault, VaultError, WrappedKey};
use proptest::prelude::*;
use std::{fs, os::unix::fs::PermissionsExt};

fn context(parts: &[String]) -> Context {
    parts.iter().fold(Context::new(), |context, part| context.part(part))
}

fn one() -> Context {
    Context::new().part("one")
}

fn data_key() -> (DataKey, WrappedKey, Vault, tempfile::TempDir) {
    let (vault, _, folder) = vault();
    let (data_key, wrapped) = vault.begin_sealing().unwrap().new_data_key(&one()).unwrap();
    (data_key, wrapped, vault, folder)
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[test]
fn what_is_stored_tells_nothing() {
    let (data_key, wrapped, ..) = data_key();
    let password = "correct horse battery staple";
    let sealed = data_key.seal(&secret(password), &one()).unwrap();
    let again = data_key.seal(&secret(password), &one()).unwrap();
    assert_ne!(sealed, again, "a nonce is used once");
    for bytes in [sealed.as_bytes(), again.as_bytes(), wrapped.as_bytes()] {
        assert!(!bytes.windows(7).any(|window| window == b"correct"));
    }
    assert!(!format!("{data_key:?} {sealed:?} {wrapped:?}").contains("correct"));
}

#[test]
fn keys_of_other_connections_do_not_open() {
    let (vault, _, _folder) = vault();
    let (here, wrapped) = vault.begin_sealing().unwrap().new_data_key(&one()).unwrap();
    let (there, _) = vault.begin_sealing().unwrap().new_data_key(&one()).unwrap();
    let sealed = here.seal(&secret("x"), &one()).unwrap();
    assert!(matches!(there.open(&sealed, &one()), Err(VaultError::OtherDataKey)));
    let moved = vault.unwrap(&wrapped, &Context::new().part("two"));
    assert!(matches!(moved, Err(VaultError::Refused)));
    // Neither kind is taken for the other.
    let confused = vault.unwrap(&WrappedKey::from_bytes(sealed.into_bytes()), &one());
    assert!(matches!(confused, Err(VaultError::Malformed)));
    let confused = here.open(&Sealed::from_bytes(wrapped.into_bytes()), &one());
    assert!(matches!(confused, Err(VaultError::Malformed)));
}

proptest! {
    #[test]
    fn secrets_come_back(text in any::<String>(), parts in prop::collection::vec(any::<String>(), 0..6)) {
        let (data_key, wrapped, vault, _folder) = data_key();
        let sealed = data_key.seal(&secret(&text), &context(&parts)).unwrap();
        let stored = (wrapped.into_bytes(), sealed.into_bytes());
        let data_key = vault.unwrap(&WrappedKey::from_bytes(stored.0), &one()).unwrap();
        let opened = data_key.open(&Sealed::from_bytes(stored.1), &context(&parts)).unwrap();
        prop_assert_eq!(opened.expose(), text);
    }

    #[test]
    fn another_context_does_not_open(
        parts in prop::collection::vec("[ab]{0,3}", 0..4),
        others in prop::collection::vec("[ab]{0,3}", 0..4),
    ) {
        prop_assume!(parts != others);
        let (data_key, ..) = data_key();
        let sealed = data_key.seal(&secret("hunter2"), &context(&parts)).unwrap();
        prop_assert!(matches!(data_key.open(&sealed, &context(&others)), Err(VaultError::Refused)));
    }

    #[test]
    fn parts_cannot_flow_into_each_other(text in "[a-c]{1,12}", cut in any::<prop::sample::Index>(), other in any::<prop::sample::Index>()) {
        let (cut, other) = (cut.index(text.len()), other.index(text.len()));
        prop_assume!(cut != other);
        let split = |at| context(&[text[..at].to_owned(), text[at..].to_owned()]);
        prop_assert_ne!(split(cut), split(other));
        prop_assert_ne!(split(cut), context(std::slice::from_ref(&text)));
    }

    #[test]
    fn bytes_of_any_kind_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..120), format in prop::sample::select(vec![0x01, 0x11])) {
        let (data_key, _, vault, _folder) = data_key();
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = format;
        }
        prop_assert!(data_key.open(&Sealed::from_bytes(bytes.clone()), &one()).is_err());
        prop_assert!(vault.unwrap(&WrappedKey::from_bytes(bytes.clone()), &one()).is_err());
        prop_assert!(vault.begin_sealing().unwrap().rewrap(&WrappedKey::from_bytes(bytes), &one()).is_err());
    }
}

/// Every bit of a stored secret and of a stored key, and every length short of the whole.
#[test]
fn any_flipped_bit_and_any_cut_is_refused() {
    let (data_key, wrapped, vault, _folder) = data_key();
    let sealed = data_key.seal(&secret("hunter2"), &one()).unwrap();
    holds_only_whole(sealed.as_bytes(), |bytes| data_key.open(&Sealed::from_bytes(bytes), &one()).is_ok());
    holds_only_whole(wrapped.as_bytes(), |bytes| {
        vault.unwrap(&WrappedKey::from_bytes(bytes), &one()).is_ok()
    });
}

fn holds_only_whole(whole: &[u8], opens: impl Fn(Vec<u8>) -> bool) {
    assert!(opens(whole.to_vec()));
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(bytes), "bit {bit}");
    }
    for length in 0..whole.len() {
        assert!(!opens(whole[..length].to_vec()), "length {length}");
    }
    assert!(!opens([whole, &[0]].concat()));
}

/// What version 0.1 stored opens for ever.
#[test]
fn golden() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    fs::write(&path, GOLDEN_KEYRING).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let context = Context::new().part("password").part("db.example.com").part(5432u16.to_be_bytes());
    let wrapped = WrappedKey::from_bytes(hex(GOLDEN_WRAPPED));
    let sealed = Sealed::from_bytes(hex(GOLDEN_SEALED));
    let opened = Vault::new(path).unwrap(&wrapped, &context).unwrap().open(&sealed, &context).unwrap();
    assert_eq!(opened.expose(), "hunter2 \u{1f418}");
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

const GOLDEN_KEYRING: &str = "65e156d9144518da XLAgm1vxP7LQaKSclse5CxF8mKSaLG34lxbiZf1XY9o=\n";
const GOLDEN_WRAPPED: &str = "0165e156d9144518dafd6b57cb3cd99c0d0a8349d2de17c7930143921e6da449dde19692dcffa3dad78c7b4412\
    6baae0b56fe10086dc2ddbf8346a6566341f849b6fcef7c747d3a2b3745c9109";
const GOLDEN_SEALED: &str =
    "11fd6b57cb3cd99c0da6a84d48434ad6e3ae18a0192ca513b93e0d7bc370f1589e0146bc0437c221c810ee0608e0ef2a37";
