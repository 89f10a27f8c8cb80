//! Which URIs this daemon opens: `nodedev:///system`, or `nodedev:///session` for a user's own.

use nodedev_rpc::{ErrorCode, ErrorDomain};

use crate::config::Mode;
use crate::virt_error::{self, Failure};

/// Longest URI in bytes: it is kept as long as the connection.
const LONGEST: usize = 4096;

/// Refuses every other URI with libvirt's codes. A query and a fragment do not matter.
pub(super) fn check(uri: &str, mode: Mode) -> Result<(), Failure> {
    if uri.is_empty() {
        return Err(no_driver("<null>"));
    }
    if uri.len() > LONGEST || !is_uri(uri) {
        let shown: String = uri.chars().take(LONGEST).collect();
        let detail = format!("Unable to parse URI {shown}");
        return Err(virt_error::new(ErrorCode::InternalError, ErrorDomain::from(45), detail));
    }
    let Some((scheme, rest)) = uri.split_once(':').filter(|(scheme, _)| !scheme.contains('/'))
    else {
        return Err(no_driver(&format!("URI '{uri}' does not include a driver name")));
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    if scheme != "nodedev" || !host.is_empty() {
        return Err(no_driver(uri));
    }
    check_path(&decoded(path), mode)
}

fn check_path(path: &str, mode: Mode) -> Result<(), Failure> {
    let ours = match mode {
        Mode::System => "/system",
        Mode::Session => "/session",
    };
    if path == ours {
        return Ok(());
    }
    let detail = format!("unexpected nodedev URI path '{path}', try nodedev://{ours}");
    Err(virt_error::new(ErrorCode::InternalError, ErrorDomain::None, detail))
}

fn no_driver(uri: &str) -> Failure {
    virt_error::new(ErrorCode::NoConnect, ErrorDomain::None, uri)
}

/// Whether it follows the grammar of RFC 3986, as far as single characters and the scheme go.
fn is_uri(uri: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&c);
    let scheme = uri.split([':', '/', '?', '#']).next().unwrap_or_default();
    let has_scheme = uri[scheme.len()..].starts_with(':');
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    uri.bytes().all(allowed) && escapes_are_whole(uri) && (!has_scheme || is_scheme)
}

fn escapes_are_whole(uri: &str) -> bool {
    uri.split('%').skip(1).all(|after| {
        after.len() >= 2 && after.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
    })
}

fn decoded(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.extend(u8::from_str_radix(digits, 16));
        bytes.extend(rest.bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(uri: &str, mode: Mode) -> Option<(i32, i32)> {
        check(uri, mode).err().map(|error| (error.code.into(), error.domain.into()))
    }

    #[test]
    fn the_one_path_is_opened() {
        for uri in [
            "nodedev:///system",
            "nodedev:/system",
            "nodedev:///system?a=b&c",
            "nodedev:///system#here",
            "nodedev:///%73ystem",
        ] {
            assert_eq!(facts(uri, Mode::System), None, "{uri}");
        }
        assert_eq!(facts("nodedev:///session", Mode::Session), None);
    }

    #[test]
    fn other_paths_are_internal_errors_and_other_drivers_no_connection() {
        for uri in [
            "nodedev:///session",
            "nodedev:///",
            "nodedev://",
            "nodedev:",
            "nodedev:///System",
            "nodedev:///system/",
        ] {
            assert_eq!(facts(uri, Mode::System), Some((1, 0)), "{uri}");
        }
        assert_eq!(facts("nodedev:///system", Mode::Session), Some((1, 0)));
        for uri in [
            "",
            "NODEDEV:///system",
            "nodedev+unix:///system",
            "qemu:///system",
            "nonsense",
            "/system",
            "nodedev://host/system",
        ] {
            assert_eq!(facts(uri, Mode::System), Some((5, 0)), "{uri}");
        }
        let error = check("nodedev:///foo", Mode::System).unwrap_err();
        let text = "internal error: unexpected nodedev URI path '/foo', try nodedev:///system";
        assert_eq!(error.message.as_deref(), Some(text));
    }

    #[test]
    fn what_is_no_uri_is_said_to_be_none() {
        for uri in [
            "nodedev:///system?no%zz",
            "nodedev system",
            "nodedev:///system\n",
            ":",
            "1:///x",
            "nödedev:///system",
            "nodedev:///%7",
        ] {
            assert_eq!(facts(uri, Mode::System), Some((1, 45)), "{uri}");
        }
    }

    #[test]
    fn a_uri_without_end_is_none_and_comes_back_shortened() {
        let uri = format!("nodedev:///system?{}", "x".repeat(LONGEST));
        assert_eq!(facts(&uri[..LONGEST], Mode::System), None);
        assert_eq!(facts(&uri, Mode::System), Some((1, 45)));
        let text = check(&uri, Mode::System).unwrap_err().message.unwrap();
        assert!(text.len() < LONGEST + 100, "{}", text.len());
    }
}
