//! `docs/source-contract.md`: the clauses of the source contract, from the conformance kit.

use nodedev_source_testkit::{CLAUSES, Clause};

use crate::markdown::head;

const INTRODUCTION: &str = "\
What a source of node devices owes the registry. Each clause is a test of `nodedev-source-testkit`:
a source's own tests are a `Harness` and the line `conformance_tests!(Harness)`, which makes one test
of each clause. The trait itself is documented in `nodedev-source`; a whole source is walked through
in [adding-a-source.md](adding-a-source.md).

MUST, MUST NOT and MAY are meant as in RFC 2119. A clause that a harness cannot stage on this host
is skipped and says so; with `NODEDEV_REQUIRE_ALL=1` such a skip is a failure.
";

pub(crate) fn page() -> String {
    let clauses: Vec<_> = CLAUSES.iter().map(section).collect();
    format!("{}\n{}", head("The source contract", INTRODUCTION), clauses.join("\n"))
}

fn section(clause: &Clause) -> String {
    let Clause { number, name, test, must, checked, .. } = clause;
    format!("## {number}. {name}\n\n{must}\n\n*How it is checked* (`{test}`): {checked}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clause_has_its_section() {
        let page = page();
        for clause in CLAUSES {
            assert!(page.contains(&format!("## {}. {}\n", clause.number, clause.name)));
            assert!(page.contains(clause.must) && page.contains(clause.checked));
        }
    }
}
