//! What is shown of the server: its clients and their calls.

use std::fmt::Result;

use prometheus_client::registry::Unit;

use super::page::Page;
use crate::counts::Counts;

pub(super) fn write(page: &mut Page<'_>, counts: &Counts) -> Result {
    clients(page, counts)?;
    let calls: Vec<_> = counts.rpc_calls().collect();
    let label = "procedure";
    let took = calls.iter().map(|(name, calls)| ([(label, *name)], calls.took));
    let help = "How long calls of libvirt's protocol took, from their arrival to the answer";
    page.durations("rpc_call_duration", help, took)?;
    let failed = calls.iter().map(|(name, calls)| ([(label, *name)], calls.failed));
    let help = "Calls of libvirt's protocol that were answered by an error";
    page.counters("rpc_failed_calls", help, failed)?;
    let calls: Vec<_> = counts.varlink_calls().collect();
    let label = "method";
    let took = calls.iter().map(|(name, calls)| ([(label, *name)], calls.took));
    let help = "How long calls over varlink took, watches aside";
    page.durations("varlink_call_duration", help, took)?;
    let failed = calls.iter().map(|(name, calls)| ([(label, *name)], calls.failed));
    let help = "Calls over varlink that were answered by an error";
    page.counters("varlink_failed_calls", help, failed)
}

fn clients(page: &mut Page<'_>, counts: &Counts) -> Result {
    let doors = counts.clients_by_door().map(|(door, count)| ([("door", door)], count));
    page.gauges("clients", "Clients that are connected, by where they came in", doors)?;
    let doors = counts.connections_by_door().map(|(door, count)| ([("door", door)], count));
    page.counters("connections", "Clients that have come in", doors)?;
    let help = "Clients that were not let in because there were too many of the same";
    page.counter("turned_away_clients", help, counts.turned_away())?;
    let help = "Threads of single clients that were held up by a document and left to themselves";
    page.counter("held_up_client_threads", help, counts.held_up())?;
    let ends = counts.ends_by_reason().map(|(reason, count)| ([("reason", reason)], count));
    page.counters("disconnects", "Ends of connections of libvirt's clients", ends)?;
    let help = "Replies and events that clients have not read";
    page.gauge("client_unread", help, Some(&Unit::Bytes), counts.unread.get())?;
    let help = "Events that are not even written because clients read too slowly";
    page.gauge("client_pending_events", help, None, counts.pending.get())?;
    let help = "Events that need not be told because later ones take them back or say the same";
    page.counter("client_coalesced_events", help, counts.coalesced())
}
