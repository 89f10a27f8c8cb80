//! The scripted source passes the kit.

use crate::bed::Bed;

mod one_stream {
    use super::*;

    nodedev_source_testkit::conformance_tests!(Bed);
}

mod two_streams {
    use crate::streams::TwoStreams;

    nodedev_source_testkit::conformance_tests!(TwoStreams);
}
