use clap::Parser;

fn main() -> std::process::ExitCode {
    match memeclip::cli::Arguments::parse().run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("memeclip: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
