//! Which package may depend on which: the direction of dependencies, as two tables.
//!
//! A package that stands in no table is a problem, so a new one has to be thought about.

use super::Problem;
use super::workspace::{Package, Workspace};

/// The packages of the workspace that one of them is built with.
const NORMAL: &[(&str, &[&str])] = &[
    ("nodedev-types", &[]),
    ("nodedev-source", &["nodedev-types"]),
    ("nodedev-source-testkit", &["nodedev-source", "nodedev-types"]),
    ("nodedev-source-udev", &["nodedev-source", "nodedev-types"]),
    ("nodedev-source-mdevctl", &["nodedev-source", "nodedev-types"]),
    ("nodedev-source-exec", &["nodedev-source", "nodedev-types"]),
    ("nodedev-source-template", &["nodedev-source", "nodedev-types"]),
    ("nodedev-merge", &["nodedev-types"]),
    ("nodedev-registry", &["nodedev-merge", "nodedev-source", "nodedev-types"]),
    ("nodedev-recording", &["nodedev-registry", "nodedev-source", "nodedev-types"]),
    ("nodedev-xml", &["nodedev-types"]),
    ("nodedev-control", &["nodedev-registry", "nodedev-types", "nodedev-xml"]),
    ("nodedev-rpc", &[]),
    (
        "nodedev-varlink",
        &["nodedev-control", "nodedev-merge", "nodedev-registry", "nodedev-types", "nodedev-xml"],
    ),
    (
        "nodedev-server",
        &[
            "nodedev-control",
            "nodedev-merge",
            "nodedev-registry",
            "nodedev-rpc",
            "nodedev-source",
            "nodedev-types",
            "nodedev-varlink",
            "nodedev-xml",
        ],
    ),
    (
        "nodedev-driver",
        &[
            "nodedev-recording",
            "nodedev-registry",
            "nodedev-server",
            "nodedev-source",
            "nodedev-source-exec",
            "nodedev-source-mdevctl",
            "nodedev-source-udev",
            "nodedev-types",
        ],
    ),
    (
        "nodedev-cli",
        &[
            "nodedev-driver",
            "nodedev-recording",
            "nodedev-server",
            "nodedev-types",
            "nodedev-varlink",
            "nodedev-xml",
        ],
    ),
    (
        "nodedev-tests",
        &[
            "nodedev-mutants",
            "nodedev-registry",
            "nodedev-rpc",
            "nodedev-server",
            "nodedev-source",
            "nodedev-source-mdevctl",
            "nodedev-source-testkit",
            "nodedev-source-udev",
            "nodedev-types",
            "nodedev-xml",
        ],
    ),
    ("nodedev-manual", &[]),
    ("nodedev-mutants", &[]),
    (
        "xtask",
        &[
            "nodedev-manual",
            "nodedev-merge",
            "nodedev-rpc",
            "nodedev-source-testkit",
            "nodedev-types",
        ],
    ),
];

/// The packages of the workspace that the tests of one may use besides.
const DEV: &[(&str, &[&str])] = &[
    ("nodedev-source", &["nodedev-source-testkit"]),
    ("nodedev-source-udev", &["nodedev-mutants", "nodedev-source-testkit"]),
    ("nodedev-source-mdevctl", &["nodedev-mutants", "nodedev-source-testkit"]),
    ("nodedev-source-exec", &["nodedev-mutants", "nodedev-source-testkit"]),
    ("nodedev-source-template", &["nodedev-source-testkit"]),
    ("nodedev-rpc", &["nodedev-mutants"]),
    ("nodedev-xml", &["nodedev-mutants"]),
    ("nodedev-registry", &["nodedev-source-testkit", "nodedev-xml"]),
    ("nodedev-recording", &["nodedev-merge", "nodedev-source-testkit"]),
    ("nodedev-control", &["nodedev-merge", "nodedev-source", "nodedev-source-testkit"]),
    ("nodedev-server", &["nodedev-source-testkit"]),
    ("nodedev-driver", &["nodedev-manual", "nodedev-source-testkit", "nodedev-xml"]),
    ("nodedev-cli", &["nodedev-manual", "nodedev-source-testkit"]),
    (
        "nodedev-tests",
        &[
            "nodedev-cli",
            "nodedev-driver",
            "nodedev-merge",
            "nodedev-mutants",
            "nodedev-registry",
            "nodedev-rpc",
            "nodedev-server",
            "nodedev-source",
            "nodedev-source-mdevctl",
            "nodedev-source-testkit",
            "nodedev-source-udev",
            "nodedev-types",
            "nodedev-varlink",
            "nodedev-xml",
        ],
    ),
];

/// Packages from outside that only some may be built with, even through others.
struct Reserved {
    names: &'static [&'static str],
    /// The one package of the workspace that may name them; nobody, when there is none.
    owner: Option<&'static str>,
    /// Who must not even reach them.
    never: &'static [&'static str],
    why: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        names: &["udev", "libudev-sys", "tokio-udev"],
        owner: Some("nodedev-source-udev"),
        never: &[
            "nodedev-merge",
            "nodedev-registry",
            "nodedev-rpc",
            "nodedev-server",
            "nodedev-source",
            "nodedev-source-exec",
            "nodedev-source-mdevctl",
            "nodedev-source-testkit",
            "nodedev-types",
            "nodedev-xml",
            "xtask",
        ],
        why: "only nodedev-source-udev links libudev",
    },
    Reserved {
        names: &["async-trait", "chrono", "futures-core", "libc", "mio", "nix", "time", "tokio"],
        owner: None,
        never: &["nodedev-merge", "nodedev-types", "nodedev-xml"],
        why: "values, merge and documents are pure: no async, no clock, no system",
    },
    Reserved {
        names: &["async-std", "mio", "nix", "socket2", "tokio"],
        owner: None,
        never: &["nodedev-rpc"],
        why: "the protocol is without sockets",
    },
];

