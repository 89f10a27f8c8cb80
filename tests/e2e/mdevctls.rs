//! The plain machine once more, for the tests in which the daemon runs another mdevctl than the one that
//! is installed.

mod debian_13;
mod failing;
mod side_by_side;
mod true_changes;
