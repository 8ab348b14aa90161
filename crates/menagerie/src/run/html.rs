//! `index.html`: the run in a browser, from the folder alone: no server, no network.
use super::history::{self, Evaluated};
use super::{Run, curves::panels};
use crate::error::Result;
use crate::files::write_atomically;
use crate::judge::label;
use serde_json::{Map, Value, json};

/// Names of the run's files in `samples/` that end so, in their order.
fn samples(run: &Run, ending: &str) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(run.file("samples"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|n| n.ends_with(ending) && !n.starts_with('.'))
        .collect();
    found.sort();
    found
}

/// What was said of the data, each once: lines of log.txt.
fn warnings(run: &Run) -> Vec<String> {
    let log = std::fs::read_to_string(run.file("log.txt")).unwrap_or_default();
    let mut out: Vec<String> = Vec::new();
    for line in log.lines().filter_map(|l| l.strip_prefix("warning: ")) {
        if out.iter().all(|o| o != line) {
            out.push(line.into());
        }
    }
    out
}

/// A checkpoint that was judged: its step, and every figure under its label.
fn evaluation(e: &Evaluated) -> Value {
    let figures = e.figures.iter();
    let figures: Map<String, Value> = figures
        .map(|(metric, f)| {
            (
                label(metric, &f.definition),
                json!({"value": f.value, "error": f.error}),
            )
        })
        .collect();
    json!({"step": e.step, "figures": figures})
}

/// Writes the page for what the run holds now.
///
/// # Errors
/// Those of the run folder.
pub fn write_index(run: &Run, lines: &[Map<String, Value>]) -> Result<()> {
    let recipe = run.recipe()?;
    let name = run.path().file_name().unwrap_or_default().to_string_lossy();
    let panels: Vec<Value> = panels(lines)
        .iter()
        .map(|p| json!({"title": p.title, "lines": p.lines, "bounds": p.bounds, "level": p.level}))
        .collect();
    let judged = history::by_checkpoint(&history::read(run)?);
    let best = history::best(run)?.map(|b| json!({"step": b.step, "metric": b.label, "value": b.value}));
    let data = json!({
        "name": name,
        "model": recipe.model_name(),
        "recipe": recipe.to_toml(),
        "panels": panels,
        "samples": samples(run, ".png"),
        "sounds": samples(run, ".wav"),
        "last": lines.last(),
        "evaluations": judged.iter().map(evaluation).collect::<Vec<_>>(),
        "best": best,
        "warnings": warnings(run),
        "troubles": lines.iter().filter(|l| l.contains_key("troubles")).collect::<Vec<_>>(),
    });
    // A closing tag inside a string would end the script, and `<!--<script>` would keep it from ending: no tag can be
    // written where every `<` is escaped.
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
        std::fs::write(run.file("samples/000500.wav"), "x").unwrap();
        std::fs::write(
            run.file("log.txt"),
            "warning: odd.png: <!--<script>\ntraining\nwarning: odd.png: <!--<script>\n",
        )
        .unwrap();
        let line = json!({"step": 5, "loss/generator": 0.25, "d/real": 0.5, "d/fake": 0.5, "troubles": ["mode-collapse"]});
        let fid = json!({"value": 3.5, "error": null, "definition": {"extractor": "random:0"}});
        let judged = json!({"step": 5, "images": 9, "seconds": 1, "best_by": "fid", "metrics": {"fid": fid}});
        std::fs::write(run.file("evaluation.jsonl"), format!("{judged}\n")).unwrap();
        std::fs::create_dir_all(run.file("checkpoints/000005")).unwrap();
        write_index(&run, &[line.as_object().unwrap().clone()]).unwrap();
        let page = std::fs::read_to_string(run.file("index.html")).unwrap();
        for held in [
            "000500.png",
            "000500.wav",
            "[\"generator\",[[5.0,0.25]]]",
            "[\"D(x)\",[[5.0,0.5]]]",
            "mode-collapse",
            "\"fid(random:0)\":{\"error\":null,\"value\":3.5}",
        ] {
            assert!(page.contains(held), "{held}");
        }
        let data = page.lines().find(|l| l.starts_with("const run = ")).unwrap();
        assert!(!data.contains('<'), "no tag inside the data");
        let text = data.trim_start_matches("const run = ").trim_end_matches(';');
        let data: Value = serde_json::from_str(text).unwrap();
        assert_eq!(data["warnings"], json!(["odd.png: <!--<script>"]));
        assert_eq!(data["evaluations"][0]["step"], 5);
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(
            !page.contains("http://") && !page.contains("https://"),
            "nothing is fetched"
        );
    }
}
