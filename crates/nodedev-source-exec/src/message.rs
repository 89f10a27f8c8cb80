//! The protocol: one line is one message. Opens nothing and remembers nothing.
//!
//! `docs/exec-source.md` is its description.

use nodedev_types::{DeviceId, Diagnostic, FieldSet, Fields, Severity};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::ExecConfig;
use crate::fields::{self, BadField};

/// Version of the protocol. Within a version messages and members are only added.
pub const PROTOCOL: u64 = 1;

/// Bytes of something bad that are shown.
const EXCERPT: usize = 160;
/// Bytes that the identity of a device may have.
const LONGEST_ID: usize = 1024;

/// What a program can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Hello(Hello),
    /// A listing begins.
    Begin {
        /// The request that it answers.
        answers: Option<u64>,
    },
    /// All that it knows of a device.
    Observation {
        device: DeviceId,
        fields: Fields,
        bad: Vec<BadField>,
    },
    /// A device is there and cannot be read.
    Unreadable {
        device: DeviceId,
        reason: String,
    },
    /// It no longer knows a device.
    Gone {
        device: DeviceId,
    },
    /// The listing is complete.
    End,
    /// Something to tell the operator.
    Diagnostic(Diagnostic),
}

/// The first message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u64,
    pub(crate) name: String,
    /// Whether it lists again when it is asked.
    #[serde(default)]
    pub(crate) answers: bool,
    /// What it is, for people.
    #[serde(default)]
    pub(crate) about: Option<String>,
}

/// Why a line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The device that it would have been about.
    pub(crate) device: Option<DeviceId>,
    pub(crate) problem: String,
}

impl Refused {
    fn new(problem: impl Into<String>) -> Self {
        Self { device: None, problem: problem.into() }
    }
}

/// Whose lines are read, and what they may say.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    name: String,
    /// Of devices of its own.
    own: FieldSet,
    /// Of others' devices.
    others: FieldSet,
}

impl Reader {
    pub(crate) fn new(config: &ExecConfig) -> Self {
        Self {
            name: config.name.clone(),
            own: config.fields.clone().with_namespace(&config.name),
            others: FieldSet::new().with_namespace(&config.name),
        }
    }

    /// What the line says.
    pub(crate) fn read(&self, line: &[u8]) -> Result<Message, Refused> {
        self.parse(line).map_err(|refused| Refused {
            device: refused.device.or_else(|| self.device_meant(line)),
            ..refused
        })
    }

    /// Of a line with too many bytes, of which these are the first.
    pub(crate) fn refuse_too_long(&self, line: &[u8], limit: usize) -> Refused {
        let problem = format!("is longer than {limit} bytes: `{}`", excerpt(line));
        Refused { device: self.device_meant(line), problem }
    }

    /// The device that a line is about that cannot be read: what it was about is in doubt.
    fn device_meant(&self, line: &[u8]) -> Option<DeviceId> {
        const MEMBER: &[u8] = b"\"device\"";
        let at = line.windows(MEMBER.len()).position(|window| window == MEMBER)?;
        let rest = line[at + MEMBER.len()..].trim_ascii_start().strip_prefix(b":")?;
        let text = rest.trim_ascii_start().strip_prefix(b"\"")?;
        let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let text = str::from_utf8(&text[..end]).ok()?;
        self.device(Some(&Value::String(text.to_owned()))).ok()
    }

    fn parse(&self, line: &[u8]) -> Result<Message, Refused> {
        let shown = || excerpt(line);
        let object: Map<String, Value> = serde_json::from_slice(line)
            .map_err(|error| Refused::new(format!("is no JSON object: {error}: `{}`", shown())))?;
        let Some(Value::String(kind)) = object.get("message") else {
            return Err(Refused::new(format!("has no text `message`: `{}`", shown())));
        };
        let mut refused = match &**kind {
            "hello" => return members(object).map(Message::Hello),
            "begin" => return members(object).map(|Begin { answers }| Message::Begin { answers }),
            "end" => return Ok(Message::End),
            "diagnostic" => return self.diagnostic(object),
            "observation" | "unreadable" | "gone" => return self.about_device(object),
            other => Refused::new(format!(
                "there is no message `{}` in version {PROTOCOL} of the protocol",
                excerpt(other.as_bytes())
            )),
        };
        refused.problem += &format!(": `{}`", shown());
        Err(refused)
    }

