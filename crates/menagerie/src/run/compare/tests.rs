use super::*;

fn row(run: &str, at: &[(u64, f64, usize)]) -> Row {
    let one = |&(step, value, samples): &(u64, f64, usize)| {
        let text = json!({"step": step, "images": 8 * step, "seconds": step as f64 / 2.0, "metrics": {
            "psnr": {"value": value, "error": 0.5, "definition": {"samples": samples, "step": step, "reference": {"split": "test"}}},
            "nll": {"value": value, "error": null, "definition": {"items": 3}},
            "attributes/smile": {"value": 0.5, "error": null, "definition": {}}}});
        serde_json::from_value::<Map<String, Value>>(text).unwrap()
    };
    let evaluations: Vec<Evaluated> = at
        .iter()
        .map(|a| crate::run::history::tests::evaluated(&one(a)))
        .collect();
    let last = evaluations.last().map(|e| e.step);
    let latest = history::by_checkpoint(&evaluations)
        .into_iter()
        .find(|e| Some(e.step) == last);
    Row {
        run: run.into(),
        model: "vae".into(),
        family: "variational",
        capabilities: &[Capability::Reconstruct],
        kind: Some(Kind::Image),
        networks: vec![("encoder", 7), ("decoder", 5)],
        evaluations,
        latest,
    }
}

fn compared(rows: Vec<Row>) -> Comparison {
    let columns = ["nll", "psnr", "attributes/smile"]
        .map(|m| Column::of(m, &rows))
        .into();
    Comparison { rows, columns }
}

#[test]
fn the_best_follows_the_metrics_direction_and_ties_are_all_best() {
    let c = compared(vec![
        row("a", &[(10, 3.0, 5)]),
        row("b", &[(20, 4.0, 5)]),
        row("c", &[(30, 4.0, 5)]),
    ]);
    assert_eq!(c.columns[0].best, [0], "less nll is better");
    assert_eq!(
        c.columns[1].best,
        [1, 2],
        "more psnr is better; the step is no part of the definition"
    );
    assert_eq!(c.columns[2].best, [0, 1, 2]);
    assert!(c.warnings().is_empty());
    let json = c.to_json();
    assert_eq!(json["runs"][0]["parameters"], 12);
    assert_eq!(json["runs"][1]["metrics"]["psnr"]["best"], true);
    assert_eq!(json["runs"][0]["metrics"]["psnr"]["best"], false);
    assert_eq!(
        json["metrics"]["psnr"],
        json!({"higher_is_better": true, "comparable": true, "best": ["b", "c"], "differences": {}, "newer_definitions": {}})
    );
}

#[test]
fn differing_definitions_are_named_and_not_ranked() {
    let c = compared(vec![
        row("a", &[(10, 3.0, 5)]),
        row("b", &[(20, 4.0, 6)]),
        row("c", &[(30, 9.0, 5)]),
    ]);
    assert!(c.columns[1].best.is_empty());
    assert_eq!(c.columns[0].best, [0], "the others are ranked all the same");
    assert_eq!(
        c.warnings(),
        ["psnr is not ranked because its definitions differ: samples: 5 (a, c), 6 (b)"]
    );
    assert_eq!(
        c.to_json()["metrics"]["psnr"]["differences"],
        json!({"samples": {"a": 5, "b": 6, "c": 5}})
    );
    // One run alone has no rank.
    assert!(
        compared(vec![row("a", &[(10, 3.0, 5)])])
            .columns
            .iter()
            .all(|c| c.best.is_empty())
    );
}

/// A checkpoint that was judged in two ways is ranked by the way that others were judged in, and that is said.
#[test]
fn the_newest_definition_that_all_share_is_taken() {
    let c = compared(vec![
        row("a", &[(10, 3.0, 4), (10, 3.5, 5), (10, 9.0, 9)]),
        row("b", &[(20, 4.0, 4), (20, 4.5, 5)]),
        row("c", &[(15, 1.0, 8), (30, 2.0, 4), (30, 2.5, 5)]),
    ]);
    let psnr = &c.columns[1];
    let values: Vec<f64> = psnr.figures.values().filter_map(|f| f.value).collect();
    assert_eq!((values, &psnr.best[..]), (vec![3.5, 4.5, 2.5], &[1][..]));
    assert!(c.warnings().is_empty());
    assert_eq!(
        c.notes(),
        [
            "psnr is compared by the newest definition that all runs share (samples: 5); not by the newer samples: 9 (a)"
        ]
    );
    assert_eq!(c.to_json()["runs"][0]["metrics"]["psnr"]["value"], 3.5);
    // Of an older checkpoint nothing is taken.
    let c = compared(vec![
        row("a", &[(10, 3.0, 5), (20, 4.0, 6)]),
        row("b", &[(20, 4.0, 5)]),
    ]);
    assert_eq!(c.columns[1].differences.len(), 1);
    assert!(c.notes().is_empty());
}

#[test]
fn only_metrics_that_the_model_can_have_are_advised() {
    let mut unjudged = row("b", &[]);
    let of = |row: &Row| {
        compared(vec![self::row("a", &[(10, 3.0, 5)])])
            .metrics_for(row)
            .join(",")
    };
    assert_eq!(of(&unjudged), "psnr");
    unjudged.capabilities = &[Capability::LogLikelihood, Capability::ReadAttributes];
    assert_eq!(of(&unjudged), "nll,attributes");
}

#[test]
fn figures_over_time_are_drawn_where_there_are_two() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("figure.png");
    let e = compared(vec![row("a", &[(10, 3.0, 5)]), row("b", &[(20, 4.0, 5)])])
        .draw(&path)
        .unwrap_err();
    assert!(e.is_usage() && e.to_string().contains("--every N"), "{e}");
    // The older figure of b was worked out otherwise, so that psnr has no second point.
    let e = compared(vec![row("b", &[(10, 4.0, 6), (20, 4.0, 5)])]);
    assert_eq!(e.draw(&path).unwrap(), ["nll", "attributes/smile"]);
    let drawn = compared(vec![
        row("a", &[(10, 3.0, 5), (20, 5.0, 5)]),
        row("b", &[(20, 4.0, 5)]),
    ])
    .draw(&path)
    .unwrap();
    assert_eq!(drawn, ["nll", "psnr", "attributes/smile"]);
    let picture = image::open(&path).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (1120, 600));
    // Both runs are seen in the first panel.
    for colour in [[31, 119, 180], [214, 88, 39]] {
        assert!(
            (0..560).any(|x| (0..300).any(|y| picture.get_pixel(x, y).0 == colour)),
            "{colour:?}"
        );
    }
}
