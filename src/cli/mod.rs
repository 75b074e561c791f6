//! The command-line program: arguments in, library calls, text or JSON out.

mod classify;
mod convert;
mod demo;
mod device;
mod extract;
mod inspect;
mod progress;
mod synth;

use clap::{Parser, Subcommand};

use crate::Result;

/// The hateful-meme classifier MemeCLIP: hate, target, stance and humor of a meme, each with probabilities. Without a
/// command: `demo`.
#[derive(Parser)]
#[command(version, about)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Classify(classify::Classify),
    Convert(convert::Convert),
    Demo(demo::Demo),
    Extract(extract::Extract),
    Inspect(inspect::Inspect),
    Synth(synth::Synth),
}

impl Arguments {
    pub fn run(self) -> Result<()> {
        match self.command.unwrap_or_else(|| Command::Demo(demo::Demo::default())) {
            Command::Classify(command) => command.run(),
            Command::Convert(command) => command.run(),
            Command::Demo(command) => command.run(),
            Command::Extract(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Synth(command) => command.run(),
        }
    }
}
