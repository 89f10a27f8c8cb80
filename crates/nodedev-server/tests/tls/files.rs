//! Files that are missing, broken or do not belong together: each said with its name.

use std::fs;

use nodedev_server::tls::{TlsAcceptor, TlsError, TlsFiles};

use crate::world::{Authority, FUTURE, PAST, Wanted, World, key_file, wanted};

const CA: &str = "etc/pki/CA/cacert.pem";
const CRL: &str = "etc/pki/CA/cacrl.pem";
const CERT: &str = "etc/pki/libvirt/servercert.pem";
const KEY: &str = "etc/pki/libvirt/private/serverkey.pem";

/// Loads, fails, and names the file.
fn failure(world: &World, files: &TlsFiles, path: &str) -> (TlsError, String) {
    let error = TlsAcceptor::load(files).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(world.root.path().join(path).to_str().unwrap()), "{text}");
    (error, text)
}

#[test]
fn missing_files() {
    for path in [CA, CERT, KEY] {
        let world = World::new();
        fs::remove_file(world.root.path().join(path)).unwrap();
        let (error, text) = failure(&world, &world.files(), path);
        assert!(matches!(error, TlsError::Unreadable { .. }), "{text}");
    }
}

#[test]
fn a_revocation_list_is_needed_only_where_it_is_named() {
    let world = World::new();
    assert_eq!(world.files().crl, None);
    assert!(TlsAcceptor::load(&world.files()).is_ok());
    let files = TlsFiles { crl: Some(world.root.path().join(CRL)), ..world.files() };
    let (error, text) = failure(&world, &files, CRL);
    assert!(matches!(error, TlsError::Unreadable { .. }), "{text}");
}

#[test]
fn files_with_something_else_in_them() {
    for path in [CA, CERT, KEY, CRL] {
        for text in ["", "hello\n", "-----BEGIN X-----\nAAAA\n-----END X-----\n"] {
            let world = World::new();
            world.write(path, text);
            let (error, text) = failure(&world, &world.files(), path);
            assert!(matches!(error, TlsError::Missing { .. }), "{text}");
        }
    }
}

#[test]
fn broken_files() {
    for (path, label) in
        [(CA, "CERTIFICATE"), (CERT, "CERTIFICATE"), (KEY, "PRIVATE KEY"), (CRL, "X509 CRL")]
    {
        for body in ["AAAA", "!"] {
            let world = World::new();
            let broken = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
            world.write(path, &broken);
            let (error, text) = failure(&world, &world.files(), path);
            assert!(matches!(error, TlsError::Malformed { .. }), "{text}");
        }
    }
}

#[test]
fn a_key_with_a_password() {
    let world = World::new();
    world.write(KEY, &key_file("ec.encrypted.pem"));
    let (_, text) = failure(&world, &world.files(), KEY);
    assert!(text.contains("without password"), "{text}");
}

#[test]
fn a_key_of_another_certificate() {
    let world = World::new();
    world.write(KEY, &world.authority.issue(wanted("other")).key.serialize_pem());
    let (error, text) = failure(&world, &world.files(), KEY);
    assert!(matches!(error, TlsError::KeyMismatch { .. }), "{text}");
    assert!(text.contains("servercert.pem"), "{text}");
}

#[test]
fn certificates_at_the_wrong_time() {
    for (years, word) in [(PAST, "expired"), (FUTURE, "not valid before")] {
        let world = World::new();
        world.serve(&world.authority.issue(Wanted { years, ..wanted("server") }));
        let (error, text) = failure(&world, &world.files(), CERT);
        assert!(matches!(error, TlsError::Certificate { .. }), "{text}");
        assert!(text.contains(word) && text.contains("CN=server"), "{text}");

        let world = World::with(Authority::of(Wanted { years, ..wanted("authority") }));
        let (error, text) = failure(&world, &world.files(), CA);
        assert!(matches!(error, TlsError::Certificate { .. }), "{text}");
        assert!(text.contains(word) && text.contains("CN=authority"), "{text}");
    }
}

#[test]
fn an_authority_that_is_none() {
    let world = World::new();
    world.write(CA, &world.authority.issue(wanted("server")).certificate.pem());
    let (error, text) = failure(&world, &world.files(), CA);
    assert!(matches!(error, TlsError::Certificate { .. }), "{text}");
}

#[test]
fn names_without_verification() {
    let world = World::new();
    let files = TlsFiles { verify: false, allowed_dn: Some(vec!["*".into()]), ..world.files() };
    assert!(matches!(TlsAcceptor::load(&files), Err(TlsError::NamesUnchecked)));
}

#[test]
fn without_verification_no_authority_is_needed() {
    let world = World::new();
    fs::remove_file(world.root.path().join(CA)).unwrap();
    let files = TlsFiles { verify: false, ..world.files() };
    assert!(TlsAcceptor::load(&files).is_ok());
}
