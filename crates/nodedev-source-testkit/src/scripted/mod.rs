//! A source without a host behind it: a test says what there is and what goes wrong.
//!
//! No threads, no clock but tokio's, no file: under a paused clock every run is the same.

mod behaviour;
mod control;
mod host;
mod source;
mod state;

pub use behaviour::{Behaviour, Hold};
pub use control::{Acts, Asked, ScriptedControl};
pub use host::ScriptedHost;
pub use source::ScriptedSource;
pub use state::Calls;
