use crate::output;
use clap_complete::Shell;
use menagerie::error::Result;

/// Arguments of `menagerie completions`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie completions bash > ~/.local/share/bash-completion/completions/menagerie
  menagerie completions zsh > _menagerie       # in a folder of $fpath
  menagerie completions fish > ~/.config/fish/completions/menagerie.fish")]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

/// Prints the script that completes the command's words.
pub(crate) fn run(args: Args, command: &mut clap::Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "menagerie", &mut script);
    output::raw(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
