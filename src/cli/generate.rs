//! `acceptd generate`: the man page and the shell completions, for packages.

use std::io::Write as _;

use clap::{CommandFactory as _, Subcommand};

use super::{Cli, Ended, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The man page, in roff
    Man,
    /// Completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

pub(super) fn run(args: &Args) -> Result<Ended, Failure> {
    let mut command = Cli::command();
    let mut out = Vec::new();
    match args.what {
        What::Man => man(command, &mut out)?,
        What::Completions { shell } => {
            clap_complete::generate(shell, &mut command, "acceptd", &mut out);
        }
    }
    std::io::stdout().write_all(&out)?;
    Ok(Ended::Done)
}

/// Writes one page with every command.
fn man(mut command: clap::Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    command.build();
    clap_mangen::Man::new(command.clone()).render(out)?;
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        if sub.get_name() == "help" {
            continue;
        }
        let name = sub.get_name().to_uppercase();
        writeln!(out, ".SH \"COMMAND {name}\"")?;
        let page = clap_mangen::Man::new(sub.clone());
        page.render_synopsis_section(out)?;
        page.render_description_section(out)?;
        page.render_options_section(out)?;
    }
    Ok(())
}
