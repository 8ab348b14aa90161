//! What a play does as functions of tensors: of each thing that it can answer, one.
use super::play::Completes;
use super::{Draws, Play, Styled, Wanted};
use crate::adversarial::networks::translator::Drawn;
use crate::attack::Method;
use crate::function::{images, rows};
use crate::{Direction, Function, Holds, Port};
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use std::cell::RefCell;

/// All functions of a play, the one that draws first.
pub(super) fn of<P: Play>(play: &P) -> Vec<Function<'_>> {
    let mut all: Vec<Function<'_>> = play.draws().map(|d| sample(play, d)).into_iter().collect();
    let sides = play.translates().filter(|t| t.domains().is_empty());
    all.extend(sides.into_iter().flat_map(|t| {
        let directions = t.directions().iter();
        directions.flat_map(move |direction| match t.styled() {
            Some(styled) => in_styles(play, styled, *direction),
            None => vec![translate(play, *direction)],
        })
    }));
    all.extend(
        play.translates()
            .filter(|t| !t.domains().is_empty())
            .map(|t| between_domains(play, t.domains())),
    );
    all.extend(play.completes().map(|c| complete(play, c)));
    let stage = play.stage();
    if let Some(i) = play.illustrates() {
        let image = stage.port();
        let run = move |x: &[Tensor<2>]| vec![stage.rows_of(i.draw(x[0].clone(), x[1].clone()))];
        let about = "an image of a description";
        all.push(Function::new("illustrate", about, i.inputs(), vec![image], run));
    }
    // What asks for a gradient on the way is no function that other programs could run.
    if let Some(a) = play.attacks().filter(|a| a.methods().contains(&Method::Learned)) {
        let about = "an image changed so that the classifier is misled";
        all.push(between(play, "attack", about, move |x| {
            a.attacked(x, None, Method::Learned, &[])
        }));
    }
    if let Some(r) = play.restores() {
        let about = "an item of what is left of it";
        all.push(between(play, "restore", about, move |x| r.restored(x)));
    }
    if let Some(d) = play.defends() {
        let about = "an image without what misleads the classifier";
        all.push(between(play, "defend", about, move |x| d.defended(x)));
    }
    if let Some(inverts) = play.inverts() {
        let latent = play.draws().map_or(0, |d| d.latent());
        let port = Port::of(
            "latent",
            &[latent],
            Holds::Numbers,
            "as `sample` takes it, all parts in a row",
        );
        let about = "the latent of an item";
        all.push(Function::new(
            "encode",
            about,
            vec![stage.port()],
            vec![port],
            move |x| vec![inverts.invert(stage.items_of(&x[0]))],
        ));
    }
    if let Some(raises) = play.raises() {
        let port = Port::of(
            "attributes",
            &[raises.goals().len()],
            Holds::Numbers,
            raises.goals().join(", "),
        );
        let about = "the numbers of an item";
        all.push(Function::new(
            "read",
            about,
            vec![stage.port()],
            vec![port],
            move |x| vec![raises.predicted(stage.items_of(&x[0]))],
        ));
    }
    if let Some(tells) = play.tells() {
        let meaning = format!(
            "logarithms of the classes' probabilities: {}",
            stage.labels.join(", ")
        );
        let port = Port::of(
            "log_probabilities",
            &[stage.labels.len()],
            Holds::Numbers,
            meaning,
        );
        let about = "the class of an item";
        all.push(Function::new(
            "classify",
            about,
            vec![stage.port()],
            vec![port],
            move |x| vec![log_softmax(tells.class_scores(stage.items_of(&x[0])), 1)],
        ));
    }
    if let Some(sorts) = play.sorts() {
        let meaning = "logarithms of the groups' probabilities";
        let port = Port::of("log_probabilities", &[sorts.groups()], Holds::Numbers, meaning);
        let about = "the group of an item, of groups that nobody has named";
        all.push(Function::new(
            "group",
            about,
            vec![stage.port()],
            vec![port],
            move |x| vec![log_softmax(sorts.group_scores(stage.items_of(&x[0])), 1)],
        ));
    }
    all
}

/// A function from an image to one of the same shape.
fn between<'a>(
    play: &'a impl Play,
    name: &'static str,
    about: &'static str,
    run: impl Fn(Tensor<4>) -> Tensor<4> + 'a,
) -> Function<'a> {
    let stage = play.stage();
    let shape = stage.image_shape();
    // Inputs and outputs of a graph have names of their own.
    let made = Port::of(
        "changed",
        &shape,
        Holds::Image,
        "the image, channels last, in [-1, 1]",
    );
    Function::new(name, about, vec![stage.port()], vec![made], move |x| {
        vec![rows(run(images(&x[0], shape)))]
    })
}

fn sample<'a>(play: &'a impl Play, draws: &'a dyn Draws) -> Function<'a> {
    let (stage, inputs) = (play.stage(), draws.inputs());
    let parts = inputs.len() - usize::from(draws.by_class());
    let run = move |x: &[Tensor<2>]| {
        let latents = match &x[..parts] {
            [latents] => latents.clone(),
            several => Tensor::cat(several.to_vec(), 1),
        };
        vec![stage.rows_of(draws.draw(latents, x.get(parts).cloned()))]
    };
    Function::new("sample", "a new item", inputs, vec![stage.port()], run)
}

