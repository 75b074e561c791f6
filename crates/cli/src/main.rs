//! The command-line program: arguments in, library calls, text or JSON out.

// They panic if they cannot print; use xtask's `say`, `note` and `warn`.
#![deny(clippy::print_stderr, clippy::print_stdout)]

#[cfg(feature = "train")]
mod ablate;
#[cfg(feature = "train")]
mod chat;
mod classify;
mod completions;
mod convert;
mod demo;
mod device;
mod domain;
mod eval;
mod exit_status;
mod extension;
mod extract;
#[cfg(feature = "train")]
mod fit;
mod heads;
mod images;
mod inspect;
mod man;
#[cfg(feature = "train")]
mod phi;
mod progress;
mod pull;
mod read;
mod report;
#[cfg(feature = "train")]
mod reproduce;
mod synth;
#[cfg(feature = "train")]
mod tables;
mod tasks;
#[cfg(feature = "train")]
mod train;
mod why;
#[cfg(not(feature = "train"))]
mod without_training;

use std::process::ExitCode;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use exit_status::{EXIT_STATUS, Failure, USAGE, is_usage};
use xtask::{console, say, warn};

#[cfg(not(feature = "train"))]
use without_training::{self as ablate, self as chat, self as fit, self as phi, self as reproduce, self as train};

/// The hateful-meme classifier MemeCLIP: hate, target, stance and humor of a meme, each with probabilities. Without a
/// command: `demo`.
#[derive(Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version, about, after_help = EXIT_STATUS)]
struct Arguments {
    /// Print answers, warnings and errors, but no progress.
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Ablate(ablate::Ablate),
    Chat(chat::Chat),
    Classify(classify::Classify),
    Completions(completions::Completions),
    Convert(convert::Convert),
    Demo(demo::Demo),
    Domain(domain::Domain),
    Eval(eval::Eval),
    Extension(extension::Extension),
    Extract(extract::Extract),
    Fit(fit::Fit),
    Inspect(inspect::Inspect),
    Man(man::Man),
    Phi(phi::Phi),
    Pull(pull::Pull),
    Read(read::Read),
    Reproduce(reproduce::Reproduce),
    Synth(synth::Synth),
    Train(train::Train),
}

impl Arguments {
    /// Reads the arguments. The value of an option may begin with a dash, as a text or the name of a file may.
    fn read() -> Result<Self, clap::Error> {
        let takes_dashes = |argument: Arg| {
            let option = !argument.is_positional() && argument.get_action().takes_values();
            if option { argument.allow_hyphen_values(true) } else { argument }
        };
        let command = Arguments::command().mut_subcommands(|command| command.mut_args(takes_dashes));
        Arguments::from_arg_matches(&command.try_get_matches()?)
    }

    fn run(self) -> Result<(), Failure> {
        if self.quiet {
            console::silence();
        }
        match self.command.unwrap_or_else(|| Command::Demo(demo::Demo::default())) {
            Command::Ablate(command) => command.run()?,
            Command::Chat(command) => command.run()?,
            Command::Classify(command) => command.run()?,
            Command::Completions(command) => command.run()?,
            Command::Convert(command) => command.run()?,
            Command::Demo(command) => command.run()?,
            Command::Domain(command) => command.run()?,
            Command::Eval(command) => command.run()?,
            Command::Extension(command) => command.run()?,
            Command::Extract(command) => command.run()?,
            Command::Fit(command) => command.run()?,
            Command::Inspect(command) => command.run()?,
            Command::Man(command) => command.run()?,
            Command::Phi(command) => command.run()?,
            Command::Pull(command) => command.run()?,
            Command::Read(command) => command.run()?,
            Command::Reproduce(command) => command.run()?,
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
    let run = || match Arguments::read() {
        Ok(arguments) => arguments.run(),
        // The help and the version are answers.
        Err(answer) if !answer.use_stderr() => Ok(say!("{}", answer.render().to_string().trim_end())?),
        Err(error) => Err(error.into()),
    };
    let Err(error) = run() else { return ExitCode::SUCCESS };
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        warn!("{}", error.render().to_string().trim_end());
        return ExitCode::from(USAGE);
    }
    console::fail("memeclip", &*error, if is_usage(&*error) { USAGE } else { 1 })
}
