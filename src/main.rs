//! Parse, run, exit status: nothing else.

fn main() -> std::process::ExitCode {
    acceptd::cli::run()
}
