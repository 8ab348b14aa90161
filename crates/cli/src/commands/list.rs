use crate::output;
use menagerie::error::{Error, Result, nearest};
use menagerie::models::{Capability, Entry, registry};
use menagerie::recipe::{Explained, Recipe, embedded};
use serde_json::{Value, json};

/// Arguments of `menagerie list`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie list
  menagerie list --can latent-space --family adversarial
  menagerie list --recipes
  menagerie list --keys dcgan")]
pub(crate) struct Args {
    /// Only models of this family
    #[arg(long, value_name = "F")]
    family: Option<String>,
    /// Only models with this capability
    #[arg(long, value_name = "CAPABILITY")]
    can: Option<String>,
    /// List recipes in place of models: what `train` takes, on which data, for how many steps
    #[arg(long)]
    recipes: bool,
    /// List the keys of a recipe in place of models: each with its value, and what it is
    #[arg(long, value_name = "RECIPE", conflicts_with_all = ["recipes", "family", "can"])]
    keys: Option<String>,
    /// A table for Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists models or recipes.
pub(crate) fn run(args: Args) -> Result<()> {
    if let Some(name) = &args.keys {
        return keys(&args, name);
    }
    let mut families: Vec<&str> = registry().iter().map(|m| m.family).collect();
    families.dedup();
    known("family", args.family.as_deref(), families)?;
    let capabilities = Capability::ALL.iter().map(|k| k.name()).collect();
    known("capability", args.can.as_deref(), capabilities)?;
    let is_wanted = |m: &Entry| {
        let can = |c: &str| m.capabilities.iter().any(|k| k.name() == c);
        args.family.as_deref().is_none_or(|f| m.family == f) && args.can.as_deref().is_none_or(can)
    };
    let models: Vec<&Entry> = registry().iter().copied().filter(|m| is_wanted(m)).collect();
    let (rows, values): (Vec<_>, Vec<_>) = match args.recipes {
        true => recipes_of(&models)?,
        false => models
            .iter()
            .map(|m| model(m, args.markdown))
            .collect::<Result<_>>()?,
    };
    if args.json {
        output::json(&values.into());
        return Ok(());
    }
    let head: &[&str] = match (args.recipes, args.markdown) {
        (true, _) => &["recipe", "model", "data", "steps", "what it is"],
        (false, true) => &["model", "family", "can", "paper", "recipes"],
        (false, false) => &["name", "family", "can", "recipe", "paper"],
    };
    let head = head.iter().map(|h| h.to_string()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    match args.markdown {
        true => output::markdown(&rows),
        false => output::columns(&rows),
    }
    Ok(())
}

/// Lists the keys of a recipe.
fn keys(args: &Args, name: &str) -> Result<()> {
    let all = Recipe::named(name)?.keys();
    if args.json {
        let one = |k: &Explained| json!({"key": k.key, "value": k.value, "what": k.what});
        output::json(&all.iter().map(one).collect());
        return Ok(());
    }
    let head = ["key", "value", "what it is"].map(String::from).to_vec();
    let row = |k: &Explained| vec![k.key.clone(), k.value.clone(), k.what.clone()];
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(all.iter().map(row)).collect();
    match args.markdown {
        true => output::markdown(&rows),
        false => output::columns(&rows),
    }
    Ok(())
}

/// Refuses a name that is not among those there are.
fn known(what: &str, given: Option<&str>, all: Vec<&str>) -> Result<()> {
    match given {
        Some(name) if !all.contains(&name) => Err(Error::usage(
            format!("there is no {what} `{name}`"),
            nearest(name, all),
        )),
        _ => Ok(()),
    }
}

/// A model as a row and for programs.
fn model(m: &Entry, markdown: bool) -> Result<(Vec<String>, Value)> {
    let can: Vec<&str> = m.capabilities.iter().map(|c| c.name()).collect();
    let value = json!({"name": m.name, "family": m.family, "capabilities": can, "paper": m.paper, "recipe": m.recipe});
    let can = can.join(", ");
    let row = match markdown {
        true => {
            let recipes: Vec<String> = names_of(m)?.iter().map(|r| format!("`{r}`")).collect();
            // Authors and year; the title stands in the model's own page.
            let paper = m.paper.split(',').next().unwrap_or(m.paper);
            let cells = [
                &format!("`{}`", m.name),
                m.family,
                &can,
                paper,
                &recipes.join(", "),
            ];
            cells.map(String::from).to_vec()
        }
        false => [m.name, m.family, &can, m.recipe, m.paper]
            .map(String::from)
            .to_vec(),
    };
    Ok((row, value))
}

/// Names of a model's recipes.
fn names_of(m: &Entry) -> Result<Vec<&'static str>> {
    let mut out = Vec::new();
    for (name, _) in embedded() {
        if Recipe::named(name)?.model_name() == m.name {
            out.push(*name);
        }
    }
    Ok(out)
}

/// Every recipe of some models.
fn recipes_of(models: &[&Entry]) -> Result<(Vec<Vec<String>>, Vec<Value>)> {
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for m in models {
        for name in names_of(m)? {
            let recipe = Recipe::named(name)?;
            let (data, steps) = (recipe.data()?.source, recipe.train()?.steps);
            let text = embedded().iter().find(|(n, _)| *n == name).map_or("", |(_, t)| t);
            let about = about(text);
            values.push(json!({"name": name, "model": m.name, "data": data, "steps": steps, "about": about}));
            let source = if data.is_empty() { "--data" } else { &data };
            rows.push(vec![
                name.into(),
                m.name.into(),
                source.into(),
                output::grouped(steps as usize),
                about,
            ]);
        }
    }
    Ok((rows, values))
}

/// The comment that a recipe begins with.
fn about(text: &str) -> String {
    let comment = text.lines().map_while(|l| l.strip_prefix('#')).map(str::trim);
    comment.collect::<Vec<_>>().join(" ")
}