/// All dependencies of the workspace against the tables.
pub(crate) fn check(workspace: &Workspace) -> Vec<Problem> {
    let names = workspace.names();
    let mut problems = Vec::new();
    for package in &workspace.packages {
        let Some(normal) = allowed(NORMAL, &package.name) else {
            let message = "stands in no table of allowed dependencies (tidy/edges.rs)";
            problems.push(Problem::new(&package.name, message));
            continue;
        };
        let dev = allowed(DEV, &package.name).unwrap_or_default();
        for dependency in &package.normal {
            if names.contains(dependency.as_str()) && !normal.contains(&dependency.as_str()) {
                problems.push(forbidden(package, "is built with", dependency));
            }
        }
        for dependency in &package.dev {
            let listed =
                normal.contains(&dependency.as_str()) || dev.contains(&dependency.as_str());
            if names.contains(dependency.as_str()) && !listed {
                problems.push(forbidden(package, "is tested with", dependency));
            }
        }
        for reserved in RESERVED {
            check_reserved(package, reserved, &mut problems);
        }
    }
    problems
}

fn check_reserved(package: &Package, reserved: &Reserved, problems: &mut Vec<Problem>) {
    let never = reserved.never.contains(&package.name.as_str());
    let stranger = reserved.owner.is_some_and(|owner| owner != package.name);
    for name in reserved.names {
        let direct = package.normal.contains(*name) || package.dev.contains(*name);
        if (never && package.reached.contains(*name)) || (stranger && direct) {
            let message = format!("reaches `{name}`: {}", reserved.why);
            problems.push(Problem::new(&package.name, message));
        }
    }
}

fn allowed(
    table: &[(&str, &'static [&'static str])],
    name: &str,
) -> Option<&'static [&'static str]> {
    table.iter().find(|row| row.0 == name).map(|row| row.1)
}

fn forbidden(package: &Package, how: &str, dependency: &str) -> Problem {
    let message = format!("{how} `{dependency}`, which the direction of dependencies forbids");
    Problem::new(&package.name, message)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::workspace::tests::{package, workspace};
    use super::*;

    fn problems(members: &[Value], others: &[Value]) -> Vec<String> {
        check(&workspace(members, others)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn allowed_edges_are_no_problem() {
        let members = [
            package("nodedev-types", &["serde"]),
            package("nodedev-source", &["nodedev-types", "dev:nodedev-source-testkit"]),
            package("nodedev-source-testkit", &["nodedev-source", "nodedev-types"]),
            package(
                "nodedev-source-udev",
                &["nodedev-source", "udev", "dev:nodedev-source-testkit"],
            ),
        ];
        let others =
            [package("serde", &[]), package("udev", &["libudev-sys"]), package("libudev-sys", &[])];
        assert_eq!(problems(&members, &others), [""; 0]);
    }

    #[test]
    fn sources_must_not_see_each_other_not_even_in_tests() {
        let members = [
            package("nodedev-source-udev", &["dev:nodedev-source-mdevctl"]),
            package("nodedev-source-mdevctl", &["nodedev-merge"]),
            package("nodedev-merge", &[]),
        ];
        assert_eq!(
            problems(&members, &[]),
            [
                "nodedev-source-mdevctl: is built with `nodedev-merge`, which the direction of dependencies forbids",
                "nodedev-source-udev: is tested with `nodedev-source-mdevctl`, which the direction of dependencies forbids",
            ]
        );
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let members = [
            package("nodedev-registry", &["nodedev-source-testkit"]),
            package("nodedev-source-testkit", &[]),
        ];
        let found = problems(&members, &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("nodedev-registry: is built with `nodedev-source-testkit`"));
    }

    #[test]
    fn nothing_asynchronous_below_the_merge() {
        let members = [package("nodedev-merge", &["innocent"])];
        let others = [package("innocent", &["tokio"]), package("tokio", &[])];
        assert_eq!(
            problems(&members, &others),
            [
                "nodedev-merge: reaches `tokio`: values, merge and documents are pure: no async, no clock, no system"
            ]
        );
    }

    #[test]
    fn libudev_is_linked_once() {
        let members = [package("nodedev-driver", &["udev"]), package("xtask", &["other"])];
        let others =
            [package("other", &["libudev-sys"]), package("libudev-sys", &[]), package("udev", &[])];
        let found = problems(&members, &others);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("nodedev-driver: reaches `udev`"), "{found:?}");
        assert!(found[1].starts_with("xtask: reaches `libudev-sys`"), "{found:?}");
    }

    #[test]
    fn an_unknown_package_has_to_be_thought_about() {
        let found = problems(&[package("nodedev-new", &[])], &[]);
        assert_eq!(
            found,
            ["nodedev-new: stands in no table of allowed dependencies (tidy/edges.rs)"]
        );
    }
}
