//! Clients with and without good certificates, over TLS 1.2 and 1.3.
#![forbid(unsafe_code)]
#![cfg(feature = "tls")]
#![expect(clippy::unwrap_used, reason = "a test panics where it fails")]

mod client;
mod files;
mod world;

use std::time::Duration;

use nodedev_server::tls::{TlsAcceptor, TlsFiles, TlsRefusal};
use rcgen::KeyPair;
use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{BOTH, config, pair, visit};
use crate::world::{Authority, FUTURE, Identity, PAST, Wanted, World, key_file, wanted};

/// Whether the client comes in, which must not depend on the version of TLS.
async fn comes_in(world: &World, files: &TlsFiles, identity: Option<&Identity>) -> bool {
    let acceptor = TlsAcceptor::load(files).unwrap();
    let mut welcome = Vec::new();
    for version in BOTH {
        let visit = visit(&acceptor, config(world, version, identity)).await;
        welcome.push(visit.is_welcome());
    }
    assert_eq!(welcome[0], welcome[1]);
    welcome[0]
}

#[tokio::test]
async fn a_good_client_gets_its_byte_and_then_frames() {
    let world = World::new();
    let acceptor = TlsAcceptor::load(&world.files()).unwrap();
    let good = world.authority.issue(wanted("client"));
    for version in BOTH {
        let visit = visit(&acceptor, config(&world, version, Some(&good))).await;
        assert!(visit.is_welcome());
        let client = visit.end.unwrap();
        assert_eq!(client.dn.as_deref(), Some("C=GB,O=Red Hat\\, Inc,CN=client"));
    }
}

#[tokio::test]
async fn data_flows_both_ways() {
    let world = World::new();
    let acceptor = TlsAcceptor::load(&world.files()).unwrap();
    let good = world.authority.issue(wanted("client"));
    let (client, server) = pair().await;
    let connector = tokio_rustls::TlsConnector::from(config(&world, BOTH[1], Some(&good)));
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let (server, client) = tokio::join!(
        acceptor.accept(server, Duration::from_secs(20)),
        connector.connect(name, client)
    );
    let (mut server, mut client) = (server.unwrap().stream, client.unwrap());
    client.write_all(b"call").await.unwrap();
    client.flush().await.unwrap();
    let mut call = [0; 4];
    server.read_exact(&mut call).await.unwrap();
    server.write_all(b"reply").await.unwrap();
    server.flush().await.unwrap();
    let mut reply = [0; 6];
    client.read_exact(&mut reply).await.unwrap();
    assert_eq!((&call, &reply), (b"call", b"\x01reply"));
}

#[tokio::test]
async fn clients_need_a_certificate_of_the_authority() {
    let world = World::new();
    assert!(!comes_in(&world, &world.files(), None).await);
    let stranger = Authority::new("stranger").issue(wanted("client"));
    assert!(!comes_in(&world, &world.files(), Some(&stranger)).await);
    // The name of our authority is not its key.
    let impostor = Authority::new("authority").issue(wanted("client"));
    assert!(!comes_in(&world, &world.files(), Some(&impostor)).await);
}

#[tokio::test]
async fn certificates_have_their_time() {
    let world = World::new();
    let old = world.authority.issue(Wanted { years: PAST, ..wanted("client") });
    assert!(!comes_in(&world, &world.files(), Some(&old)).await);
    let early = world.authority.issue(Wanted { years: FUTURE, ..wanted("client") });
    assert!(!comes_in(&world, &world.files(), Some(&early)).await);
}

#[tokio::test]
async fn revoked_certificates_do_not_come_in() {
    let world = World::new();
    world.write("etc/pki/CA/cacrl.pem", &world.authority.revoke(&[7, 8], 2900));
    let files = world.files();
    let revoked = world.authority.issue(Wanted { serial: 7, ..wanted("client") });
    assert!(!comes_in(&world, &files, Some(&revoked)).await);
    let other = world.authority.issue(Wanted { serial: 9, ..wanted("client") });
    assert!(comes_in(&world, &files, Some(&other)).await);
    let without = TlsFiles { crl: None, ..files };
    assert!(comes_in(&world, &without, Some(&revoked)).await);
}

#[tokio::test]
async fn a_revocation_list_out_of_date_lets_nobody_in() {
    let world = World::new();
    world.write("etc/pki/CA/cacrl.pem", &world.authority.revoke(&[], 2002));
    let good = world.authority.issue(wanted("client"));
    assert!(!comes_in(&world, &world.files(), Some(&good)).await);
}

