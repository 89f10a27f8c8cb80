//! A source without a host behind it: a test says what there is and what goes wrong.
//!
//! No threads, no clock but tokio's, no file: under a paused clock every run is the same.

mod behaviour;
mod host;
mod source;
mod state;

pub use behaviour::{Behaviour, Hold};
pub use host::ScriptedHost;
pub use source::ScriptedSource;
pub use state::Calls;
