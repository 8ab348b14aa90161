use crate::output;
use menagerie::error::{Error, Result};
use menagerie_studio::{Options, Server};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Arguments of `menagerie studio`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie studio
  menagerie studio runs --port 8080 --open")]
pub(crate) struct Args {
    /// The folder of runs; made where it is missing
    #[arg(default_value = "runs")]
    runs: PathBuf,
    /// Where to listen; 0 for any port that is free
    #[arg(long, value_name = "P", default_value_t = 7878)]
    port: u16,
    /// The address to listen at; for others than this machine's own, a token that is printed is needed to get in
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Open it in the browser
    #[arg(long)]
    open: bool,
}

/// Serves the studio until it is ended.
pub(crate) fn run(args: Args) -> Result<()> {
    let program = std::env::current_exe().map_err(|e| {
        Error::usage(
            format!("where this program lies is not known: {e}"),
            "start it by its path",
        )
    })?;
    let server = Server::open(Options {
        runs: args.runs,
        host: args.host,
        port: args.port,
        program,
    })?;
    let url = server.url();
    output::line(format_args!("the studio is at {url} (Ctrl-C ends it)"));
    if !args.host.is_loopback() {
        eprintln!("warning: what is sent is not encrypted; others on the way can read the token");
    }
    if args.open && !opened(&url) {
        eprintln!("warning: no browser could be started; open {url} by hand");
    }
    server.serve();
    Ok(())
}

/// Asks the system to show a page.
fn opened(url: &str) -> bool {
    let (program, before): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let quiet = Command::new(program)
        .args(before)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    quiet.is_ok()
}
