//! The pool with readers that hang, fail and go.

use std::sync::mpsc;

use super::*;

const LIMITS: Limits = Limits { readers: 2, bulk: 2, abandoned: 2 };
const DEADLINE: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(10);

fn pool() -> ReaderPool {
    ReaderPool::new(LIMITS, Counter::total("given_up", ""))
}

/// Hangs in a file until the sender is dropped.
fn hang(pool: &ReaderPool, file: &str) -> (mpsc::Sender<()>, mpsc::Receiver<Result<(), Lost>>) {
    hang_for(pool, file, DEADLINE)
}

fn hang_for(
    pool: &ReaderPool,
    file: &str,
    deadline: Duration,
) -> (mpsc::Sender<()>, mpsc::Receiver<Result<(), Lost>>) {
    let (release, held) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel();
    let file = file.to_owned();
    pool.submit(
        Priority::Bulk,
        move |announcer| {
            let _entered = announcer.announce(&file, deadline);
            let _ = held.recv();
        },
        move |result| answer.send(result).unwrap(),
    );
    (release, answered)
}

fn quick(pool: &ReaderPool, priority: Priority) -> Result<u32, Lost> {
    let (answer, answered) = mpsc::channel();
    pool.submit(priority, |_| 7, move |result| answer.send(result).unwrap());
    answered.recv_timeout(LONG).unwrap()
}

#[test]
fn a_reader_that_hangs_is_given_up_by_name_and_replaced() {
    let pool = pool();
    let (release, answered) = hang(&pool, "/sys/slow");
    assert_eq!(
        answered.recv_timeout(LONG).unwrap(),
        Err(Lost::Stuck { path: "/sys/slow".to_owned(), deadline: DEADLINE })
    );
    assert_eq!(quick(&pool, Priority::Bulk), Ok(7));
    assert!(pool.0.lock().abandoned.values().eq(["/sys/slow"]));
    drop(release);
    while !pool.0.lock().abandoned.is_empty() {
        thread::yield_now();
    }
}

#[test]
fn too_many_that_hang_degrade_the_pool_until_one_returns() {
    let pool = pool();
    let first = hang(&pool, "/sys/a");
    let second = hang(&pool, "/sys/b");
    assert!(first.1.recv_timeout(LONG).unwrap().is_err());
    assert!(second.1.recv_timeout(LONG).unwrap().is_err());
    assert_eq!(quick(&pool, Priority::Urgent), Err(Lost::Exhausted(2)));
    drop(first.0);
    while pool.0.lock().abandoned.len() > 1 {
        thread::yield_now();
    }
    assert_eq!(quick(&pool, Priority::Urgent), Ok(7));
}

#[test]
fn who_rested_last_goes_first_so_that_the_others_may_end() {
    let pool = pool();
    let _keeper = pool.keep();
    // Both readers are there, and rest.
    let (first, second) = (hang_for(&pool, "/sys/a", LONG), hang_for(&pool, "/sys/b", LONG));
    drop((first.0, second.0));
    first.1.recv_timeout(LONG).unwrap().unwrap();
    second.1.recv_timeout(LONG).unwrap().unwrap();
    let at_rest = |readers| {
        while pool.0.lock().idle.len() < readers {
            thread::yield_now();
        }
    };
    at_rest(2);
    let reader = || {
        at_rest(2);
        let (answer, answered) = mpsc::channel();
        let who = |_: &Announcer| thread::current().id();
        pool.submit(Priority::Urgent, who, move |result| answer.send(result).unwrap());
        answered.recv_timeout(LONG).unwrap().unwrap()
    };
    let first = reader();
    assert!((0..10).all(|_| reader() == first));
}

#[test]
fn one_reads_all_the_bulk_until_it_is_held_up_or_somebody_waits() {
    let pool = ReaderPool::new(Limits { bulk: 1, ..LIMITS }, Counter::total("given_up", ""));
    let begun = Instant::now();
    let (release, answered) = hang_for(&pool, "/sys/slow", LONG);
    // The supervisor sees that the first is held up.
    assert_eq!(quick(&pool, Priority::Bulk), Ok(7));
    assert!(begun.elapsed() >= WATCH_INTERVAL);
    drop(release);
    answered.recv_timeout(LONG).unwrap().unwrap();

    let pool = ReaderPool::new(Limits { bulk: 1, ..LIMITS }, Counter::total("given_up", ""));
    let (release, answered) = hang_for(&pool, "/sys/slow", LONG);
    assert_eq!(quick(&pool, Priority::Urgent), Ok(7));
    drop(release);
    answered.recv_timeout(LONG).unwrap().unwrap();
}

#[test]
fn a_panic_costs_one_job() {
    let pool = pool();
    let (answer, answered) = mpsc::channel();
    let run = |_: &Announcer| -> u32 { panic!("on purpose") };
    pool.submit(Priority::Bulk, run, move |r| answer.send(r).unwrap());
    assert_eq!(answered.recv_timeout(LONG).unwrap(), Err(Lost::Failed));
    assert_eq!(quick(&pool, Priority::Bulk), Ok(7));
}

#[test]
fn threads_end_when_nobody_keeps_them() {
    let pool = pool();
    let keeper = pool.keep();
    assert_eq!(quick(&pool, Priority::Bulk), Ok(7));
    assert!(!pool.0.lock().workers.is_empty());
    drop(keeper);
    while pool.0.lock().supervised {
        thread::yield_now();
    }
    assert_eq!(quick(&pool, Priority::Bulk), Ok(7));
}
