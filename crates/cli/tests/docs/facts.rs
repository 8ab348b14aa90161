//! What pages say of the project: tables, links, names of files, the picture of crates.
use crate::{page, pages, root, support};
use menagerie::models;
use menagerie::recipe::Recipe;
use std::collections::BTreeSet;
use std::process::Command;

/// `<!-- menagerie list --markdown -->`, what it prints, `<!-- end -->`: such tables are as the command prints them. With
/// MENAGERIE_WRITE_TABLES=1 they are written anew.
#[test]
fn tables_are_as_the_command_prints_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = 0;
    for name in pages() {
        let text = page(&name);
        let mut fresh = text.clone();
        for part in text.split("<!-- menagerie ").skip(1) {
            let (command, rest) = part.split_once(" -->\n").expect("a mark ends");
            let (table, _) = rest.split_once("<!-- end -->").expect("a table ends");
            let args: Vec<&str> = command.split_whitespace().collect();
            let marked = |table: &str| format!("<!-- menagerie {command} -->\n{table}<!-- end -->");
            fresh = fresh.replace(&marked(table), &marked(&support::ok(folder.path(), &args)));
            found += 1;
        }
        if std::env::var_os("MENAGERIE_WRITE_TABLES").is_some() {
            std::fs::write(root().join(&name), &fresh).unwrap();
            continue;
        }
        assert!(
            text == fresh,
            "{name}: a table is stale; MENAGERIE_WRITE_TABLES=1 cargo test --release --test docs tables writes it anew"
        );
    }
    assert!(found >= 2, "the tables of models and recipes");
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A table whose head begins with a key that says a rule, and has a column `model`: a line for every rule there is, no other,
/// and the models in it have that rule.
#[test]
fn tables_of_rules_are_true() {
    let text = page("docs/adversarial.md");
    for (key, model) in [("objective.rule", "gan"), ("condition.discriminator", "cgan")] {
        let head = text
            .lines()
            .find(|l| l.starts_with(&format!("| `{key}` |")))
            .expect(key);
        let column = head
            .split(" | ")
            .position(|c| c.trim_matches(['|', ' ']) == "model")
            .expect("model");
        let refusal = Recipe::named(model)
            .unwrap()
            .with(key, "\"no such rule\"")
            .unwrap_err()
            .to_string();
        let known: BTreeSet<&str> = refusal
            .split("known: ")
            .nth(1)
            .expect("all rules")
            .split(", ")
            .collect();
        let mut told = BTreeSet::new();
        let lines = text.lines().skip_while(|l| *l != head).skip(2);
        for line in lines.take_while(|l| l.starts_with('|')) {
            let cells: Vec<&str> = line.split(" | ").collect();
            let rule = quoted(cells[0])[0];
            assert!(told.insert(rule), "`{rule}` stands twice");
            for model in quoted(cells[column]) {
                let recipe = Recipe::named(model).unwrap().to_toml();
                let (table, name) = key.split_once('.').unwrap();
                let of_table = recipe.split(&format!("[{table}]\n")).nth(1).unwrap_or_default();
                let has = of_table.split("\n[").next().unwrap_or_default();
                assert!(
                    has.contains(&format!("{name} = \"{rule}\"")),
                    "{model}: {key} is not {rule}"
                );
            }
        }
        assert_eq!(told, known, "{key}");
    }
}

/// Every model is spoken of, not only listed.
#[test]
fn pages_name_every_model() {
    let told: String = pages()
        .iter()
        .filter(|p| p.starts_with("docs/") && *p != "docs/recipes.md")
        .map(|p| page(p))
        .collect();
    let named = |name: &str| told.contains(&format!("`{name}`")) || told.contains(&format!("train {name}"));
    let silent: Vec<&str> = models::registry()
        .iter()
        .map(|e| e.name)
        .filter(|n| !named(n))
        .collect();
    assert!(silent.is_empty(), "no page says what {silent:?} are");
}

/// Where a heading's anchor is, as GitHub makes it.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = |l: &str| {
        l.starts_with('#')
            .then(|| l.trim_start_matches('#').trim().to_lowercase())
    };
    let slug = |h: String| -> String {
        h.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    text.lines().filter_map(heading).map(slug).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for name in pages()
        .into_iter()
        .chain(["CHANGELOG.md".into(), "NOTICE.md".into()])
    {
        let text = page(&name);
        let folder = root().join(&name).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).filter_map(|l| l.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let target = if file.is_empty() {
                root().join(&name)
            } else {
                folder.join(file)
            };
            let leads = target.exists()
                && (anchor.is_empty()
                    || std::fs::read_to_string(&target).is_ok_and(|t| anchors(&t).contains(anchor)));
            if !leads {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Files that pages name in backticks are there.
#[test]
fn files_that_are_named_exist() {
    let mut missing = Vec::new();
    for name in pages() {
        let text = page(&name);
        for path in text.split('`').skip(1).step_by(2) {
            let is_file = ["crates/", "docs/", "recipes/", "bench/"]
                .iter()
                .any(|r| path.starts_with(r));
            let path = path.split_whitespace().next().unwrap_or(path);
            if is_file && !path.contains("NAME") && !root().join(path).exists() {
                missing.push(format!("{name}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The crates of the house that a crate stands on, by its manifest.
fn stands_on(name: &str) -> Vec<String> {
    let folder = name.strip_prefix("menagerie-").unwrap_or(name);
    let manifest = page(&format!("crates/{folder}/Cargo.toml"));
    let own = manifest.lines().skip_while(|l| *l != "[dependencies]").skip(1);
    own.take_while(|l| !l.starts_with('['))
        .filter_map(|l| l.strip_suffix(".workspace = true"))
        .filter(|l| l.starts_with("menagerie"))
        .map(String::from)
        .collect()
}

/// The tree below a crate as `cargo tree` draws it.
fn draw(name: &str, prefix: &str, seen: &mut BTreeSet<String>, out: &mut String) {
    let below = stands_on(name);
    for (i, crate_name) in below.iter().enumerate() {
        let last = i + 1 == below.len();
        let known = !seen.insert(crate_name.clone()) && !stands_on(crate_name).is_empty();
        let branch = if last { "└── " } else { "├── " };
        *out += &format!(
            "{prefix}{branch}{crate_name}{}\n",
            if known { " (*)" } else { "" }
        );
        if !known {
            let more = if last { "    " } else { "│   " };
            draw(crate_name, &format!("{prefix}{more}"), seen, out);
        }
    }
}

#[test]
fn the_picture_of_crates_is_true() {
    let mut picture = "menagerie-cli\n".to_string();
    draw("menagerie-cli", "", &mut BTreeSet::new(), &mut picture);
    let text = page("docs/design.md");
    let drawn = text
        .split("<!-- crates -->\n```text\n")
        .nth(1)
        .and_then(|t| t.split("```").next());
    assert_eq!(
        drawn,
        Some(picture.as_str()),
        "docs/design.md, the picture of crates:\n{picture}"
    );
}

#[test]
fn completions_know_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = support::ok(folder.path(), &["completions", shell]);
        assert!(
            script.contains("evaluate") && script.contains("menagerie"),
            "{shell}"
        );
    }
    // Bash itself takes it, where there is one.
    let script = support::ok(folder.path(), &["completions", "bash"]);
    if let Ok(out) = Command::new("bash").args(["-n", "-c", &script]).output() {
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}
