//! The hosts that the tests run on hold nothing that could be traced to a machine.

use super::Problem;
use super::tree::TextFile;
use crate::fixture;

/// Every host.
pub(crate) fn check(hosts: &[TextFile]) -> Vec<Problem> {
    hosts.iter().flat_map(check_host).collect()
}

fn check_host(host: &TextFile) -> Vec<Problem> {
    let problem = |message| Problem::new(&host.path, message);
    match fixture::leaks(&host.text) {
        Ok(leaks) => leaks
            .into_iter()
            .map(|leak| problem(format!("{leak} is not made up: `cargo xtask fixture scrub`")))
            .collect(),
        Err(error) => vec![problem(format!("{error:#}"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_somebody_is_a_problem() {
        let host = |text: &str| TextFile { path: "h".to_owned(), text: text.to_owned() };
        let bad = host("P: /devices/a\nA: address=0a:1b:2c:3d:4e:5f\\n\n");
        let found = check(&[bad]);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("network address `0a:1b:2c:3d:4e:5f`"), "{found:?}");
        assert_eq!(check(&[host("P: /devices/a\nA: address=02:00:5e:00:53:01\\n\n")]), []);
        assert_eq!(check(&[host("nothing\n")]).len(), 1);
    }
}
