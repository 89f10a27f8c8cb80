//! `nodedev explore`: a terminal browser. Waits for keys, news and signals; keeps and draws nothing itself.

mod draw;
mod feed;
mod keys;
mod model;
mod outline;
mod terminal;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _};
use std::pin::{Pin, pin};

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_core::Stream as _;
use nodedev_types::DeviceName;
use tokio::sync::{mpsc, watch};

use self::draw::Ground;
use self::feed::News;
use self::model::{Model, Step};
use self::terminal::Screen;
use crate::args::{Args, List};
use crate::connect::Connection;
use crate::list;
use crate::output::Output;
use crate::record::Signals;
use crate::status::Failure;

/// News that may wait to be drawn; then their source waits.
const NEWS: usize = 64;

pub(crate) async fn run(
    args: &Args,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        let tree = List { tree: true, all: true, ..List::default() };
        return list::run(&tree, connection, output).await;
    }
    if args.verbose > 0 && io::stderr().is_terminal() {
        let text = "the log would be written over the screen: 2>FILE puts it elsewhere";
        return Err(Failure::Other(text.to_owned()));
    }
    let mut signals = Signals::of_terminal()?;
    let ground = Ground { color: output.has_color(), lines: output.lines() };
    let (news_sender, news) = mpsc::channel(NEWS);
    let (wanted_sender, wanted) = watch::channel(None);
    let mut screen = Screen::open().map_err(|error| Failure::other("no terminal", error))?;
    let looking = look(&mut screen, &ground, news, &wanted_sender);
    tokio::select! {
        done = looking => done.map_err(|error| Failure::other("the terminal failed", error)),
        failure = feed::run(connection, &news_sender, wanted) => Err(failure),
        () = signals.next() => Ok(()),
    }
}

/// Until the user has seen enough.
async fn look(
    screen: &mut Screen,
    ground: &Ground,
    mut news: mpsc::Receiver<News>,
    wanted: &watch::Sender<Option<(DeviceName, u64)>>,
) -> io::Result<()> {
    let mut model = Model::default();
    let mut events = pin!(EventStream::new());
    loop {
        screen.draw(|frame| draw::draw(&mut model, ground, frame))?;
        let step = tokio::select! {
            event = next(events.as_mut()) => match event {
                Some(event) => take(&mut model, &event?),
                // Nobody sits there any more.
                None => Step::End,
            },
            Some(news) = news.recv() => model.hear(news),
        };
        // What comes with it is drawn with it.
        while let Ok(news) = news.try_recv() {
            model.hear(news);
        }
        if step == Step::End {
            return Ok(());
        }
        let chosen = model.wanted();
        wanted.send_if_modified(|wanted| std::mem::replace(wanted, chosen.clone()) != chosen);
    }
}

fn take(model: &mut Model, event: &Event) -> Step {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => model.press(*key),
        // A new size is drawn with the next picture, which comes now.
        _ => Step::Go,
    }
}

async fn next(mut events: Pin<&mut EventStream>) -> Option<io::Result<Event>> {
    std::future::poll_fn(|context| events.as_mut().poll_next(context)).await
}
