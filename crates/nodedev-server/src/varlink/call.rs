//! One call: which method, with which parameters, and how a wrong one is refused.

use nodedev_types::DeviceName;
use nodedev_varlink::{Action, Error, Filter, INTERFACE, Named, SERVICE_INTERFACE, Since, Wanted};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zlink::varlink_service;

use crate::echo::shortened;

/// So many methods, the first ones, are those that every varlink service has.
const OF_EVERY_SERVICE: usize = 2;
/// The methods by their names.
pub(crate) const METHODS: &[&str] = &[
    "GetInfo",
    "GetInterfaceDescription",
    "List",
    "Get",
    "Explain",
    "Sources",
    "Watch",
    "Define",
    "Create",
    "Start",
    "Stop",
    "Undefine",
    "SetAutostart",
    "Update",
];

/// A call as it comes.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    method: String,
    #[serde(default)]
    parameters: Option<Value>,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Method {
    Info,
    Description { interface: String },
    List(Filter),
    Get(Wanted),
    Explain(Named),
    Sources,
    Watch(Since),
    Act(Action),
}

/// Why a call is refused.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Refusal {
    Own(Error),
    Service(varlink_service::Error<'static>),
}

impl From<Error> for Refusal {
    /// With no more of the client's words than goes into an answer.
    fn from(mut error: Error) -> Self {
        match &mut error {
            Error::NoSuchDevice { name } | Error::NotPersistent { name } => {
                *name = DeviceName::new(&shortened(name.to_string()));
            }
            Error::ActionRefused { reason } | Error::ActionFailed { reason } => {
                *reason = shortened(std::mem::take(reason));
            }
            _ => {}
        }
        Self::Own(error)
    }
}

impl From<varlink_service::Error<'static>> for Refusal {
    fn from(error: varlink_service::Error<'static>) -> Self {
        Self::Service(error)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    interface: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Request {
    /// The name of the method, without the interface's; empty for one that there is not.
    pub(super) fn name(&self) -> &'static str {
        let (interface, asked) = self.method.rsplit_once('.').unwrap_or_default();
        let (service, own) = METHODS.split_at(OF_EVERY_SERVICE);
        let names = match interface {
            SERVICE_INTERFACE => service,
            INTERFACE => own,
            _ => &[],
        };
        names.iter().find(|name| **name == asked).copied().unwrap_or_default()
    }

    /// The method with its parameters.
    pub(super) fn method(&self) -> Result<Method, Refusal> {
        let Self { method, parameters } = self;
        let parameters = parameters.as_ref();
        let (interface, name) = method.rsplit_once('.').unwrap_or(("", method));
        match (interface, name) {
            (SERVICE_INTERFACE, "GetInfo") => read(parameters).map(|Nothing {}| Method::Info),
            (SERVICE_INTERFACE, "GetInterfaceDescription") => {
                read(parameters).map(|Described { interface }| Method::Description { interface })
            }
            (INTERFACE, "List") => read(parameters).map(Method::List),
            (INTERFACE, "Get") => read(parameters).map(Method::Get),
            (INTERFACE, "Explain") => read(parameters).map(Method::Explain),
            (INTERFACE, "Sources") => read(parameters).map(|Nothing {}| Method::Sources),
            (INTERFACE, "Watch") => read(parameters).map(Method::Watch),
            (INTERFACE, name) => action(name, parameters).unwrap_or_else(|| Err(no_method(method))),
            (SERVICE_INTERFACE, _) => Err(no_method(method)),
            _ => Err(no_interface(interface)),
        }
    }
}

/// The action of that name, if there is one.
fn action(name: &str, parameters: Option<&Value>) -> Option<Result<Method, Refusal>> {
    let action = match name {
        "Define" => read(parameters).map(Action::Define),
        "Create" => read(parameters).map(Action::Create),
        "Start" => read(parameters).map(Action::Start),
        "Stop" => read(parameters).map(Action::Stop),
        "Undefine" => read(parameters).map(Action::Undefine),
        "SetAutostart" => read(parameters).map(Action::SetAutostart),
        "Update" => read(parameters).map(Action::Update),
        _ => return None,
    };
    Some(action.map(Method::Act))
}

pub(super) fn no_interface(interface: &str) -> Refusal {
    let interface = shortened(interface.to_owned()).into();
    varlink_service::Error::InterfaceNotFound { interface }.into()
}

fn no_method(method: &str) -> Refusal {
    let method = shortened(method.to_owned()).into();
    varlink_service::Error::MethodNotFound { method }.into()
}

pub(super) fn invalid(parameter: &str) -> Refusal {
    let parameter = shortened(parameter.to_owned()).into();
    varlink_service::Error::InvalidParameter { parameter }.into()
}

fn read<P: DeserializeOwned>(parameters: Option<&Value>) -> Result<P, Refusal> {
    let nothing = Map::new();
    let parameters = match parameters {
        None | Some(Value::Null) => &nothing,
        Some(Value::Object(parameters)) => parameters,
        Some(_) => return Err(invalid("parameters")),
    };
    P::deserialize(parameters).map_err(|error| invalid(&culprit::<P>(parameters, &error)))
}

/// Name of the parameter that is wrong: the one that cannot be read by itself either, or else the
/// one that is missing.
fn culprit<P: DeserializeOwned>(
    parameters: &Map<String, Value>,
    error: &serde_json::Error,
) -> String {
    let is_wrong = |(name, value): &(&String, &Value)| {
        let alone = Map::from_iter([((*name).clone(), (*value).clone())]);
        P::deserialize(&alone).is_err_and(|error| missing(&error).is_none())
    };
    match parameters.iter().find(is_wrong) {
        Some((name, _)) => name.clone(),
        None => missing(error).unwrap_or_else(|| "parameters".to_owned()),
    }
}

fn missing(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let name = text.strip_prefix("missing field `")?.split_once('`')?.0;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_methods_that_there_are_have_a_name() {
        let name = |method: &str| {
            let request =
                serde_json::from_value::<Request>(serde_json::json!({ "method": method }));
            request.unwrap().name()
        };
        for method in METHODS {
            let of_ours = name(&format!("{INTERFACE}.{method}"));
            let of_every_service = name(&format!("{SERVICE_INTERFACE}.{method}"));
            let is_of_every = method.starts_with("GetI");
            let expected = if is_of_every { ("", *method) } else { (*method, "") };
            assert_eq!((of_ours, of_every_service), expected, "{method}");
            assert_eq!(name(&format!("org.other.{method}")), "", "{method}");
            assert_eq!(name(method), "", "{method}");
        }
        assert_eq!(name(&format!("{INTERFACE}.Reset")), "");
    }
}
