//! Makes the list of embedded recipes, every file of `recipes/` in the order of their names, and what the settings' fields say of
//! themselves, by which a form explains them.
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    println!("cargo::rerun-if-changed={}", folder.display());
    let files = fs::read_dir(&folder)
        .expect("recipes/ lies beside crates/")
        .map(|f| f.expect("readable").path());
    let mut names: Vec<String> = files
        .filter(|f| f.extension().is_some_and(|e| e == "toml"))
        .filter_map(|f| Some(f.file_stem()?.to_str()?.to_string()))
        .collect();
    names.sort();
    let line = |name: &String| {
        format!(
            "({name:?}, include_str!({:?})),\n",
            folder.join(format!("{name}.toml"))
        )
    };
    let list = format!("&[\n{}]", names.iter().map(line).collect::<String>());
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("recipes.rs"), list).expect("OUT_DIR can be written");
    fs::write(out.join("fields.rs"), fields()).expect("OUT_DIR can be written");
}

/// Where structs of settings are.
const SOURCES: [&str; 4] = ["models/src", "nn/src", "data/src/source", "menagerie/src/recipe"];

/// `[(file, struct, [(field, what it is)])]` of every struct, or variant of an enumeration, whose fields are documented.
fn fields() -> String {
    let mut files = Vec::new();
    for source in SOURCES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(source);
        println!("cargo::rerun-if-changed={}", folder.display());
        gather(&folder, &mut files);
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let text = fs::read_to_string(&file).expect("a source can be read");
        // Of settings alone: they are read from a recipe.
        if !text.contains("Deserialize") {
            continue;
        }
        let name = file.to_string_lossy().replace('\\', "/");
        for (of, fields) in documented(&text) {
            list += &format!("({name:?}, {of:?}, &{fields:?}),\n");
        }
    }
    list + "]"
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("crates/ lie beside each other") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The structs of a source, formatted as `rustfmt` does: a field stands on a line of its own, after what is said of it.
fn documented(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let (mut found, mut said) = (Vec::new(), String::new());
    let mut open: Option<(String, Vec<(String, String)>)> = None;
    for line in text.lines() {
        let line = line.trim();
        let word = |text: &str| {
            text.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .map(str::to_string)
        };
        if let Some(more) = line.strip_prefix("///") {
            said += if said.is_empty() { "" } else { " " };
            said += more.trim();
            continue;
        }
        let plain = ["pub(crate) ", "pub(super) ", "pub "]
            .iter()
            .find_map(|p| line.strip_prefix(p))
            .unwrap_or(line);
        let opened = match plain.strip_prefix("struct ") {
            Some(name) if line.ends_with('{') => word(name),
            // A variant with fields: `Name {`.
            None if line.ends_with(" {") && line.starts_with(char::is_uppercase) => {
                word(line).filter(|w| line.len() == w.len() + 2)
            }
            _ => None,
        };
        match (&mut open, plain.split_once(": ")) {
            _ if opened.is_some() => open = opened.map(|name| (name, Vec::new())),
            (Some(_), _) if line.starts_with('}') => found.extend(open.take().filter(|(_, f)| !f.is_empty())),
            (Some((_, fields)), Some((name, of)))
                if line.ends_with(',') && !of.contains('{') && !said.is_empty() =>
            {
                fields.extend(
                    word(name)
                        .filter(|w| w.len() == name.len())
                        .map(|w| (w, said.clone())),
                );
            }
            _ if line.starts_with("#[") || line.is_empty() => continue,
            _ => {}
        }
        said.clear();
    }
    found
}
