//! What is said of storms: a table of the quiet moments of each, and what did not hold.

use std::fmt::Write as _;
use std::time::Duration;

use super::Options;
use super::play::{Difference, Outcome, PeerEnding, Verdict};
use super::script::{Script, Tally};

/// Names of what is wrong that are told.
const SHOWN: usize = 5;

/// Whether a storm held, and what is said of it.
pub(super) fn of_storm(
    options: &Options,
    seed: u64,
    script: &Script,
    outcome: &Outcome,
) -> (bool, String) {
    let mut text = String::new();
    let Outcome { verdicts, losses, peer, took } = outcome;
    let Tally { added, removed, renamed, replaced, pauses } = script.tally;
    let _ = writeln!(
        text,
        "Seed {seed}: {added} interfaces added and {removed} removed, {renamed} renamed, \
         {replaced} replaced, {pauses} pauses, in {:.1} s.\n\
         nodedevd: {} events received, {} receive errors; {} resyncs, {} for lost events, {} for \
         lost changes of links.\n",
        took.as_secs_f64(),
        losses.received,
        losses.errors,
        losses.resyncs,
        losses.of_events,
        losses.of_links
    );
    text += "| quiet | interfaces | until then | nodedevd equals sysfs after | its wrong names |";
    text += if peer.is_some() { " libvirtd lacks | libvirtd's ghosts |\n" } else { "\n" };
    text += "| ---: | ---: | --- | ---: | ---: |";
    text += if peer.is_some() { " ---: | ---: |\n" } else { "\n" };
    verdicts.iter().enumerate().for_each(|(at, verdict)| text += &row(at + 1, verdict));
    if let Some(peer) = peer {
        text += &of_peer(peer);
    }
    let wrong: Vec<_> = verdicts.iter().filter_map(|verdict| complaint(options, verdict)).collect();
    if !wrong.is_empty() {
        let _ = writeln!(text, "\n{}\nAgain: {}", wrong.join("\n"), options.again(seed));
    }
    (wrong.is_empty(), text)
}

fn row(at: usize, verdict: &Verdict) -> String {
    let until = if verdict.was_paused { "paused" } else { "running" };
    let Verdict { interfaces, equal, ours, peer, .. } = verdict;
    let equal = equal.map_or_else(|| "never".to_owned(), millis);
    let wrong = ours.missing.len() + ours.ghosts.len();
    let mut text = format!("| {at} | {interfaces} | {until} | {equal} | {wrong} |");
    if let Some(Difference { missing, ghosts }) = peer {
        let _ = write!(text, " {} | {} |", missing.len(), ghosts.len());
    }
    text + "\n"
}

fn of_peer(peer: &PeerEnding) -> String {
    let PeerEnding { socket, waited, difference, follows, complaints } = peer;
    let mut text = String::from("\n");
    if let Some(socket) = socket {
        let _ = writeln!(
            text,
            "libvirtd: a receive buffer of {} bytes, {} messages dropped by the kernel.",
            socket.buffer, socket.dropped
        );
    }
    let (lacks, ghosts) = (difference.missing.len(), difference.ghosts.len());
    let _ = writeln!(
        text,
        "libvirtd, {} s after the last change: lacks {lacks}, has {ghosts} ghosts; one more interface {}.",
        waited.as_secs(),
        follows.map_or_else(
            || "is not listed".to_owned(),
            |after| format!("is listed after {}", millis(after))
        )
    );
    text.extend(complaints.iter().map(|line| format!("Its log: {line}\n")));
    text
}

/// What did not hold in a quiet moment.
fn complaint(options: &Options, verdict: &Verdict) -> Option<String> {
    let Verdict { equal, ours, documents, .. } = verdict;
    let some = |names: &[String]| names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" ");
    match equal {
        None => Some(format!(
            "FAILED: the list never became what sysfs has: {} missing ({}), {} ghosts ({})",
            ours.missing.len(),
            some(&ours.missing),
            ours.ghosts.len(),
            some(&ours.ghosts)
        )),
        Some(after) if after.as_millis() > u128::from(options.within) => Some(format!(
            "FAILED: the list was right after {} only, not within {} ms",
            millis(*after),
            options.within
        )),
        Some(_) if !documents.is_empty() => {
            Some(format!("FAILED: documents differ from sysfs: {}", documents.join("\n")))
        }
        Some(_) => None,
    }
}

/// What many storms have in common.
pub(super) fn of_all(outcomes: &[Outcome]) -> String {
    let verdicts = outcomes.iter().flat_map(|outcome| &outcome.verdicts);
    let mut times: Vec<_> = verdicts.clone().filter_map(|verdict| verdict.equal).collect();
    times.sort();
    let errors: u64 = outcomes.iter().map(|outcome| outcome.losses.errors).sum();
    let time = |part: f64| -> String {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index below a few thousands"
        )]
        let at = (times.len().saturating_sub(1) as f64 * part) as usize;
        times.get(at).copied().map_or_else(|| "never".to_owned(), millis)
    };
    format!(
        "{} storms, {} of them with events lost ({errors} receive errors), {} quiet moments, {} of them \
         after a pause: the list equals sysfs after {} (median), {} (all).\n",
        outcomes.len(),
        with_losses(outcomes),
        verdicts.clone().count(),
        verdicts.filter(|verdict| verdict.was_paused).count(),
        time(0.5),
        time(1.0)
    )
}

/// In how many of them events were lost for good.
pub(super) fn with_losses(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.losses.of_events > 0).count()
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
