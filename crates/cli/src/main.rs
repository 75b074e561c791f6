//! The command-line program: arguments in, library calls, text or JSON out.

#[cfg(feature = "train")]
mod ablate;
mod classify;
mod convert;
mod demo;
mod device;
mod eval;
mod extension;
mod extract;
#[cfg(feature = "train")]
mod fit;
mod heads;
mod inspect;
mod progress;
mod read;
mod report;
mod synth;
#[cfg(feature = "train")]
mod train;
mod why;
#[cfg(not(feature = "train"))]
mod without_training;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(not(feature = "train"))]
use without_training::{self as ablate, self as fit, self as train};

/// The hateful-meme classifier MemeCLIP: hate, target, stance and humor of a meme, each with probabilities. Without a
/// command: `demo`.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Ablate(ablate::Ablate),
    Classify(classify::Classify),
    Convert(convert::Convert),
    Demo(demo::Demo),
    Eval(eval::Eval),
    Extension(extension::Extension),
    Extract(extract::Extract),
    Fit(fit::Fit),
    Inspect(inspect::Inspect),
    Read(read::Read),
    Synth(synth::Synth),
    Train(train::Train),
}

/// An error of the library, of training or of a build.
type Failure = Box<dyn Error>;

impl Arguments {
    fn run(self) -> Result<(), Failure> {
        match self.command.unwrap_or_else(|| Command::Demo(demo::Demo::default())) {
            Command::Ablate(command) => command.run()?,
            Command::Classify(command) => command.run()?,
            Command::Convert(command) => command.run()?,
            Command::Demo(command) => command.run()?,
            Command::Eval(command) => command.run()?,
            Command::Extension(command) => command.run()?,
            Command::Extract(command) => command.run()?,
            Command::Fit(command) => command.run()?,
            Command::Inspect(command) => command.run()?,
            Command::Read(command) => command.run()?,
            Command::Synth(command) => command.run()?,
            Command::Train(command) => command.run()?,
        }
        Ok(())
    }
}

/// Training makes and drops tensors of megabytes at every operation; this allocator keeps their pages.
#[cfg(feature = "train")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Err(error) = Arguments::parse().run() else { return ExitCode::SUCCESS };
    eprintln!("memeclip: {error}");
    // The messages of the library and of training say their causes; those of a build do not.
    let mut cause = error.downcast_ref::<xtask::Error>().and_then(Error::source);
    while let Some(error) = cause {
        eprintln!("  cause: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
