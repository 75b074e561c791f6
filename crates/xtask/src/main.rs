//! The program that `cargo run --release` runs: it serves the demo page, or runs the command after `--`.

#![deny(clippy::print_stderr, clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;

use lexopt::prelude::*;
use xtask::console;
use xtask::demo::Demo;
use xtask::extension::Extension;
use xtask::say;

const HELP: &str = "\
Builds memeclip's WebAssembly and serves the demo page.

Usage: cargo run --release [-- COMMAND [OPTIONS]]

Commands:
  demo       Serve the demo page and a pack on localhost (the default)
  build      Build the WebAssembly and stop
  reproduce  Build a module again in another folder, and compare the bytes
  extension  Write the browser extension to a folder that a browser can load
  standalone Write what the program memeclip, built with the feature standalone, has in it

Options:
  -q, --quiet        Print no progress
Options of demo and extension:
  --weights FOLDER   The pack; by default the small pack in the repository
Options of demo:
  --port PORT        The port; 0 takes any free one [default: 8080]
Options of extension:
  --out FOLDER       The folder to write to; an earlier extension in it is replaced [default: target/extension]
  --browser BROWSER  chromium (also Chrome, Edge) or firefox [default: chromium]

The exit status is 0, or 1 if something failed, or 2 if the arguments cannot be used.
";

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    // Every error that is not the library's is about the arguments.
    console::fail("error", &*error, if error.is::<xtask::Error>() { 1 } else { 2 })
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = lexopt::Parser::from_env();
    let mut command = None;
    let mut demo = Demo::default();
    let mut extension = Extension::default();
    while let Some(argument) = arguments.next()? {
        let of = command.as_deref().unwrap_or("demo");
        match (argument, of) {
            (Short('h') | Long("help"), _) => {
                say!("{}", HELP.trim_end())?;
                return Ok(());
            }
            (Short('q') | Long("quiet"), _) => console::silence(),
            (Value(value), _) if command.is_none() => command = Some(value.string()?),
            (Long("weights"), "demo") => demo.weights = Some(arguments.value()?.into()),
            (Long("weights"), "extension") => extension.weights = Some(arguments.value()?.into()),
            (Long("port"), "demo") => demo.port = arguments.value()?.parse()?,
            (Long("out"), "extension") => extension.out = arguments.value()?.into(),
            (Long("browser"), "extension") => extension.browser = arguments.value()?.parse()?,
            (argument, _) => return Err(argument.unexpected().into()),
        }
    }
    match command.as_deref().unwrap_or("demo") {
        "demo" => demo.run()?,
        "build" => xtask::build()?,
        "reproduce" => xtask::reproduce()?,
        "extension" => extension.run()?,
        "standalone" => xtask::standalone()?,
        other => {
            return Err(
                format!("unknown command '{other}'. Use demo, build, reproduce, extension or standalone.").into()
            );
        }
    }
    Ok(())
}
