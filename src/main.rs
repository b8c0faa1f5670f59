//! Runs the command line and returns its exit status.

fn main() -> std::process::ExitCode {
    acceptd::cli::run()
}
