#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod diff;
mod explain;
mod merge;
mod names;
mod ownership;
mod policy;
mod relations;
mod view;

pub use diff::{Change, ChangeKind, in_order};
pub use explain::{Explained, LostClaim, Origin};
pub use merge::{Claim, Merged};
pub use names::{base_name, names_in_group, suffixed_group};
pub use ownership::{Condition, OWNERSHIP, Rule, Strategy, builtin_streams};
pub use policy::{Policy, PolicyError};
pub use relations::{
    RelationIndex, awaited_address, is_mdev_capable, parent_address, parent_at, parent_of,
};
pub use view::view;
