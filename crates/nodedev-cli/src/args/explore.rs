//! The command line of `explore`.

/// Look around in the terminal: the tree, each device's fields and whose word they are, what happens.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Keys: arrows or h j k l move and fold, / searches, n and N go on, Tab changes the pane, ? shows the
rest, q ends. Where standard output is no terminal, the tree is printed as by `nodedev list --tree`.

Examples:
  nodedev explore
  nodedev --connect replay:bug.jsonl explore
  NO_COLOR=1 nodedev explore")]
pub(crate) struct Explore {}
