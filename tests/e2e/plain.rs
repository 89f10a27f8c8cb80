//! The machine with hardly any device: what its tests need are drivers that make devices by themselves.

mod actions;
mod autostart;
mod bindings;
mod definitions;
mod in_use;
mod life;
mod parents;
mod udev_held_back;
mod vports;
