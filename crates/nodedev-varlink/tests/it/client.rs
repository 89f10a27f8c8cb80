//! The client against a service that says what the test wants.

use nodedev_types::DeviceName;
use nodedev_varlink::{Client, ClientError, Error, Filter, INTERFACE, Since};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;

use crate::samples;

/// Answers each call on one connection with the next replies, then closes it. Returns the calls.
async fn service(listener: UnixListener, answers: Vec<Vec<Value>>) -> Vec<Value> {
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    let mut calls = Vec::new();
    for replies in answers {
        let mut call = Vec::new();
        stream.read_until(0, &mut call).await.unwrap();
        calls.push(serde_json::from_slice(call.strip_suffix(b"\0").unwrap()).unwrap());
        for reply in replies {
            stream.write_all(format!("{reply}\0").as_bytes()).await.unwrap();
        }
    }
    calls
}

/// A connected client, and the service at the other end.
async fn connected(answers: Vec<Vec<Value>>) -> (Client, tokio::task::JoinHandle<Vec<Value>>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let service = tokio::spawn(service(listener, answers));
    (Client::connect(&socket).await.unwrap(), service)
}

#[tokio::test]
async fn calls_and_answers_keep_everything() {
    let (mut client, service) = connected(vec![
        vec![json!({ "parameters": samples::list() })],
        vec![json!({ "parameters": samples::found() })],
        vec![json!({ "parameters": samples::explanation() })],
        vec![json!({ "parameters": samples::sources() })],
        vec![json!({ "parameters": samples::info() })],
    ])
    .await;
    assert_eq!(client.list(&samples::filter()).await.unwrap(), samples::list());
    assert_eq!(client.get(&samples::name(), true).await.unwrap(), samples::found());
    assert_eq!(client.explain(&samples::name()).await.unwrap(), samples::explanation());
    assert_eq!(client.sources().await.unwrap(), samples::sources());
    assert_eq!(client.info().await.unwrap(), samples::info());
    let calls = service.await.unwrap();
    assert_eq!(calls[0]["method"], format!("{INTERFACE}.List"));
    assert_eq!(calls[0]["parameters"], json!(samples::filter()));
    assert_eq!(calls[1]["parameters"], json!(samples::wanted()));
}

#[tokio::test]
async fn refusals_and_rubbish_are_told_apart() {
    let refused = Error::NoSuchDevice { name: samples::name() };
    let (mut client, _service) = connected(vec![
        vec![json!(refused)],
        vec![json!({ "error": "org.example.New", "parameters": {} })],
        vec![json!({ "error": "org.varlink.service.InvalidParameter", "parameters": { "parameter": "name" } })],
        vec![json!({ "parameters": { "devices": 1 } })],
        vec![],
    ])
    .await;
    match client.explain(&samples::name()).await.unwrap_err() {
        ClientError::Refused(error) => assert_eq!(error, refused),
        other => panic!("{other:?}"),
    }
    let unknown = client.explain(&samples::name()).await.unwrap_err();
    assert!(unknown.to_string().contains("org.example.New"), "{unknown}");
    let invalid = client.explain(&DeviceName::new("")).await.unwrap_err();
    assert!(invalid.to_string().contains("nvalid parameter: name"), "{invalid}");
    let rubbish = client.list(&Filter::default()).await.unwrap_err();
    assert!(matches!(rubbish, ClientError::Unusable { .. }), "{rubbish:?}");
    let closed = client.sources().await.unwrap_err();
    assert!(matches!(closed, ClientError::Closed), "{closed:?}");
}

#[tokio::test]
async fn a_watch_goes_on_until_the_service_ends() {
    let reply = |continues| json!({ "parameters": samples::watch_reply(), "continues": continues });
    let ended = json!(Error::Ended);
    let (client, service) = connected(vec![vec![reply(true), reply(true), ended]]).await;
    let mut watch = client.watch(&Since::default()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(watch.next().await.unwrap(), samples::watch_reply());
    }
    let end = watch.next().await.unwrap_err();
    assert!(matches!(end, ClientError::Refused(Error::Ended)), "{end:?}");
    assert_eq!(service.await.unwrap()[0]["more"], true);
}

#[tokio::test]
async fn without_a_service_there_is_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let error = Client::connect(&folder.path().join("none")).await.unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)), "{error:?}");
}
