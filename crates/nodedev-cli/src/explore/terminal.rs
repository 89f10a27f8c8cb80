//! The terminal: taken over, and given back whatever happens.

use std::io::{self, Stdout, stdout};
use std::panic;

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

/// The terminal while it is ours; dropping this gives it back.
pub(super) struct Screen(Terminal<CrosstermBackend<Stdout>>);

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        give_back_at_panic();
        enable_raw_mode()?;
        // From here on there is something to give back.
        let screen = Terminal::new(CrosstermBackend::new(stdout())).map(Self);
        if screen.is_err() {
            give_back();
        }
        let screen = screen?;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.0.draw(draw).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // Where it cannot be given back there is nobody to tell.
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// The message of a panic is to be read on the screen that was there before.
fn give_back_at_panic() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        give_back();
        hook(info);
    }));
}
