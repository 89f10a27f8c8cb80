use nodedev_source_testkit::conformance_tests;

use super::host::Host;

conformance_tests!(Host<true>);
