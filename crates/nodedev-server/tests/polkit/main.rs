//! Questions to polkit, answered by a bus and a polkit made here.
#![forbid(unsafe_code)]
#![cfg(feature = "polkit")]
#![expect(clippy::unwrap_used, reason = "a test panics where it fails")]

mod fake;

use std::collections::HashSet;
use std::time::Duration;

use nodedev_server::Peer;
use nodedev_server::auth::polkit::{MANAGE, MONITOR, Polkit, Refusal};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::fake::{Bus, Event};

const PEER: Peer = Peer { pid: 4711, uid: 4_000_000_000, gid: 1, start_time: Some(u64::MAX) };
/// Of another user.
const OTHER: Peer = Peer { uid: 1, ..PEER };
/// Questions about one user that are asked at once.
const OF_ONE_USER: usize = 16;

type Asking = JoinHandle<Result<(), Refusal>>;

fn ask(polkit: &Polkit, peer: Peer, action: &'static str) -> Asking {
    let polkit = polkit.clone();
    tokio::spawn(async move { polkit.check(&peer, action).await })
}

/// As many questions about one user as are asked at once, when polkit has them all.
async fn crowd(bus: &mut Bus, polkit: &Polkit, action: &'static str) -> Vec<(Asking, String)> {
    let mut crowd = Vec::new();
    for _ in 0..OF_ONE_USER {
        let asking = ask(polkit, PEER, action);
        crowd.push((asking, bus.wait_for_question().await.id));
    }
    crowd
}

#[tokio::test]
async fn allowed_denied_no_agent_dismissed() {
    let bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    assert_eq!(polkit.check(&PEER, MONITOR).await, Ok(()));
    assert_eq!(polkit.check(&PEER, MANAGE).await, Err(Refusal::Denied));
    assert_eq!(polkit.check(&PEER, "test.challenge").await, Err(Refusal::NoAgent));
    assert_eq!(polkit.check(&PEER, "test.dismissed").await, Err(Refusal::Dismissed));
}

#[tokio::test]
async fn the_question_names_the_process_and_allows_to_ask_a_person() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    polkit.check(&PEER, MONITOR).await.unwrap();
    assert_eq!(bus.next().await, Event::Connected);
    let Event::Asked(asked) = bus.next().await else { panic!("no question") };
    assert_eq!(asked.signature, "(sa{sv})sa{ss}us");
    assert_eq!(asked.kind, "unix-process");
    assert_eq!((asked.pid, asked.start_time), (4711, u64::MAX));
    assert_eq!(asked.uid, -294_967_296);
    assert_eq!((asked.action.as_str(), asked.flags), (MONITOR, 1));
    assert!(!asked.id.is_empty());
}

#[tokio::test]
async fn questions_share_one_connection_and_have_their_own_ids() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    let (first, second) = tokio::join!(polkit.check(&PEER, MONITOR), async {
        polkit.clone().check(&PEER, MONITOR).await
    });
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(bus.next().await, Event::Connected);
    let (Event::Asked(first), Event::Asked(second)) = (bus.next().await, bus.next().await) else {
        panic!("not two questions over one connection");
    };
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn a_process_without_start_time_is_not_asked_about() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    let gone = Peer { start_time: None, ..PEER };
    let refusal = polkit.check(&gone, MONITOR).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::Unavailable(why) if why.contains("4711")), "{refusal}");
    polkit.check(&PEER, MONITOR).await.unwrap();
    assert_eq!(bus.next().await, Event::Connected, "the first question reached the bus");
}

#[tokio::test]
async fn an_error_of_polkit_is_no_yes() {
    let bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    let refusal = polkit.check(&PEER, "test.error").await.unwrap_err();
    let Refusal::Unavailable(why) = refusal else { panic!("{refusal}") };
    assert!(why.contains("no such action"), "{why}");
}

#[tokio::test]
async fn without_a_bus_nobody_comes_in_until_there_is_one() {
    let bus = Bus::start();
    let address = bus.address();
    let polkit = Polkit::new(Some(address.clone()));
    polkit.check(&PEER, MONITOR).await.unwrap();

    let path = bus.stop().await;
    assert!(matches!(polkit.check(&PEER, MONITOR).await, Err(Refusal::Unavailable(_))));
    let never_there = Polkit::new(Some(address));
    assert!(matches!(never_there.check(&PEER, MONITOR).await, Err(Refusal::Unavailable(_))));

    let _bus = Bus::start_at(path);
    assert_eq!(polkit.check(&PEER, MONITOR).await, Ok(()));
    assert_eq!(never_there.check(&PEER, MONITOR).await, Ok(()));
}

#[tokio::test]
async fn a_bus_that_was_started_again_is_no_reason_to_refuse() {
    let bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    polkit.check(&PEER, MONITOR).await.unwrap();
    let mut bus = Bus::start_at(bus.stop().await);
    assert_eq!(polkit.check(&PEER, MONITOR).await, Ok(()));
    assert_eq!(bus.next().await, Event::Connected);
}

#[tokio::test]
async fn a_question_that_the_bus_takes_down_with_it_ends() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    let asking = tokio::spawn(async move { polkit.check(&PEER, "test.never").await });
    bus.wait_for_question().await;
    bus.stop().await;
    assert!(matches!(asking.await.unwrap(), Err(Refusal::Unavailable(_))));
}

