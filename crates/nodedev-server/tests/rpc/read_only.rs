//! Nothing changes anything through a read-only connection, however it became one.

use nodedev_rpc::{Header, PROCEDURES};

use crate::client::Client;
use crate::rig::Rig;

async fn assert_changes_nothing(client: &mut Client) {
    for info in PROCEDURES.iter().filter(|info| info.changes) {
        let error = client.raw(Header::call(info.number, 0), &[0; 64]).await.unwrap_err();
        let text = format!("operation forbidden: read only access prevents {}", info.api);
        assert_eq!(error, (29, 22, text), "{}", info.name);
    }
    let looking = PROCEDURES.iter().filter(|info| !info.changes && info.number != 2);
    for info in looking {
        let answer = client.raw(Header::call(info.number, 0), &[0; 64]).await;
        assert!(
            answer.is_ok_and(|_| true) || !is_refused(client, info.number).await,
            "{}",
            info.name
        );
    }
}

async fn is_refused(client: &mut Client, number: i32) -> bool {
    let answer = client.raw(Header::call(number, 0), &[0; 64]).await;
    answer.is_err_and(|(code, ..)| code == 29)
}

#[tokio::test]
async fn by_its_socket() {
    let rig = Rig::start().await;
    let mut client = Client::connect(&rig.socket("ro")).await;
    client.open(0).await;
    assert_changes_nothing(&mut client).await;
}

#[tokio::test]
async fn by_its_own_wish() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.open(1).await;
    assert_changes_nothing(&mut client).await;
}

#[tokio::test]
async fn other_flags_of_opening_mean_nothing() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.open(0xffff_fffe).await;
    for info in PROCEDURES.iter().filter(|info| info.changes) {
        assert!(!is_refused(&mut client, info.number).await, "{}", info.name);
    }
}
