//! Figures of codes and features beside those of NumPy and scikit-learn (fixtures/representation.py).
use menagerie_metrics::features::Features;
use menagerie_metrics::{dci::dci, logistic::Logistic, mig::mig};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/representation.json")).unwrap()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn singles(v: &Value) -> Vec<f32> {
    numbers(v).into_iter().map(|v| v as f32).collect()
}

fn near(found: f64, want: &Value, tolerance: f64, what: &str) {
    let want = want.as_f64().unwrap();
    assert!(
        (found - want).abs() < tolerance,
        "{what}: {found}, the other program {want}"
    );
}

#[test]
fn codes_beside_numpy_and_scikit_learn() {
    let f = fixture();
    let (codes, factors) = (singles(&f["codes"]), singles(&f["factors"]));
    let (codes, factors) = (
        Features::new(&codes, 4, "codes").unwrap(),
        Features::new(&factors, 3, "factors").unwrap(),
    );
    let found = mig(&codes, &factors).unwrap();
    near(found.value, &f["mig"]["value"], 1e-9, "mig");
    for (k, gap) in found.gaps.iter().enumerate() {
        near(gap.unwrap(), &f["mig"]["gaps"][k], 1e-9, "a factor's gap");
    }
    let (other_codes, other_factors) = (singles(&f["other_codes"]), singles(&f["other_factors"]));
    let (other_codes, other_factors) = (
        Features::new(&other_codes, 4, "codes").unwrap(),
        Features::new(&other_factors, 3, "factors").unwrap(),
    );
    let found = dci([&codes, &factors], [&other_codes, &other_factors]).unwrap();
    // Where two splits are equally good, the other program draws one of them.
    let want = &f["dci"];
    near(
        found.disentanglement,
        &want["disentanglement"],
        5e-3,
        "disentanglement",
    );
    near(found.completeness, &want["completeness"], 5e-3, "completeness");
    near(
        found.informativeness,
        &want["informativeness"],
        5e-3,
        "informativeness",
    );
    for (i, r) in found.importances.iter().enumerate() {
        near(*r, &want["importances"][i], 5e-3, "an importance");
    }
}

#[test]
fn the_optimum_beside_scikit_learn() {
    let f = fixture();
    let (rows, labels) = (singles(&f["features"]), numbers(&f["labels"]));
    let labels: Vec<u32> = labels.iter().map(|l| *l as u32).collect();
    let rows = Features::new(&rows, 5, "features").unwrap();
    let found = Logistic::fit(&rows, &labels, 3, 0.02, None).unwrap();
    let want = &f["logistic"];
    near(found.objective, &want["objective"], 1e-6, "objective");
    for (i, w) in found.parameters[..15].iter().enumerate() {
        near(*w, &want["weights"][i], 2e-4, "a weight");
    }
    // A common shift of all classes' offsets changes nothing.
    let bias = &found.parameters[15..];
    let middle = bias.iter().sum::<f64>() / 3.0;
    for (c, b) in bias.iter().enumerate() {
        near(b - middle, &want["bias"][c], 2e-4, "an offset");
    }
}
