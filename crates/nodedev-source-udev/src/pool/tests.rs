//! The pool with readers that hang, fail and go.

use std::sync::{LazyLock, mpsc};

use super::*;

const LIMITS: Limits = Limits { readers: 2, bulk: 2, abandoned: 2, waiting: 8 };
const DEADLINE: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(10);

fn pool() -> ReaderPool {
    pool_of(LIMITS)
}

fn pool_of(limits: Limits) -> ReaderPool {
    ReaderPool::new(limits, Counter::total("given_up", ""), Counter::level("waiting", ""), drop)
}

/// An order of somebody who waits for ever.
fn order(priority: Priority, subject: &str) -> Order {
    static PATIENT: LazyLock<Asker> = LazyLock::new(Asker::default);
    match priority {
        Priority::Event => Order::event(subject, &PATIENT),
        Priority::Asked => Order::asked(subject, &PATIENT),
        Priority::Bulk => Order::bulk(&PATIENT),
    }
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
    hang_at(pool, Priority::Bulk, file, deadline)
}

fn hang_at(
    pool: &ReaderPool,
    priority: Priority,
    file: &str,
    deadline: Duration,
) -> (mpsc::Sender<()>, mpsc::Receiver<Result<(), Lost>>) {
    let (release, held) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel();
    let announced = file.to_owned();
    let submitted = pool.submit(
        order(priority, file),
        move |announcer| {
            let _entered = announcer.announce(&announced, deadline);
            let _ = held.recv();
        },
        move |result| answer.send(result).unwrap(),
    );
    submitted.unwrap();
    (release, answered)
}

fn quick(pool: &ReaderPool, priority: Priority) -> Result<u32, Lost> {
    let (answer, answered) = mpsc::channel();
    let order = order(priority, "quick");
    pool.submit(order, |_| 7, move |result| answer.send(result).unwrap()).unwrap();
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
fn when_one_that_hung_is_back_it_is_told_who_was_read_without_that_file() {
    let (tell, told) = mpsc::channel();
    let counters = (Counter::total("given_up", ""), Counter::level("waiting", ""));
    let tell = move |devices| tell.send(devices).unwrap();
    let pool = ReaderPool::new(LIMITS, counters.0, counters.1, tell);
    let (release, answered) = hang(&pool, "/sys/a/slow");
    assert!(answered.recv_timeout(LONG).unwrap().is_err());
    let (answer, was_left) = mpsc::channel();
    let read = |announcer: &Announcer| announcer.leaves_alone("/sys/a/slow", "/sys/a");
    pool.submit(order(Priority::Event, "/sys/a"), read, move |left| answer.send(left).unwrap())
        .unwrap();
    assert_eq!(was_left.recv_timeout(LONG).unwrap(), Ok(true));
    assert!(told.try_recv().is_err());
    drop(release);
    assert!(told.recv_timeout(LONG).unwrap().iter().eq(["/sys/a"]));
}

#[test]
fn too_many_that_hang_degrade_the_pool_until_one_returns() {
    let pool = pool();
    let first = hang(&pool, "/sys/a");
    let second = hang(&pool, "/sys/b");
    assert!(first.1.recv_timeout(LONG).unwrap().is_err());
    assert!(second.1.recv_timeout(LONG).unwrap().is_err());
    assert_eq!(quick(&pool, Priority::Asked), Err(Lost::Exhausted(2)));
    drop(first.0);
    while pool.0.lock().abandoned.len() > 1 {
        thread::yield_now();
    }
    assert_eq!(quick(&pool, Priority::Asked), Ok(7));
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
        let order = order(Priority::Asked, "who");
        pool.submit(order, who, move |result| answer.send(result).unwrap()).unwrap();
        answered.recv_timeout(LONG).unwrap().unwrap()
    };
    let first = reader();
    assert!((0..10).all(|_| reader() == first));
}

