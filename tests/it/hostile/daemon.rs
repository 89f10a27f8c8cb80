//! The built daemon, on this host's own devices, among clients that send rubbish.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nodedev_mutants::Random;
use nodedev_rpc::PROCEDURES;
use nodedev_tests::daemon::Daemon;

use super::host::peak_memory;
use super::witness::Witness;
use nodedev_tests::wire::Client;

/// How long rubbish is sent.
const LONG_ENOUGH: Duration = Duration::from_secs(3);
/// What the daemon may use at most, in KiB: a debug build, its own code included.
const MEMORY: u64 = 192 << 10;

/// Calls that only look, with arguments that are nearly right.
fn rubbish(random: &mut Random) -> (i32, Vec<u8>) {
    let looking: Vec<_> =
        PROCEDURES.iter().filter(|info| !info.changes && info.number != 2).collect();
    let procedure = looking[random.below(looking.len())].number;
    let words = [0, 1, 2, 3, 8, 0xffff, 0x10000, 0x0040_0000, 0x6f6d_0000, u32::MAX];
    let count = random.below(12);
    let payload = (0..count).flat_map(|_| words[random.below(words.len())].to_be_bytes());
    (procedure, payload.collect())
}

fn send_rubbish(socket: &std::path::Path, seed: u64) -> usize {
    let mut random = Random::of(seed);
    let deadline = Instant::now() + LONG_ENOUGH;
    let mut sent = 0;
    while Instant::now() < deadline {
        let mut client = Client::open(socket, 0);
        for _ in 0..50 {
            let (procedure, payload) = rubbish(&mut random);
            // Either answer will do, as long as there is one.
            let _ = client.ask(procedure, &payload);
            sent += 1;
        }
        let noise: Vec<_> = (0..random.below(200)).map(|_| random.byte()).collect();
        let _ = client.send(&noise);
    }
    sent
}

#[test]
fn the_daemon_answers_among_rubbish() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), |program| Command::new(program));
    let witness = Witness::start(&daemon.socket(), "computer");
    let socket = &daemon.read_only_socket();
    let sent: usize = thread::scope(|scope| {
        let senders: Vec<_> = (1..5)
            .map(|seed| scope.spawn(move || send_rubbish(socket, 0x6e6f_6465 * seed)))
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    let what = format!("{sent} calls that are nearly right");
    witness.finish(&what);
    let peak = peak_memory(daemon.process());
    eprintln!("{what}: the daemon used {peak} KiB at most");
    assert!(peak < MEMORY, "{peak} KiB");
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}
