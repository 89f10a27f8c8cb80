//! The command line of `graph`.

use clap::ValueEnum;

/// Draw the tree of all devices, or what is around one: parents, children, IOMMU group, mdev types.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Dashed: mediated devices that have a definition; faint, too, while they do not run. A picture shows
more of a device where the pointer rests on it.

Examples:
  nodedev graph >devices.svg
  nodedev graph pci_0000_00_02_0 >card.svg
  nodedev graph --format dot | dot -Tpdf >devices.pdf
  nodedev --connect replay:bug.jsonl graph >bug.svg")]
pub(crate) struct Graph {
    /// The device in the middle; all devices without it
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Svg, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// Format of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A picture for a browser
    Svg,
    /// Text for Graphviz
    Dot,
}
