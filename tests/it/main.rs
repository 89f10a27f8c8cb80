//! Whole-system tests: the built commands against real tools. See the README beside this crate.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code: a panic is a failure, and commands are what is tested"
)]

mod bench;
mod cli;
mod clients;
mod clients_bindings;
mod clients_both;
mod clients_differences;
mod clients_events;
mod clients_polkit;
mod clients_real_polkit;
mod clients_session;
mod clients_speed;
mod clients_tls;
mod clients_uri;
mod clients_virsh;
mod completion;
mod crippled;
mod daemon_process;
mod definitions;
mod dump_schema;
mod exec_source;
mod explore;
mod graph;
mod hostile;
mod metrics;
mod mock;
mod orders;
mod parity;
mod policy;
mod projects;
mod recording;
mod sandbox;
mod stress_chaos;
mod stress_churn;
mod stress_kills;
mod stress_storm;
mod varlink;
mod watch;