    fn about_device(&self, mut object: Map<String, Value>) -> Result<Message, Refused> {
        let device = self.device(object.get("device"))?;
        let refuse = |problem: String| Refused { device: Some(device.clone()), problem };
        match object.get("message").and_then(Value::as_str) {
            Some("gone") => Ok(Message::Gone { device }),
            Some("unreadable") => {
                let Unreadable { reason } = members(object).map_err(|r| refuse(r.problem))?;
                Ok(Message::Unreadable { device, reason: excerpt(reason.as_bytes()) })
            }
            _ => match object.remove("fields") {
                Some(Value::Object(said)) => {
                    let own = matches!(device, DeviceId::Foreign { .. });
                    let (fields, bad) =
                        fields::read(said, if own { &self.own } else { &self.others });
                    Ok(Message::Observation { device, fields, bad })
                }
                Some(other) => {
                    let shown = excerpt(other.to_string().as_bytes());
                    Err(refuse(format!("`fields` is no object: `{shown}`")))
                }
                None => Err(refuse("has no `fields`".to_owned())),
            },
        }
    }

    fn device(&self, said: Option<&Value>) -> Result<DeviceId, Refused> {
        let Some(Value::String(text)) = said else {
            return Err(Refused::new("has no text `device`"));
        };
        let refuse =
            |why: String| Refused::new(format!("`device`: {why}: `{}`", excerpt(text.as_bytes())));
        if text.len() > LONGEST_ID || text.chars().any(char::is_control) {
            return Err(refuse(format!("longer than {LONGEST_ID} bytes, or not printable")));
        }
        let device: DeviceId = text.parse().map_err(|error| refuse(format!("{error}")))?;
        match &device {
            DeviceId::Foreign { namespace, .. } if **namespace != *self.name => {
                Err(refuse(format!("only `{}:…` are this source's own", self.name)))
            }
            DeviceId::Foreign { key, .. } if key.is_empty() => Err(refuse("has no key".to_owned())),
            _ => Ok(device),
        }
    }

    fn diagnostic(&self, object: Map<String, Value>) -> Result<Message, Refused> {
        let said: Told = members(object)?;
        let subject = said.subject.as_deref().unwrap_or(&self.name);
        let text = excerpt(said.text.as_bytes());
        let mut told = Diagnostic::warning(excerpt(subject.as_bytes()), text);
        told.attribute = said.attribute.map(|attribute| excerpt(attribute.as_bytes()));
        Ok(Message::Diagnostic(told.with_severity(said.severity.unwrap_or(Severity::Warning))))
    }
}

#[derive(Deserialize)]
struct Begin {
    #[serde(default)]
    answers: Option<u64>,
}

#[derive(Deserialize)]
struct Unreadable {
    reason: String,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    severity: Option<Severity>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    attribute: Option<String>,
    text: String,
}

fn members<T: for<'de> Deserialize<'de>>(object: Map<String, Value>) -> Result<T, Refused> {
    let shown = excerpt(Value::Object(object.clone()).to_string().as_bytes());
    serde_json::from_value(Value::Object(object))
        .map_err(|error| Refused::new(format!("{error}: `{shown}`")))
}

/// The request to list again.
pub(crate) fn look(id: u64) -> String {
    format!("{{\"message\":\"look\",\"id\":{id}}}\n")
}

