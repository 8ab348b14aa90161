//! `index.html`: the run in a browser, from the folder alone: no server, no network.
use super::{Run, curves::series};
use crate::error::Result;
use crate::files::write_atomically;
use serde_json::{Map, Value, json};

/// Writes the page for what the run holds now.
pub fn write_index(run: &Run, lines: &[Map<String, Value>]) -> Result<()> {
    let recipe = run.recipe()?;
    let mut samples: Vec<String> = std::fs::read_dir(run.file("samples"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|n| n.ends_with(".png") && !n.starts_with('.'))
        .collect();
    samples.sort();
    let name = run
        .path()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let data = json!({
        "name": name,
        "model": recipe.model_name(),
        "recipe": recipe.to_toml(),
        "series": series(lines),
        "samples": samples,
        "last": lines.last(),
        "troubles": lines.iter().filter(|l| l.contains_key("troubles")).collect::<Vec<_>>(),
    });
    // A tag or comment inside a string would end the script: JSON may write its first character as a number.
    let data = data.to_string().replace('<', "\\u003c");
    write_atomically(&run.file("index.html"), PAGE.replace("DATA", &data).as_bytes())
}

const PAGE: &str = include_str!("index.html");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn the_page_holds_curves_and_samples_and_cannot_be_broken_out_of() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _lock) = Run::create(&dir.path().join("a</script>b"), &Recipe::named("dcgan").unwrap())
            .or_else(|_| Run::create(&dir.path().join("plain"), &Recipe::named("dcgan").unwrap()))
            .unwrap();
        std::fs::create_dir(run.file("samples")).unwrap();
        std::fs::write(run.file("samples/000500.png"), "x").unwrap();
        let line =
            serde_json::from_str("{\"step\":5,\"loss/generator\":0.25,\"troubles\":[\"mode-collapse\"]}")
                .unwrap();
        write_index(&run, &[line]).unwrap();
        let page = std::fs::read_to_string(run.file("index.html")).unwrap();
        assert!(
            page.contains("000500.png")
                && page.contains("\"loss/generator\":[[5.0,0.25]]")
                && page.contains("mode-collapse")
        );
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(
            !page.contains("http://") && !page.contains("https://"),
            "nothing is fetched"
        );
    }
}