#[tokio::test]
async fn a_revocation_list_of_one_authority_says_nothing_of_another() {
    let world = World::new();
    let other = Authority::new("other");
    let both = world.authority.certificate.pem() + &other.certificate.pem();
    world.write("etc/pki/CA/cacert.pem", &both);
    world.write("etc/pki/CA/cacrl.pem", &other.revoke(&[1], 2900));
    let good = world.authority.issue(wanted("client"));
    assert!(comes_in(&world, &world.files(), Some(&good)).await);
    assert!(!comes_in(&world, &world.files(), Some(&other.issue(wanted("client")))).await);
}

#[tokio::test]
async fn a_list_of_names_lets_only_those_in() {
    let world = World::new();
    let listed = |patterns: &[&str]| TlsFiles {
        allowed_dn: Some(patterns.iter().map(ToString::to_string).collect()),
        ..world.files()
    };
    let alice = world.authority.issue(wanted("alice"));
    for patterns in [&["C=GB,O=Red Hat\\, Inc,CN=alice"][..], &["CN=nobody", "*,CN=a?ice"], &["*"]]
    {
        assert!(comes_in(&world, &listed(patterns), Some(&alice)).await, "{patterns:?}");
    }
    for patterns in [&[][..], &["CN=alice"], &["*,CN=bob", "C=GB,O=Red Hat, Inc,CN=alice"]] {
        assert!(!comes_in(&world, &listed(patterns), Some(&alice)).await, "{patterns:?}");
    }
}

#[tokio::test]
async fn the_refusal_names_the_client() {
    let world = World::new();
    let files = TlsFiles { allowed_dn: Some(vec!["CN=bob".into()]), ..world.files() };
    let acceptor = TlsAcceptor::load(&files).unwrap();
    let alice = world.authority.issue(wanted("alice"));
    let refusal = visit(&acceptor, config(&world, BOTH[1], Some(&alice))).await.refusal();
    assert!(matches!(&refusal, TlsRefusal::Name(name) if name.ends_with("CN=alice")), "{refusal}");
}

#[tokio::test]
async fn without_verification_everybody_comes_in() {
    let world = World::new();
    let files = TlsFiles { verify: false, ..world.files() };
    assert!(comes_in(&world, &files, None).await);
    let stranger = Authority::new("stranger").issue(wanted("client"));
    assert!(comes_in(&world, &files, Some(&stranger)).await);
}

#[tokio::test]
async fn nothing_is_resumed() {
    let world = World::new();
    let acceptor = TlsAcceptor::load(&world.files()).unwrap();
    let good = world.authority.issue(wanted("client"));
    for version in BOTH {
        let config = config(&world, version, Some(&good));
        for _ in 0..3 {
            let visit = visit(&acceptor, config.clone()).await;
            assert!(visit.is_welcome());
            let full = [Some(HandshakeKind::Full), Some(HandshakeKind::FullWithHelloRetryRequest)];
            assert!(full.contains(&visit.handshake), "{:?}", visit.handshake);
        }
    }
}

#[tokio::test]
async fn keys_of_every_kind_serve_and_identify() {
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let kinds = [
        (ed25519.serialize_pem(), ed25519),
        (key_file("ec.sec1.pem"), KeyPair::from_pem(&key_file("ec.pkcs8.pem")).unwrap()),
        (key_file("ec.pkcs8.pem"), KeyPair::from_pem(&key_file("ec.pkcs8.pem")).unwrap()),
        (key_file("rsa.pkcs1.pem"), KeyPair::from_pem(&key_file("rsa.pkcs8.pem")).unwrap()),
        (key_file("rsa.pkcs8.pem"), KeyPair::from_pem(&key_file("rsa.pkcs8.pem")).unwrap()),
    ];
    for (file, key) in kinds {
        let world = World::new();
        let identity = world.authority.issue(Wanted { key, ..wanted("both") });
        world.serve(&identity);
        world.write("etc/pki/libvirt/private/serverkey.pem", &file);
        assert!(comes_in(&world, &world.files(), Some(&identity)).await);
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let world = World::new();
    let acceptor = TlsAcceptor::load(&world.files()).unwrap();
    let (mut client, server) = pair().await;
    let limit = Duration::from_millis(50);
    let refusal = acceptor.accept(server, limit).await.unwrap_err();
    assert!(matches!(refusal, TlsRefusal::TooSlow(_)), "{refusal}");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_client_that_speaks_something_else_is_let_go() {
    let world = World::new();
    let acceptor = TlsAcceptor::load(&world.files()).unwrap();
    let (mut client, server) = pair().await;
    client.write_all(b"\0\0\0\x1c\x20\0\x80\x86\0\0\0\x01").await.unwrap();
    let refusal = acceptor.accept(server, Duration::from_secs(20)).await.unwrap_err();
    assert!(matches!(refusal, TlsRefusal::Handshake(_)), "{refusal}");
}
