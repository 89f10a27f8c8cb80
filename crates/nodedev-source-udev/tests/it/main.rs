//! The source on mock hosts. Each test runs in a process of its own that sees a host of its own.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails, and a skip is visible, also in the functions that tests share"
)]

mod conformance;
mod events;
mod hanging;
mod hosts;
mod inventory;
mod isolation;
mod kinds;
mod links;
mod listing;
mod looks;
mod session;
mod sweep;
mod udevd;

/// Declares a test whose body runs on an empty mock host, in a runtime.
macro_rules! on_mock_host {
    ($( $(#[$attribute:meta])* async fn $name:ident($host:ident) $body:block )*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                nodedev_source_testkit::mock_host::alone(module_path!(), stringify!($name), || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .unwrap();
                    runtime.block_on(async {
                        #[allow(unused_mut, clippy::allow_attributes, reason = "not every test changes its host")]
                        let mut $host =
                            nodedev_source_testkit::mock_host::MockHost::of_this_process().unwrap();
                        $body
                    });
                });
            }
        )*
    };
}
use on_mock_host;