fn between_domains<'a>(play: &'a impl Play, domains: &[String]) -> Function<'a> {
    let stage = play.stage();
    let [h, w, c] = stage.image_shape();
    // Of pairs one image is given.
    let (shape, image) = match stage.kind.has_sides() {
        true => {
            let shape = [h, w, c / 2];
            let what = "an image of the given side, channels last, in [-1, 1]";
            (shape, Port::of("image", &shape, Holds::Image, what))
        }
        false => ([h, w, c], stage.port()),
    };
    let told = format!(
        "how much of each an image is to show, 0 to 1: {}",
        domains.join(", ")
    );
    let inputs = vec![image, Port::of("domains", &[domains.len()], Holds::Unit, told)];
    let run = move |x: &[Tensor<2>]| {
        let play = play.translates().expect("it has said so");
        vec![rows(play.turn_told(images(&x[0], shape), x[1].clone()))]
    };
    let about = "an image as one of other domains";
    // Inputs and outputs of a graph have names of their own.
    let made = Port::of(
        "translated",
        &shape,
        Holds::Image,
        "the image, channels last, in [-1, 1]",
    );
    Function::new("translate", about, inputs, vec![made], run)
}

/// What an image shows where it is hidden: what is drawn in training drops nothing here, so that the answer is one.
fn complete<'a>(play: &'a impl Play, completes: &'a dyn Completes) -> Function<'a> {
    let (stage, [h, w, c]) = (play.stage(), play.stage().image_shape());
    let inputs = vec![
        stage.port(),
        Port::of(
            "known",
            &[h, w, 1],
            Holds::Unit,
            "1 where the image is known, 0 where it is hidden",
        ),
    ];
    let run = move |x: &[Tensor<2>]| {
        let (image, known) = (images(&x[0], [h, w, c]), images(&x[1], [h, w, 1]));
        vec![stage.rows_of(completes.fill(image, known, Drawn::Nothing))]
    };
    let made = Port::of(
        "completed",
        &[h, w, c],
        Holds::Image,
        "the image, channels last, in [-1, 1]",
    );
    Function::new(
        "complete",
        "an image with what was hidden filled in",
        inputs,
        vec![made],
        run,
    )
}

/// By direction.
const TRANSLATIONS: [[&str; 2]; 2] = [
    ["translate_a2b", "an image of the first side as one of the second"],
    ["translate_b2a", "an image of the second side as one of the first"],
];

/// An image and a style to an image, and an image to its style.
fn in_styles<'a>(play: &'a impl Play, styled: &'a dyn Styled, direction: Direction) -> Vec<Function<'a>> {
    const STYLES: [[&str; 2]; 2] = [
        ["style_b", "the style of an image of the second side"],
        ["style_a", "the style of an image of the first side"],
    ];
    let [h, w, both] = play.stage().image_shape();
    let image = [h, w, both / 2];
    let port = |name, what| Port::of(name, &image, Holds::Image, what);
    let style = || styled.port();
    let turned = move |x: &[Tensor<2>]| {
        let made = styled.turn_in(images(&x[0], image), x[1].clone(), direction);
        vec![rows(made)]
    };
    let encoded = move |x: &[Tensor<2>]| vec![styled.style_of(images(&x[0], image), direction)];
    let given = "an image of the given side, channels last, in [-1, 1]";
    let made = port(
        "translated",
        "the image of the other side, channels last, in [-1, 1]",
    );
    let [name, about] = TRANSLATIONS[direction.from()];
    let turn = Function::new(
        name,
        about,
        vec![port("image", given), style()],
        vec![made],
        turned,
    );
    let [name, about] = STYLES[direction.from()];
    let given = "an image, channels last, in [-1, 1]";
    let encode = Function::new(name, about, vec![port("image", given)], vec![style()], encoded);
    vec![turn, encode]
}

fn translate(play: &impl Play, direction: Direction) -> Function<'_> {
    /// Of layers that draw.
    const NOISE: [&str; 3] = ["noise_1", "noise_2", "noise_3"];
    let (stage, [name, about]) = (play.stage(), TRANSLATIONS[direction.from()]);
    let [h, w, both] = stage.image_shape();
    let image = [h, w, both / 2];
    let port = |name, what: &str| {
        Port::of(
            name,
            &image,
            Holds::Image,
            format!("{what}, channels last, in [-1, 1]"),
        )
    };
    let turn = move |x: Tensor<4>, drawn: Drawn<'_>| {
        let play = play.translates().expect("it has said so");
        let wanted = Wanted {
            direction,
            ..Wanted::default()
        };
        play.turn(x, &wanted, drawn)
    };
    // How much is drawn: a pass over nothing tells.
    let asked = RefCell::new(Vec::new());
    turn(
        Tensor::zeros([1, h, w, both / 2], &stage.plain()),
        Drawn::Given(&|layer, shape| {
            asked.borrow_mut().push((layer, shape));
            Tensor::zeros(shape, &stage.plain())
        }),
    );
    let asked = asked.into_inner();
    let mut inputs = vec![port("image", "an image of the given side")];
    inputs.extend(asked.iter().zip(NOISE).map(|((_, shape), name)| {
        Port::of(
            name,
            &shape[1..],
            Holds::Unit,
            "what drops numbers of a layer: uniform in [0, 1)",
        )
    }));
    let run = move |x: &[Tensor<2>]| {
        let given = |layer: usize, [_, h, w, c]: [usize; 4]| {
            let place = asked
                .iter()
                .position(|(l, _)| *l == layer)
                .expect("as the first time");
            images(&x[1 + place], [h, w, c])
        };
        vec![rows(turn(images(&x[0], image), Drawn::Given(&given)))]
    };
    let outputs = vec![port("translated", "the image of the other side")];
    Function::new(name, about, inputs, outputs, run)
}