#[test]
fn one_reads_all_the_bulk_until_it_is_held_up_or_somebody_waits() {
    let pool = pool_of(Limits { bulk: 1, ..LIMITS });
    let begun = Instant::now();
    let (release, answered) = hang_for(&pool, "/sys/slow", LONG);
    // The supervisor sees that the first is held up.
    assert_eq!(quick(&pool, Priority::Bulk), Ok(7));
    assert!(begun.elapsed() >= WATCH_INTERVAL);
    drop(release);
    answered.recv_timeout(LONG).unwrap().unwrap();

    let pool = pool_of(Limits { bulk: 1, ..LIMITS });
    let (release, answered) = hang_for(&pool, "/sys/slow", LONG);
    assert_eq!(quick(&pool, Priority::Asked), Ok(7));
    drop(release);
    answered.recv_timeout(LONG).unwrap().unwrap();
}

#[test]
fn a_panic_costs_one_job() {
    let pool = pool();
    let (answer, answered) = mpsc::channel();
    let run = |_: &Announcer| -> u32 { panic!("on purpose") };
    pool.submit(order(Priority::Bulk, ""), run, move |r| answer.send(r).unwrap()).unwrap();
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

#[test]
fn what_is_slow_is_helped_out_and_the_helpers_end() {
    let pool = pool();
    let _keeper = pool.keep();
    let slow = ["a", "b"].map(|file| hang_at(&pool, Priority::Event, file, LONG));
    // Both readers are held up; nobody is given up yet.
    assert_eq!(quick(&pool, Priority::Event), Ok(7));
    assert_eq!(quick(&pool, Priority::Bulk), Ok(7));
    assert!(pool.0.lock().abandoned.is_empty());
    for (release, answered) in slow {
        drop(release);
        answered.recv_timeout(LONG).unwrap().unwrap();
    }
    while pool.0.lock().workers.len() > LIMITS.readers {
        thread::yield_now();
    }
    assert_eq!(quick(&pool, Priority::Asked), Ok(7));
}

#[test]
fn a_device_that_is_slow_gets_no_further_reader() {
    let pool = pool();
    let (release, answered) = hang_at(&pool, Priority::Event, "/sys/slow", LONG);
    while pool.0.lock().held_up() == 0 {
        thread::yield_now();
    }
    let (answer, asked) = mpsc::channel();
    let again = order(Priority::Asked, "/sys/slow");
    pool.submit(again, |_| (), move |result| answer.send(result).unwrap()).unwrap();
    assert_eq!(quick(&pool, Priority::Asked), Ok(7));
    assert!(asked.try_recv().is_err());
    drop(release);
    answered.recv_timeout(LONG).unwrap().unwrap();
    assert_eq!(asked.recv_timeout(LONG).unwrap(), Ok(()), "when the other is done");
}

#[test]
fn what_waits_is_bounded_and_what_nobody_waits_for_is_not_begun() {
    let pool = pool_of(Limits { readers: 1, abandoned: 0, ..LIMITS });
    let (release, answered) = hang_at(&pool, Priority::Event, "a", LONG);
    while pool.0.lock().jobs.len() > 0 {
        thread::yield_now();
    }
    let asker = Asker::default();
    let (began, begun) = mpsc::channel();
    let submit = |asker: &Asker| {
        let began = began.clone();
        pool.submit(Order::event("b", asker), move |_| began.send(()).unwrap(), |_| ())
    };
    for _ in 0..LIMITS.waiting {
        submit(&asker).unwrap();
    }
    assert_eq!(submit(&asker), Err(Full));
    assert_eq!(pool.0.waiting.value(), LIMITS.waiting as u64);
    drop(asker);
    submit(&Asker::default()).unwrap();
    let patient = Asker::default();
    submit(&patient).unwrap();
    drop(release);
    answered.recv_timeout(LONG).unwrap().unwrap();
    begun.recv_timeout(LONG).unwrap();
    assert_eq!(quick(&pool, Priority::Event), Ok(7));
    assert!(begun.try_recv().is_err(), "only one was wanted");
    assert_eq!(pool.0.waiting.value(), 0);
}
