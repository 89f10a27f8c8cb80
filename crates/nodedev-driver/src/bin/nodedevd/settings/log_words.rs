//! libvirt's words for what is logged and where to. Opens nothing.

use std::path::PathBuf;

/// `N:name`: the level of a part of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFilter {
    /// From 1, debug, to 4, errors.
    pub(crate) level: u8,
    /// A name of libvirt's.
    pub(crate) part: String,
}

/// `N:place`: what goes to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogOutput {
    /// From 1, debug, to 4, errors.
    pub(crate) level: u8,
    pub(crate) place: LogPlace,
}

/// Where log entries can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogPlace {
    Stderr,
    Journal,
    /// For which the journal stands in.
    Syslog,
    /// An absolute path.
    File(PathBuf),
}

impl LogFilter {
    /// # Errors
    ///
    /// What was expected.
    pub(super) fn parse(entry: &str) -> Result<Self, &'static str> {
        let (level, part) =
            split_level(entry).ok_or("expected a level from 1 to 4, `:` and a part")?;
        // libvirt's sign for a stack trace with every entry.
        let part = part.strip_prefix('+').unwrap_or(part).to_owned();
        if part.is_empty() {
            Err("expected a part after the level")
        } else {
            Ok(Self { level, part })
        }
    }
}

impl LogOutput {
    /// # Errors
    ///
    /// What was expected.
    pub(super) fn parse(entry: &str) -> Result<Self, &'static str> {
        let (level, place) =
            split_level(entry).ok_or("expected a level from 1 to 4, `:` and a place")?;
        let place = match place.split_once(':').unwrap_or((place, "")) {
            ("stderr", "") => LogPlace::Stderr,
            ("journald", "") => LogPlace::Journal,
            ("syslog", _) => LogPlace::Syslog,
            ("file", path) if path.starts_with('/') => LogPlace::File(path.into()),
            _ => return Err("expected stderr, journald or file:/PATH after the level"),
        };
        Ok(Self { level, place })
    }
}

/// `N:rest`, with a level that there is.
fn split_level(entry: &str) -> Option<(u8, &str)> {
    let (level, rest) = entry.split_once(':')?;
    let level = level.parse().ok().filter(|level| (1..=4).contains(level))?;
    Some((level, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_need_a_level_and_a_part() {
        let rpc = LogFilter { level: 4, part: "rpc".to_owned() };
        assert_eq!(LogFilter::parse("4:rpc"), Ok(rpc.clone()));
        assert_eq!(LogFilter::parse("4:+rpc"), Ok(rpc));
        for entry in ["9:rpc", "0:rpc", "rpc", "3:", ":rpc"] {
            assert!(LogFilter::parse(entry).is_err(), "{entry}");
        }
    }

    #[test]
    fn outputs_that_are_none_are_refused() {
        for entry in ["stderr", "5:stderr", "1:printer", "2:stdout", "1:file:relative", "1:file"] {
            assert!(LogOutput::parse(entry).is_err(), "{entry}");
        }
        let places = ["1:stderr", "1:journald", "1:syslog:x", "1:file:/a"]
            .map(|entry| LogOutput::parse(entry).unwrap().place);
        let file = LogPlace::File("/a".into());
        assert_eq!(places, [LogPlace::Stderr, LogPlace::Journal, LogPlace::Syslog, file]);
    }
}
