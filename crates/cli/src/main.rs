//! The command-line program: arguments in, library calls, text or JSON out.

#[cfg(feature = "train")]
mod ablate;
mod classify;
mod convert;
mod device;
mod eval;
mod extract;
#[cfg(feature = "train")]
mod fit;
mod heads;
mod inspect;
mod progress;
mod read;
mod synth;
#[cfg(feature = "train")]
mod train;
mod why;
#[cfg(not(feature = "train"))]
mod without_training;

use clap::{Parser, Subcommand};

use memeclip::Result;
#[cfg(not(feature = "train"))]
use without_training::{self as ablate, self as fit, self as train};

/// The hateful-meme classifier MemeCLIP: hate, target, stance and humor of a meme, each with probabilities. Without a
/// command: `demo`.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Ablate(ablate::Ablate),
    Classify(classify::Classify),
    Convert(convert::Convert),
    Eval(eval::Eval),
    Extract(extract::Extract),
    Fit(fit::Fit),
    Inspect(inspect::Inspect),
    Read(read::Read),
    Synth(synth::Synth),
    Train(train::Train),
}

impl Arguments {
    fn run(self) -> Result<()> {
        match self.command {
            Command::Ablate(command) => command.run(),
            Command::Classify(command) => command.run(),
            Command::Convert(command) => command.run(),
            Command::Eval(command) => command.run(),
            Command::Extract(command) => command.run(),
            Command::Fit(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Read(command) => command.run(),
            Command::Synth(command) => command.run(),
            Command::Train(command) => command.run(),
        }
    }
}

/// Training makes and drops tensors of megabytes at every operation; this allocator keeps their pages.
#[cfg(feature = "train")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    match Arguments::parse().run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("memeclip: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
