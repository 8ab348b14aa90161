//! The pages, which lie in the program.
use crate::http::{Refusal, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

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
    "lib/uPlot.esm.js" JS;
    "lib/uPlot.min.css" CSS;
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

/// The first page as it lies in the program: what stands in it comes with it, so that the browser waits for nothing but the code.
const FIRST: &str = include_str!("../pages/index.html");
const STYLE: &str = include_str!("../pages/style.css");
/// What the first page has where its style is given, and where the list of runs.
const STYLED: &str = "<link rel=\"stylesheet\" href=\"/style.css\">";
const LISTED: &str = "<script type=\"application/json\" id=\"given\"></script>";

/// What changes with any of the pages; parts that are asked for below it never change, and a browser may keep them.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hash = Sha256::new();
        ASSETS.iter().for_each(|(_, _, bytes)| hash.update(bytes));
        let digits: String = hash.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect();
        format!("v-{digits}")
    })
}

/// The first page, with the list of runs in it.
pub(crate) fn first(runs: &Value) -> Response {
    // Names of runs are text: none of them ends the element that it stands in.
    let runs = runs.to_string().replace('<', "\\u003c");
    let page = FIRST
        .replace("href=\"/", &format!("href=\"/{}/", version()))
        .replace("src=\"/", &format!("src=\"/{}/", version()));
    let style = STYLED.replace("href=\"/", &format!("href=\"/{}/", version()));
    let page = page
        .replace(&style, &format!("<style>{STYLE}</style>"))
        .replace(LISTED, &LISTED.replace("></", &format!(">{runs}</")));
    Response::new(HTML, page).styled_by(base64(&Sha256::digest(STYLE)))
}

/// A part of a page; where it is asked for by this program's version, it never changes.
pub(crate) fn answer(path: &str) -> Result<Response, Refusal> {
    let path = path.trim_start_matches('/');
    let (kept, name) = match path.split_once('/') {
        Some((first, rest)) if first.starts_with("v-") => (first == version(), rest),
        _ => (false, path),
    };
    let found = ASSETS.iter().find(|(n, ..)| *n == name);
    let (_, kind, bytes) = found.ok_or_else(|| Refusal::missing("such page"))?;
    // A newer program has newer pages.
    let cache = match kept {
        true => "private, max-age=31536000, immutable",
        false => "no-cache",
    };
    Ok(Response::new(kind, *bytes).with("Cache-Control", cache))
}

/// Bytes as a header has them.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |group: &[u8]| {
        let bits = (0..3).fold(0, |n, i| n << 8 | usize::from(group.get(i).copied().unwrap_or(0)));
        let digit = |i: usize| match i <= group.len() {
            true => DIGITS[bits >> (18 - 6 * i) & 63] as char,
            false => '=',
        };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(three).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::response::{IntoResponse, Response};

    fn header(response: &Response, name: &str) -> String {
        let value = response.headers().get(name).unwrap();
        value.to_str().unwrap().into()
    }

    #[test]
    fn the_first_page_has_its_style_and_the_runs_in_it() {
        let evil = "</script><img src=x>";
        let page = first(&serde_json::json!([{"name": evil}])).into_response();
        let policy = header(&page, "Content-Security-Policy");
        let body = futures_util::FutureExt::now_or_never(to_bytes(page.into_body(), usize::MAX));
        let body = String::from_utf8(body.unwrap().unwrap().into()).unwrap();
        assert!(!body.contains(evil) && body.contains("\\u003c/script>\\u003cimg src=x>"));
        let given = body.split("id=\"given\">").nth(1).unwrap();
        let given: Value = serde_json::from_str(given.split("</script>").next().unwrap()).unwrap();
        assert_eq!(given[0]["name"], evil);
        assert!(body.contains("<style>:root") && !body.contains("rel=\"stylesheet\""));
        let hash = base64(&Sha256::digest(STYLE));
        assert!(
            policy.contains(&format!("style-src 'self' 'sha256-{hash}'")),
            "{policy}"
        );
        // What it asks for next is kept by the browser, and comes anew from another program.
        let main = format!("/{}/main.js", version());
        assert!(body.contains(&format!("src=\"{main}\"")), "{body}");
        let cached = |path: String| {
            let part = answer(&path).unwrap().into_response();
            header(&part, "Cache-Control").contains("immutable")
        };
        let own = |path: &str| format!("/{}/{path}", version());
        assert!(cached(own("main.js")) && cached(own("lib/dom.js")));
        assert!(!cached("/v-0123456789abcdef/main.js".into()) && !cached("/main.js".into()));
        assert!(answer(&own("../Cargo.toml")).is_err() && answer(&own("")).is_err());
    }

    #[test]
    fn bytes_in_64_digits() {
        for (bytes, want) in [
            ("", ""),
            ("M", "TQ=="),
            ("Ma", "TWE="),
            ("Man", "TWFu"),
            ("Many", "TWFueQ=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), want);
        }
    }

    #[test]
    fn every_part_that_a_part_names_is_there_and_none_is_elsewhere() {
        let first = [("index.html", HTML, FIRST.as_bytes())];
        for (name, _, bytes) in ASSETS.iter().chain(&first) {
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
            // Its comments name whom its methods are from.
            if *name == "lib/uPlot.esm.js" {
                continue;
            }
            let elsewhere =
                text.matches("//").count() > 0 && (text.contains("https://") || text.contains("http://"));
            let names_only = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !elsewhere || !names_only.contains("http"),
                "{name} names another machine"
            );
        }
        assert!(answer("/../Cargo.toml").is_err());
    }
}
