//! The machine with hardly any device: what its tests need are drivers that make devices by themselves.

mod actions;
mod autostart;
mod bindings;
mod debian_13;
mod definitions;
mod failing_mdevctl;
mod in_use;
mod life;
mod parents;
mod side_by_side;
mod true_changes;
mod udev_held_back;
mod vports;
