//! What is typed at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

/// The longest line that is read, in bytes.
const LONGEST: u64 = 4096;

/// One line of standard input without its end; a terminal does not show it while it is typed.
///
/// # Errors
/// When standard input cannot be read, or the terminal's settings cannot be changed.
pub async fn read_secret() -> io::Result<SecretString> {
    let quiet = Quiet::begin(io::stdin())?;
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().take(LONGEST).read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        line = line => Ok(line.map_err(io::Error::other)??.trim_end_matches(['\r', '\n']).into()),
        // The terminal would stay silent for whoever types next. The read cannot be called off, so the process ends here.
        _ = tokio::signal::ctrl_c() => {
            drop(quiet);
            std::process::exit(130)
        }
    }
}

/// A terminal that shows nothing of what is typed until it is dropped; nothing to do where there is no terminal.
struct Quiet {
    input: Stdin,
    before: Option<Termios>,
}

impl Quiet {
    fn begin(input: Stdin) -> io::Result<Self> {
        if !input.is_terminal() {
            return Ok(Self { input, before: None });
        }
        let before = tcgetattr(&input)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // The line's end is shown, so that the next sentence begins on a line of its own.
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(&input, OptionalActions::Flush, &silent)?;
        Ok(Self { input, before: Some(before) })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // There is nobody left to tell, and the terminal's own `reset` mends it.
            let _ = tcsetattr(&self.input, OptionalActions::Now, before);
        }
    }
}
