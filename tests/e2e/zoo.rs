//! The machine with one device of each kind, and with slots for more.

mod drivers;
mod hotplug;
mod pci_parent;
mod recording;
mod sandbox;
