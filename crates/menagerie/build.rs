//! Makes the list of embedded recipes: every file of `recipes/`, in the order of their names.
use std::path::Path;
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
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("recipes.rs");
    fs::write(out, list).expect("OUT_DIR can be written");
}
