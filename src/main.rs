use clap::Parser;

/// Training makes and drops tensors of megabytes at every operation; this allocator keeps their pages.
#[cfg(feature = "train")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    match memeclip::cli::Arguments::parse().run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("memeclip: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
