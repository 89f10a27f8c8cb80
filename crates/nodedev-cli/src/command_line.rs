//! The command line as it is shown: what every sub-command takes is told once, with the command itself.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory as _};

use crate::args::Args;

const ELSEWHERE: &str =
    "Options of every command (--connect, --quiet, --verbose, ...): nodedev --help";

/// The command with all sub-commands.
pub(crate) fn command() -> Command {
    without_options_of_all(Args::command()).mut_subcommands(|subcommand| {
        let told =
            subcommand.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
        subcommand.after_help(format!("{told}{ELSEWHERE}"))
    })
}

/// `nodedev help --help` is `nodedev help help`, and behind a command's name the option asks for what is told anyway:
/// clap takes all that follows `help` for names of commands.
pub(crate) fn without_help_of_help(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<_> = words.into_iter().collect();
    if words.get(1).is_some_and(|word| word == "help") {
        let is_help = |word: &OsString| word == "--help" || word == "-h";
        match words.get(2) {
            Some(word) if is_help(word) => {
                words = vec![words[0].clone(), "help".into(), "help".into()]
            }
            _ => words.retain(|word| !is_help(word)),
        }
    }
    words
}

/// No sub-command shows what all of them take.
pub(crate) fn without_options_of_all(command: Command) -> Command {
    let everywhere: Vec<Arg> = command
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .map(|arg| arg.clone().hide(true))
        .collect();
    command.mut_subcommands(|subcommand| subcommand.args(everywhere.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help_of(words: &[&str]) -> String {
        command().try_get_matches_from(words).unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn every_sub_command_has_examples_and_tells_its_own_options_only() {
        for subcommand in command().get_subcommands() {
            let help = help_of(&["nodedev", subcommand.get_name(), "--help"]);
            assert!(help.contains("Examples:\n  nodedev "), "{help}");
            assert!(!help.contains("--host-uuid"), "{help}");
        }
        let overview = help_of(&["nodedev", "--help"]);
        let rest = overview.split("Global options:\n").nth(1).unwrap();
        let global = rest.split("\n\n").next().unwrap();
        assert!(global.contains("--host-uuid"), "{overview}");
        assert!(global.lines().count() * 3 < overview.lines().count(), "{overview}");
    }

    #[test]
    fn help_has_help() {
        let help_of = |words: &[&str]| {
            let words = words.iter().map(OsString::from);
            let words = without_help_of_help(words);
            command().try_get_matches_from(words).unwrap_err().to_string()
        };
        let own = help_of(&["nodedev", "help", "help"]);
        assert!(own.contains("Usage: nodedev help [COMMAND]"), "{own}");
        assert_eq!(help_of(&["nodedev", "help", "--help"]), own);
        assert_eq!(help_of(&["nodedev", "help", "-h"]), own);
        let list = help_of(&["nodedev", "help", "list"]);
        assert_eq!(help_of(&["nodedev", "help", "list", "--help"]), list);
        let others = ["nodedev", "list", "--help"].map(OsString::from);
        assert_eq!(without_help_of_help(others.clone()), others);
    }

    #[test]
    fn what_is_not_shown_is_taken_everywhere() {
        let quiet = |words: &[&str]| command().get_matches_from(words).get_flag("quiet");
        assert!(quiet(&["nodedev", "-q", "list"]) && quiet(&["nodedev", "list", "-q"]));
        assert!(!quiet(&["nodedev", "list"]));
        let color = |words: &[&str]| {
            let matches = command().get_matches_from(words);
            matches.get_raw("color").unwrap().next().unwrap().to_owned()
        };
        assert_eq!(color(&["nodedev", "list", "--color", "never"]), "never");
        assert_eq!(color(&["nodedev", "--color=always", "list"]), "always");
    }
}
