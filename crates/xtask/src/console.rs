//! What the programs print: answers to standard output ([`say`](crate::say)), everything else to standard error
//! ([`note`](crate::note), [`warn`](crate::warn)). None of these panics.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on [`note`](crate::note) prints nothing.
pub fn silence() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether [`silence`] was called.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Prints a line, or lines, of an answer to standard output. Takes what `println!` takes, and returns [`Error::Output`] if
/// it cannot be written, as when the disk is full or the reader has left.
#[macro_export]
macro_rules! say {
    ($($arguments:tt)*) => { $crate::console::print(format_args!($($arguments)*)) };
}

/// Prints to standard error what a user may not want to read, such as progress.
#[macro_export]
macro_rules! note {
    ($($arguments:tt)*) => { if !$crate::console::is_quiet() { $crate::warn!($($arguments)*) } };
}

/// Prints a warning or an error to standard error.
#[macro_export]
macro_rules! warn {
    ($($arguments:tt)*) => { $crate::console::complain(format_args!($($arguments)*)) };
}

/// See [`say`](crate::say).
#[doc(hidden)]
pub fn print(lines: Arguments) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{lines}").and_then(|()| out.flush()).map_err(Error::Output)
}

/// See [`warn`](crate::warn). If it cannot be printed there is no one to tell, and the work goes on.
#[doc(hidden)]
pub fn complain(lines: Arguments) {
    // In one piece: other programs may print to the same terminal.
    let _ = io::stderr().write_all(format!("{lines}\n").as_bytes());
}

/// Prints why a program ends, and its causes if it is one of this crate's errors: other messages say theirs.
///
/// `status` is the exit status, except when the reader of standard output has left: then the program ends quietly, as one
/// that has done its work.
pub fn fail(program: &str, error: &(dyn std::error::Error + 'static), status: u8) -> ExitCode {
    let own = error.downcast_ref::<Error>();
    if let Some(Error::Output(e)) = own
        && e.kind() == ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    warn!("{program}: {error}");
    let mut cause = own.and_then(std::error::Error::source);
    while let Some(error) = cause {
        warn!("  cause: {error}");
        cause = error.source();
    }
    ExitCode::from(status)
}
