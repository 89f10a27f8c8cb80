//! The state against a model of a few plain tables, under whatever sources may say in whatever order.

mod model;
mod script;
mod world;

use proptest::prelude::*;
use proptest::test_runner::Config;

use script::{Run, Step, steps};

fn config(cases: u32) -> Config {
    let mut config = Config::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    // A history that fails becomes a test with a name.
    config.failure_persistence = None;
    config
}

proptest! {
    #![proptest_config(config(2500))]

    /// Laws 2, 5 and 8, with announcements that wait: after each publication the list is what the
    /// merge makes of the tables, the events lead there, and nothing else is said.
    #[test]
    fn the_published_list_is_the_merge_of_the_latest_words(
        ready_after in 0..6_usize,
        steps in steps(40),
    ) {
        let mut run = Run::new();
        for (n, step) in steps.into_iter().enumerate() {
            if n == ready_after {
                run.set_ready();
            }
            run.take(step);
        }
    }
}

proptest! {
    #![proptest_config(config(700))]

    /// Law 2: a word that is said again, and a listing that is read again, tell followers nothing.
    #[test]
    fn what_is_said_again_changes_nothing(steps in steps(25)) {
        let mut run = Run::new();
        run.set_ready();
        for step in steps {
            run.take(step);
            run.take(Step::Tick(2000));
            run.take(Step::Publish);
            prop_assert!(run.repeat_is_silent());
        }
    }

    /// Law 3: a source that withdraws everything leaves nothing behind.
    #[test]
    fn a_source_that_leaves_leaves_nothing_behind(
        steps in steps(25),
        source in 0..world::SOURCES,
    ) {
        let (mut with, mut without) = (Run::new(), Run::new());
        with.set_ready();
        without.set_ready();
        let is_its = |step: &Step| step.source() == Some(source);
        for step in steps {
            if !is_its(&step) {
                without.take(step.clone());
            }
            with.take(step);
        }
        for run in [&mut with, &mut without] {
            run.withdraw(source);
            run.take(Step::Tick(2000));
            run.take(Step::Publish);
        }
        prop_assert_eq!(with.list(), without.list());
    }
}