#[tokio::test]
async fn a_dropped_question_is_taken_back() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    let asking = tokio::spawn({
        let polkit = polkit.clone();
        async move { polkit.check(&PEER, "test.never").await }
    });
    let asked = bus.wait_for_question().await;
    asking.abort();
    assert_eq!(bus.next().await, Event::Cancelled(asked.id));
    assert_eq!(polkit.check(&PEER, MONITOR).await, Ok(()), "others may still ask");
}

/// A bus that takes one message after the other, as real ones do: on a thread of its own.
fn orderly_bus() -> Bus {
    let (sender, receiver) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async {
            sender.send(Bus::start()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

/// polkit knows nothing of a question that it is told to forget before it is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_back_that_was_not_asked() {
    let mut bus = orderly_bus();
    let polkit = Polkit::new(Some(bus.address()));
    polkit.check(&PEER, MONITOR).await.unwrap();
    bus.wait_for_question().await;
    for _ in 0..200 {
        // Whoever asks leaves in the moment in which it is begun to ask.
        let polkit = polkit.clone();
        let leaving = async move {
            timeout(Duration::ZERO, polkit.check(&PEER, "test.never")).await.unwrap_err();
        };
        tokio::spawn(leaving).await.unwrap();
    }
    let mut open = HashSet::new();
    let last = ask(&polkit, OTHER, MONITOR);
    loop {
        match bus.next().await {
            Event::Asked(asked) if asked.uid == 1 => break,
            Event::Asked(asked) => assert!(open.insert(asked.id)),
            Event::Cancelled(id) => assert!(open.remove(&id), "{id} was not asked"),
            Event::Connected => {}
        }
    }
    last.await.unwrap().unwrap();
    while !open.is_empty() {
        let Event::Cancelled(id) = bus.next().await else { continue };
        open.remove(&id);
    }
}

#[tokio::test]
async fn an_answered_question_is_not_taken_back() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    polkit.check(&PEER, MONITOR).await.unwrap();
    polkit.check(&PEER, MONITOR).await.unwrap();
    assert_eq!(bus.next().await, Event::Connected);
    assert!(matches!(bus.next().await, Event::Asked(_)));
    assert!(matches!(bus.next().await, Event::Asked(_)));
}

#[tokio::test]
async fn a_waiting_question_holds_up_no_other() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    let asking = tokio::spawn({
        let polkit = polkit.clone();
        async move { polkit.check(&PEER, "test.never").await }
    });
    bus.wait_for_question().await;
    assert_eq!(polkit.check(&PEER, MONITOR).await, Ok(()));
    assert!(!asking.is_finished());
}

#[tokio::test]
async fn a_crowd_of_one_user_waits_its_turn_and_keeps_nobody_else_from_being_asked() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    let mut crowd = crowd(&mut bus, &polkit, "test.never").await;
    let (waiting, gone) = (ask(&polkit, PEER, MONITOR), ask(&polkit, PEER, MONITOR));
    assert_eq!(polkit.check(&OTHER, MONITOR).await, Ok(()));
    let asked = bus.wait_for_question().await;
    assert_eq!(asked.uid, 1);
    assert!(!waiting.is_finished());
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let (asking, id) = crowd.pop().unwrap();
    asking.abort();
    assert_eq!(bus.next().await, Event::Cancelled(id));
    assert_eq!(waiting.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_question_keeps_its_place_until_it_is_taken_back() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    for (asking, id) in crowd(&mut bus, &polkit, "test.stubborn").await {
        asking.abort();
        assert_eq!(bus.next().await, Event::Cancelled(id));
    }
    let waiting = ask(&polkit, PEER, MONITOR);
    // Nothing else is under way that could take the place of time.
    assert_eq!(polkit.check(&OTHER, MONITOR).await, Ok(()));
    assert_eq!(bus.wait_for_question().await.uid, 1);
    assert!(!waiting.is_finished());
    tokio::time::pause();
    let begun = Instant::now();
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert!(begun.elapsed() > Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_turn_that_does_not_come_is_told() {
    let mut bus = Bus::start();
    let polkit = Polkit::new(Some(bus.address()));
    let _crowd = crowd(&mut bus, &polkit, "test.never").await;
    tokio::time::pause();
    let begun = Instant::now();
    assert_eq!(polkit.check(&PEER, MONITOR).await, Err(Refusal::Busy));
    assert!(begun.elapsed() < Duration::from_secs(31), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_bus_that_says_nothing_costs_seconds_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let _silent = UnixListener::bind(&path).unwrap();
    let polkit = Polkit::new(Some(format!("unix:path={}", path.display())));
    tokio::time::pause();
    let start = Instant::now();
    let end = timeout(Duration::from_secs(60), async {
        tokio::join!(polkit.check(&PEER, MONITOR), polkit.check(&PEER, MONITOR))
    });
    let (first, second) = end.await.unwrap();
    assert!(matches!(first, Err(Refusal::Unavailable(_))));
    assert!(matches!(second, Err(Refusal::Unavailable(_))));
    assert!(start.elapsed() < Duration::from_secs(6), "one waited for the other");
}
