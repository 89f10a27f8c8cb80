//! What comes from the list: all of it at first, then what happens; the fields of the device in sight.
//!
//! A daemon that goes away is waited for. Never draws.

use std::time::Duration;

use nodedev_types::DeviceName;
use nodedev_varlink::{Change, Explanation, Filter, Row, WatchReply};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::connect::{Connection, Watch};
use crate::health;
use crate::status::Failure;

/// Pauses before a daemon that has gone is looked for again: nothing tells that it is back.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);
/// How often sources are asked for: nothing tells that what one has said has become stale.
const SOURCES: Duration = Duration::from_secs(5);

/// Something to be shown.
#[derive(Debug)]
pub(super) enum News {
    /// All devices, and who says so.
    List { who: String, rows: Vec<Row> },
    /// What speaks against taking that list for complete and current.
    Warnings(Vec<String>),
    /// What has happened.
    Happened(Vec<Change>),
    /// Some of what happened was lost.
    Missed,
    /// Why each field of the device is what it is; or why that cannot be told.
    Explained(DeviceName, Result<Box<Explanation>, String>),
    /// Nobody answers any more, for this reason.
    Lost(String),
}

/// Which device is in sight, and how often it was asked to be read.
type Wanted = watch::Receiver<Option<(DeviceName, u64)>>;

/// Ends only with what cannot be waited for.
pub(super) async fn run(
    connection: &mut Connection,
    news: &mpsc::Sender<News>,
    mut wanted: Wanted,
) -> Failure {
    let mut pause = FIRST;
    loop {
        let Err(failure) = follow(connection, news, &mut wanted, &mut pause).await;
        if !connection.can_return() {
            return failure;
        }
        tell(news, News::Lost(failure.to_string())).await;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
            match connection.reopen().await {
                Ok(()) => break,
                Err(failure) => tell(news, News::Lost(failure.to_string())).await,
            }
        }
    }
}

/// There is no value of it.
enum Never {}

async fn follow(
    connection: &mut Connection,
    news: &mpsc::Sender<News>,
    wanted: &mut Wanted,
    pause: &mut Duration,
) -> Result<Never, Failure> {
    let mut watch: Watch = connection.watch().await?;
    // It has begun with the first reply, which may have to wait for polkit: a list that is read sooner could be
    // older than what is followed.
    watch.next().await?;
    list(connection, news).await?;
    *pause = FIRST;
    wanted.mark_changed();
    let mut sources = tokio::time::interval(SOURCES);
    sources.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            reply = watch.next() => happen(connection, news, reply?, wanted).await?,
            _ = sources.tick() => warn(connection, news).await?,
            changed = wanted.changed() => match changed {
                Ok(()) => explain(connection, news, wanted).await?,
                // Nobody looks any more: this is about to be dropped.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

async fn happen(
    connection: &mut Connection,
    news: &mpsc::Sender<News>,
    reply: WatchReply,
    wanted: &mut Wanted,
) -> Result<(), Failure> {
    if !reply.sources.is_empty() {
        warn(connection, news).await?;
    }
    if reply.missed {
        tell(news, News::Missed).await;
    }
    if !reply.missed && reply.changes.is_empty() {
        return Ok(());
    }
    let name = wanted.borrow().as_ref().map(|(name, _)| name.clone());
    let concerns =
        reply.missed || reply.changes.iter().any(|change| Some(&change.name) == name.as_ref());
    tell(news, News::Happened(reply.changes)).await;
    list(connection, news).await?;
    if concerns {
        wanted.mark_changed();
    }
    Ok(())
}

async fn list(connection: &mut Connection, news: &mpsc::Sender<News>) -> Result<(), Failure> {
    let rows = connection.list(&Filter::default()).await?.devices;
    tell(news, News::List { who: connection.who(), rows }).await;
    Ok(())
}

async fn warn(connection: &mut Connection, news: &mpsc::Sender<News>) -> Result<(), Failure> {
    let sources = connection.sources().await?.sources;
    tell(news, News::Warnings(health::warnings(&sources))).await;
    Ok(())
}

async fn explain(
    connection: &mut Connection,
    news: &mpsc::Sender<News>,
    wanted: &mut Wanted,
) -> Result<(), Failure> {
    let Some((name, _)) = wanted.borrow_and_update().clone() else { return Ok(()) };
    let explained = match connection.explain(&name).await {
        Ok(explanation) => Ok(Box::new(explanation)),
        Err(failure @ Failure::NoSuchDevice(_)) => Err(failure.to_string()),
        Err(failure) => return Err(failure),
    };
    tell(news, News::Explained(name, explained)).await;
    Ok(())
}

async fn tell(news: &mpsc::Sender<News>, what: News) {
    // With nobody who looks any more this is about to be dropped.
    let _ = news.send(what).await;
}
