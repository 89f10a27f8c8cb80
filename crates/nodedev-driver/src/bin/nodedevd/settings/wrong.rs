//! Taking a value for what a setting wants it to be. Knows no setting.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::syntax::Value;

/// Why a setting does not take a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is not what the table says is expected.
    Value,
    /// It would be, if it were not for this.
    Because(String),
    /// It is accepted and ignored, for this reason.
    NoEffect(&'static str),
    /// It is accepted, but not everything in it counts, for this reason.
    InPart(String),
}

pub(super) fn because<T>(reason: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::Because(reason.into()))
}

pub(super) fn in_part<T>(reason: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::InPart(reason.into()))
}

impl Value {
    pub(super) fn text(&self) -> Result<&str, Wrong> {
        match self {
            Self::Text(text) if !text.is_empty() => Ok(text),
            _ => Err(Wrong::Value),
        }
    }

    /// An absolute path: what the daemon's own folder is, nobody can say.
    pub(super) fn path(&self) -> Result<PathBuf, Wrong> {
        let path = PathBuf::from(self.text()?);
        if path.is_absolute() { Ok(path) } else { Err(Wrong::Value) }
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, least: i64, most: i64) -> Result<T, Wrong> {
        match self {
            Self::Integer(number) if (least..=most).contains(number) => {
                T::try_from(*number).map_err(|_| Wrong::Value)
            }
            _ => Err(Wrong::Value),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, Wrong> {
        self.number::<u8>(0, 1).map(|number| number == 1)
    }

    /// libvirt writes ports in quotes.
    pub(super) fn port(&self) -> Result<u16, Wrong> {
        match self {
            Self::Text(text) => text.parse().ok().filter(|port| *port > 0).ok_or(Wrong::Value),
            _ => self.number(1, 65535),
        }
    }

    /// Permission bits in octal, in quotes.
    pub(super) fn permissions(&self) -> Result<u32, Wrong> {
        let bits = u32::from_str_radix(self.text()?, 8).ok();
        bits.filter(|bits| *bits <= 0o777).ok_or(Wrong::Value)
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self) -> Result<Vec<String>, Wrong> {
        match self {
            Self::Text(text) if text.is_empty() => Ok(Vec::new()),
            Self::Text(text) => Ok(vec![text.clone()]),
            Self::List(values) => {
                values.iter().map(|value| value.text().map(str::to_owned)).collect()
            }
            Self::Integer(_) => Err(Wrong::Value),
        }
    }

    /// A list of texts, in brackets even where it is one.
    pub(super) fn list(&self) -> Result<Vec<String>, Wrong> {
        if matches!(self, Self::List(_)) { self.texts() } else { Err(Wrong::Value) }
    }

    /// An address, or what can be the name of a host.
    pub(super) fn host(&self) -> Result<&str, Wrong> {
        let text = self.text()?;
        let number = text.split_once('%').map_or(text, |(number, _)| number);
        let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = text.chars().all(letter) && text.contains(|c: char| c.is_ascii_alphabetic());
        if name || number.parse::<IpAddr>().is_ok() { Ok(text) } else { Err(Wrong::Value) }
    }

    /// Entries between blanks, each of which has to be understood.
    pub(super) fn entries<T>(
        &self,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, Wrong> {
        let Self::Text(text) = self else {
            return Err(Wrong::Value);
        };
        let parse = |entry| match parse(entry) {
            Ok(parsed) => Ok(parsed),
            Err(expected) => because(format!("`{entry}`: {expected}")),
        };
        text.split_whitespace().map(parse).collect()
    }
}
