//! What programs that keep the protocol get: requests, an environment, an end.

use std::fs;
use std::time::Duration;

use nodedev_source::{ErrorKind, NodeDeviceSource as _, SourceEvent};
use nodedev_types::Capability;
use tokio::time::timeout;

use crate::program::{PATIENCE, python, watch, watch_again};

#[tokio::test]
async fn a_program_is_asked_and_answers() {
    let mut watched = watch(python(
        "hello(answers=True, about='acme 1.0')\nlisting('a')\n\
         for line in sys.stdin:\n  look = json.loads(line)\n  \
         listing('b', str(look['id']), answers=look['id'])",
    ))
    .await
    .unwrap();
    assert_eq!(watched.list().await.unwrap(), ["acme:a"], "what it lists by itself");
    assert_eq!(watched.list().await.unwrap(), ["acme:1", "acme:b"], "what it answers");
    let snapshot = watched.source.snapshot().await.unwrap();
    assert_eq!(snapshot.backend.as_deref(), Some("acme 1.0"));
    assert_eq!(snapshot.listings[0].devices.as_ref().unwrap().len(), 2);
    drop(watched.watch);
    assert!(watched.receiver.recv().await.is_none(), "an answer is no event");
}

#[tokio::test]
async fn a_program_that_does_not_listen_has_said_it_all() {
    let code = "hello()\nlisting('a')\ndevice('b', driver='d')\nsay(message='gone', device='acme:a')\nwait()";
    let mut watched = watch(python(code)).await.unwrap();
    while !matches!(watched.next().await, Some(SourceEvent::Gone { .. })) {}
    assert_eq!(watched.list().await.unwrap(), ["acme:b"]);
    assert_eq!(watched.list().await.unwrap(), ["acme:b"]);
    assert_eq!(watched.count("runs"), 1);
}

#[tokio::test]
async fn news_of_others_make_it_be_asked() {
    let mut config = python(
        "hello(answers=True)\nlisting('a')\n\
         for line in sys.stdin: listing('b', answers=json.loads(line)['id'])",
    );
    config.interests = vec![Capability::Pci];
    let mut watched = watch(config).await.unwrap();
    watched.list().await.unwrap();
    let hint = watched.hints.raise();
    assert!(matches!(watched.next().await, Some(SourceEvent::Resync { .. })));
    let snapshot = watched.source.snapshot().await.unwrap();
    assert_eq!(snapshot.answers, hint);
    assert_eq!(snapshot.listings[0].devices.as_ref().unwrap()[0].device.to_string(), "acme:b");
}

#[tokio::test]
async fn news_that_follow_each_other_are_counted_and_make_one_request() {
    let mut config = python("hello(answers=True)\nlisting()\nwait()");
    config.interests = vec![Capability::Pci];
    config.quiet = Duration::from_millis(500);
    let mut watched = watch(config).await.unwrap();
    let raising = async {
        while watched.count("coalesced") < 3 {
            watched.hints.raise();
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, raising).await.expect("they are counted");
    assert!(matches!(watched.next().await, Some(SourceEvent::Resync { .. })));
}

#[tokio::test]
async fn a_listing_from_before_the_news_is_no_answer_to_them() {
    let code = "hello(answers=True)\nlisting('old')\n\
                for line in sys.stdin: listing('new', answers=json.loads(line)['id'])";
    let mut config = python(code);
    config.interests = vec![Capability::Pci];
    let watched = watch(config).await.unwrap();
    let news = watched.hints.raise();
    let snapshot = watched.source.snapshot().await.unwrap();
    assert_eq!(snapshot.answers, news);
    let devices = snapshot.listings.into_iter().flat_map(|l| l.devices.unwrap());
    let devices: Vec<_> = devices.map(|said| said.device.to_string()).collect();
    assert_eq!(devices, ["acme:new"]);
}

#[tokio::test]
async fn a_listing_that_nobody_asked_for_asks_to_be_taken() {
    let code = "hello(answers=True)\nlisting('a')\nsys.stdin.readline()\n\
                listing('b', answers=1)\nlisting('c')\nwait()";
    let mut watched = watch(python(code)).await.unwrap();
    watched.list().await.unwrap();
    // Answered, and followed by another listing, which may have come meanwhile.
    let listed = watched.list().await.unwrap();
    assert!(listed == ["acme:b"] || listed == ["acme:c"], "{listed:?}");
    if listed == ["acme:b"] {
        assert!(matches!(watched.next().await, Some(SourceEvent::Resync { .. })));
        assert_eq!(watched.list().await.unwrap(), ["acme:c"], "without being asked again");
    }
}

#[tokio::test]
async fn its_environment_is_its_own() {
    let mut config = python(
        "hello()\nlisting(*['%s=%s' % (n, os.environ[n]) for n in os.environ if n != 'LC_CTYPE'],\
         'in ' + os.getcwd(), 'group %s' % (os.getpgrp() == os.getpid()))\nwait()",
    );
    config.environment = vec![("COLOUR".to_owned(), "red".to_owned())];
    let listed = watch(config).await.unwrap().list().await.unwrap();
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let expected = [
        "acme:COLOUR=red",
        "acme:LANG=C.UTF-8",
        "acme:NODEDEV_PROTOCOL=1",
        "acme:NODEDEV_SOURCE=acme",
        &format!("acme:PATH={path}"),
        "acme:group True",
        "acme:in /",
    ];
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn its_end_is_asked_for_and_awaited() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("end");
    let code = format!(
        "hello()\nlisting()\n\
         signal.signal(signal.SIGTERM, lambda *_: (open({file:?}, 'a').write('asked '), sys.exit()))\n\
         say(message='diagnostic', severity='info', text='ready')\n\
         while True: signal.pause()"
    );
    let mut watched = watch(python(&code)).await.unwrap();
    while !matches!(watched.next().await, Some(SourceEvent::Diagnostic(_))) {}
    drop(watched.watch);
    // The next watch begins when the program of this one has gone.
    let again = watch_again(watched.source).await.unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "asked ");
    assert_eq!(again.count("runs"), 2);
}

#[tokio::test]
async fn a_program_of_another_protocol_or_name_is_refused() {
    for (hello, kind, words) in [
        ("protocol=2, name='acme'", ErrorKind::Unsupported, "speaks version 2 of the protocol"),
        ("protocol=1, name='other'", ErrorKind::Malformed, "says that it is `other`"),
        ("protocol=1", ErrorKind::Malformed, "missing field `name`"),
    ] {
        let code = format!("say(message='hello', {hello})\nwait()");
        let error = watch(python(&code)).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.full_message().contains(words), "{}", error.full_message());
    }
}
