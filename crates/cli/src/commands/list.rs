use crate::output;
use menagerie::error::{Error, Result, nearest};
use menagerie::models::{Capability, registry};
use serde_json::json;

/// Arguments of `menagerie list`.
#[derive(clap::Args)]
pub struct Args {
    /// Only models of this family
    #[arg(long, value_name = "F")]
    family: Option<String>,
    /// Only models with this capability
    #[arg(long, value_name = "CAPABILITY")]
    can: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists every model.
pub fn run(args: Args) -> Result<()> {
    if let Some(f) = &args.family
        && !registry().iter().any(|m| m.family == f)
    {
        let mut known: Vec<&str> = registry().iter().map(|m| m.family).collect();
        known.dedup();
        return Err(Error::usage(
            format!("there is no family `{f}`"),
            nearest(f, known),
        ));
    }
    if let Some(c) = &args.can
        && !Capability::ALL.iter().any(|k| k.name() == c)
    {
        return Err(Error::usage(
            format!("there is no capability `{c}`"),
            nearest(c, Capability::ALL.iter().map(|k| k.name())),
        ));
    }
    let wanted = registry().iter().filter(|m| {
        args.family.as_deref().is_none_or(|f| m.family == f)
            && args
                .can
                .as_deref()
                .is_none_or(|c| m.capabilities.iter().any(|k| k.name() == c))
    });
    if args.json {
        let all: Vec<_> = wanted
            .map(|m| {
                let capabilities: Vec<_> = m.capabilities.iter().map(|c| c.name()).collect();
                json!({"name": m.name, "family": m.family, "capabilities": capabilities, "paper": m.paper, "recipe": m.recipe})
            })
            .collect();
        output::json(&all.into());
        return Ok(());
    }
    output::line(format_args!(
        "{:<10} {:<14} {:<24} {:<10} paper",
        "name", "family", "can", "recipe"
    ));
    for m in wanted {
        let can: Vec<_> = m.capabilities.iter().map(|c| c.name()).collect();
        output::line(format_args!(
            "{:<10} {:<14} {:<24} {:<10} {}",
            m.name,
            m.family,
            can.join(", "),
            m.recipe,
            m.paper
        ));
    }
    Ok(())
}