/// The beginning of some bytes, fit to be shown.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT)]);
    let mut shown = String::new();
    for char in text.chars() {
        if char.is_control() { shown.extend(char.escape_default()) } else { shown.push(char) }
    }
    if bytes.len() > EXCERPT {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Message, String> {
        let config = ExecConfig::new("acme", "/x").unwrap();
        Reader::new(&config).read(line.as_bytes()).map_err(|refused| refused.problem)
    }

    #[test]
    fn every_message_is_read() {
        let hello = read(r#"{"message":"hello","protocol":1,"name":"acme","later":[]}"#).unwrap();
        let expected = Hello { protocol: 1, name: "acme".to_owned(), answers: false, about: None };
        assert_eq!(hello, Message::Hello(expected));
        assert_eq!(read(r#"{"message":"begin"}"#), Ok(Message::Begin { answers: None }));
        let begin = read(r#"{"message":"begin","answers":7}"#);
        assert_eq!(begin, Ok(Message::Begin { answers: Some(7) }));
        let said = read(r#"{"message":"observation","device":"acme:a","fields":{"driver":"d"}}"#);
        let Ok(Message::Observation { device, fields, bad }) = said else { panic!("{said:?}") };
        assert_eq!((device.to_string(), fields.len(), bad.len()), ("acme:a".to_owned(), 1, 0));
        let gone = read(r#"{"message":"gone","device":"acme:a"}"#).unwrap();
        assert_eq!(gone, Message::Gone { device });
        assert!(matches!(
            read(r#"{"message":"unreadable","device":"acme:a","reason":"EIO"}"#),
            Ok(Message::Unreadable { reason, .. }) if reason == "EIO"
        ));
        assert_eq!(read(r#"{"message":"end"}"#), Ok(Message::End));
        let told = read(r#"{"message":"diagnostic","severity":"info","text":"slow"}"#).unwrap();
        let Message::Diagnostic(told) = told else { panic!("{told:?}") };
        assert_eq!((told.to_string(), told.severity), ("acme: slow".to_owned(), Severity::Info));
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_value() {
        for (line, expected) in [
            ("", "is no JSON object: EOF"),
            ("{", "is no JSON object: EOF while parsing an object at line 1 column 1: `{`"),
            ("[]", "is no JSON object: invalid type: sequence"),
            ("{}", "has no text `message`: `{}`"),
            (r#"{"message":1}"#, "has no text `message`"),
            (r#"{"message":"hop"}"#, "there is no message `hop` in version 1"),
            (r#"{"message":"gone"}"#, "has no text `device`"),
            (r#"{"message":"gone","device":"b:a"}"#, "only `acme:…` are this source's own: `b:a`"),
            (r#"{"message":"gone","device":"acme:"}"#, "has no key"),
            (r#"{"message":"gone","device":"acme"}"#, "not a device identity"),
            (r#"{"message":"gone","device":"/etc"}"#, "not a device identity"),
            (r#"{"message":"gone","device":"acme:\n"}"#, "not printable: `acme:\\n`"),
            (r#"{"message":"observation","device":"acme:a"}"#, "has no `fields`"),
            (r#"{"message":"observation","device":"acme:a","fields":[]}"#, "is no object: `[]`"),
            (r#"{"message":"hello","protocol":"1","name":"acme"}"#, "invalid type: string"),
            (r#"{"message":"begin","answers":-1}"#, "invalid value: integer `-1`"),
            (r#"{"message":"diagnostic"}"#, "missing field `text`"),
        ] {
            let refused = read(line).unwrap_err();
            assert!(refused.contains(expected), "{line}: {refused}");
        }
    }

    #[test]
    fn the_device_that_a_bad_line_is_about_is_found_where_it_can_be() {
        let reader = Reader::new(&ExecConfig::new("acme", "/x").unwrap());
        let meant = |line: &[u8]| Some(reader.read(line).unwrap_err().device?.to_string());
        let device = Some("acme:a".to_owned());
        assert_eq!(meant(br#"{"message":"observation","device" : "acme:a","fie"#), device);
        assert_eq!(meant(b"{\"device\":\"acme:a\",\"x\":\"\xff\"}"), device);
        assert_eq!(meant(br#"{"message":"observation","device":"acme:a"}"#), device);
        for none in [&br#"{"device":"acme:a"#[..], br#"{"device":"b:a","#, br#"{"device":7,"#, b"?"]
        {
            assert_eq!(meant(none), None);
        }
        let long = reader.refuse_too_long(br#"{"device":"acme:a","fields":{"#, 9);
        assert_eq!(long.device.map(|device| device.to_string()), device);
    }

    #[test]
    fn of_others_devices_only_the_own_name_space_is_said() {
        let line = r#"{"message":"observation","device":"/sys/devices/a",
            "fields":{"driver":"d","extensions":{"acme":{"slot":1}}}}"#;
        let Ok(Message::Observation { fields, bad, .. }) = read(line) else { panic!() };
        assert_eq!((fields.len(), bad.len(), &*bad[0].name), (1, 1, "driver"));
    }

    #[test]
    fn what_is_shown_is_short_and_printable() {
        let shown = excerpt(&[b"a\x1b\xff".as_slice(), &[b'x'; 500]].concat());
        assert!(shown.starts_with("a\\u{1b}\u{fffd}xx") && shown.ends_with("x…"), "{shown}");
        assert!(shown.chars().count() < EXCERPT + 20);
    }
}
