//! The pages, which lie in the program.
use crate::http::{Refusal, Response};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal $kind:ident;)*) => {
        &[$(($name, $kind, include_bytes!(concat!("../pages/", $name)))),*]
    };
}

/// Every file by its name.
const ASSETS: &[(&str, &str, &[u8])] = assets! {
    "index.html" HTML;
    "style.css" CSS;
    "icon.svg" SVG;
    "main.js" JS;
    "lib/dom.js" JS;
    "lib/api.js" JS;
    "lib/chart.js" JS;
    "lib/frames.js" JS;
    "lib/glide.js" JS;
    "lib/npy.js" JS;
    "lib/sound.js" JS;
    "views/runs.js" JS;
    "views/run.js" JS;
    "views/curves.js" JS;
    "views/train.js" JS;
    "views/explore.js" JS;
    "views/pins.js" JS;
    "views/moves.js" JS;
    "views/edits.js" JS;
    "views/fresh.js" JS;
    "views/breed.js" JS;
    "views/game.js" JS;
    "views/plane.js" JS;
    "views/try.js" JS;
    "views/tour.js" JS;
    "views/easel.js" JS;
};

/// A page, or a part of one.
pub(crate) fn answer(path: &[&str]) -> Result<Response, Refusal> {
    let name = match path {
        [] => "index.html".to_string(),
        parts => parts.join("/"),
    };
    let found = ASSETS.iter().find(|(n, ..)| *n == name);
    let (_, kind, bytes) = found.ok_or_else(|| Refusal::missing("such page"))?;
    // A newer program has newer pages.
    Ok(Response::new(kind, *bytes).with("Cache-Control", "no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_a_part_names_is_there_and_none_is_elsewhere() {
        for (name, _, bytes) in ASSETS {
            let text = std::str::from_utf8(bytes).unwrap();
            let named = ["from \"", "import(\"", "modulepreload\" href=\""];
            for found in named.iter().flat_map(|n| text.split(n).skip(1)) {
                let import = found.split('"').next().unwrap();
                let target = import.trim_start_matches(['.', '/']);
                assert!(
                    ASSETS.iter().any(|(n, ..)| n.ends_with(target)),
                    "{name}: {import}"
                );
            }
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!text.contains(word), "{name}: {word} would read names as markup");
            }
            let elsewhere =
                text.matches("//").count() > 0 && (text.contains("https://") || text.contains("http://"));
            let names_only = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !elsewhere || !names_only.contains("http"),
                "{name} names another machine"
            );
        }
        assert!(answer(&["..", "Cargo.toml"]).is_err());
    }
}
