//! The host's side of `hmp` and `qmp`: takes requests from the guest and asks QEMU.
//!
//! Events of QEMU go nowhere. The guest's side, and the form of requests, is `guest/monitor.sh`.

use std::io::{self, BufRead, BufReader, Write};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Answers requests until one side is gone.
///
/// # Errors
///
/// When a side is gone in the middle of a request, or QEMU says something that is no JSON.
pub(super) fn serve(
    guest: (impl io::Read, impl Write),
    qemu: (impl io::Read, impl Write),
) -> Result<()> {
    let (requests, mut answers) = (BufReader::new(guest.0), guest.1);
    let mut qemu = Qemu { from: BufReader::new(qemu.0), to: qemu.1 };
    qemu.ask(&json!({ "execute": "qmp_capabilities" }))?;
    for request in requests.lines() {
        let request = request?;
        let mut words = request.splitn(3, ' ');
        let number = words.next().unwrap_or_default();
        let answer = match words.next() {
            Some("hmp") => hmp(&mut qemu, words.next().unwrap_or_default())?,
            _ => qmp(&mut qemu, words.next().unwrap_or_default())?,
        };
        answers.write_all(answer.lines(number).as_bytes())?;
    }
    Ok(())
}

#[derive(Debug)]
struct Answer {
    succeeded: bool,
    text: String,
}

impl Answer {
    fn lines(&self, number: &str) -> String {
        let status = u8::from(!self.succeeded);
        let mut lines = format!("{number} {status} {}\n", self.text.lines().count());
        for line in self.text.lines() {
            lines.push_str(line.trim_end_matches('\r'));
            lines.push('\n');
        }
        lines
    }
}

/// How a refusal ends that begins with any word.
const HINT: &str = "Try \"help ";

/// QEMU has one kind of answer for these, so a refusal shows by its text alone.
fn hmp<R: io::Read, W: Write>(qemu: &mut Qemu<R, W>, command: &str) -> Result<Answer> {
    let arguments = json!({ "command-line": command });
    let answer =
        qemu.ask(&json!({ "execute": "human-monitor-command", "arguments": arguments }))?;
    let text = answer["return"].as_str().map_or_else(|| answer.to_string(), str::to_owned);
    let refused = text.starts_with("Error")
        || text.starts_with("unknown command")
        || text.lines().any(|line| line.starts_with(HINT));
    Ok(Answer { succeeded: answer.get("return").is_some() && !refused, text })
}

fn qmp<R: io::Read, W: Write>(qemu: &mut Qemu<R, W>, request: &str) -> Result<Answer> {
    let request = match serde_json::from_str(request) {
        Ok(request) => request,
        Err(error) => return Ok(Answer { succeeded: false, text: format!("no JSON: {error}") }),
    };
    let answer = qemu.ask(&request)?;
    Ok(Answer { succeeded: answer.get("return").is_some(), text: answer.to_string() })
}

#[derive(Debug)]
struct Qemu<R, W> {
    from: BufReader<R>,
    to: W,
}

impl<R: io::Read, W: Write> Qemu<R, W> {
    fn ask(&mut self, request: &Value) -> Result<Value> {
        self.to.write_all(format!("{request}\n").as_bytes())?;
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line)? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let answer: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
            // The greeting and events have neither.
            if answer.get("return").is_some() || answer.get("error").is_some() {
                return Ok(answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &str = "{\"QMP\":{}}\n{\"return\":{}}\n";

    fn talk(requests: &str, qemu: &str) -> (String, String) {
        let (mut answers, mut asked) = (Vec::new(), Vec::new());
        let qemu = format!("{GREETING}{qemu}");
        serve((requests.as_bytes(), &mut answers), (qemu.as_bytes(), &mut asked)).unwrap();
        (String::from_utf8(answers).unwrap(), String::from_utf8(asked).unwrap())
    }

    #[test]
    fn a_command_is_wrapped_and_its_text_unwrapped() {
        let (answers, asked) =
            talk("12 hmp info \"x\"\n", "{\"event\":\"E\"}\n{\"return\":\"a\\r\\nb\\r\\n\"}\n");
        assert_eq!(answers, "12 0 2\na\nb\n");
        assert!(asked.contains(r#"{"command-line":"info \"x\""}"#), "{asked}");
    }

    #[test]
    fn a_refusal_is_no_success() {
        let (answers, _) = talk("1 hmp device_add x\n", "{\"return\":\"Error: no x\\r\\n\"}\n");
        assert_eq!(answers, "1 1 1\nError: no x\n");
        let (answers, _) = talk("1 hmp info status x\n", r#"{"return":"x: y\nTry \"help x\""}"#);
        assert!(answers.starts_with("1 1 2\n"), "{answers}");
        let (answers, _) = talk("2 qmp {\"execute\":\"x\"}\n", "{\"error\":{\"class\":\"y\"}}\n");
        assert_eq!(answers, "2 1 1\n{\"error\":{\"class\":\"y\"}}\n");
    }

    #[test]
    fn what_is_no_json_does_not_reach_qemu() {
        let (answers, asked) = talk("3 qmp nonsense\n", "");
        assert!(answers.starts_with("3 1 1\nno JSON: "), "{answers}");
        assert!(!asked.contains("nonsense"));
    }
}
