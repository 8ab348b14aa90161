//! What a model does in its environment.
use crate::answers::finite;
use crate::subject::Subject;
use menagerie::Key;

pub(crate) fn actions(subject: &Subject) {
    let model = subject.model();
    let act = model.as_act().unwrap();
    let (environment, mut rng) = (act.environment(), Key::new(8).rng());
    let states: Vec<Vec<f64>> = (0..5).map(|_| environment.start(&mut rng)).collect();
    let states: Vec<&[f64]> = states.iter().map(Vec::as_slice).collect();
    let (all, a) = (act.act(&states), environment.actions().len());
    assert!(all.len() == 5 * a && finite(&all), "{all:?}");
    for (state, p) in states.iter().zip(all.chunks_exact(a)) {
        assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{p:?}");
        let alone = act.act(&[*state]);
        assert!(
            alone.iter().zip(p).all(|(a, b)| (a - b).abs() < 1e-5),
            "{alone:?} {p:?}"
        );
    }
}
