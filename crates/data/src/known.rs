//! The data sets that are known by name: those that come with the program, and where some others are.
use super::dsprites::Sprites;
use super::portraits::Portraits;
use super::{
    audio, claims, corners, drawn_table, environments, hiring, jaws, jets, notes, points, sequence, shapes,
    showers, simulators, stacked, video, wifi,
};
use crate::error::Error;
use crate::sequence::sentences;
use serde::Serialize;

/// A data set that is known by name.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SourceInfo {
    /// its name
    pub name: &'static str,
    /// what it is, in a line
    pub about: &'static str,
    /// shape of an item, channels last
    pub shape: &'static [usize],
    /// number of training items
    pub count: usize,
    /// who may do what with it
    pub licence: &'static str,
}

const OWN: &str = "drawn by this program; free of rights";

const fn points(name: &'static str, about: &'static str) -> SourceInfo {
    SourceInfo {
        name,
        about,
        shape: &[2],
        count: points::COUNT,
        licence: OWN,
    }
}

static KNOWN: &[SourceInfo] = &[
    SourceInfo {
        name: "digits",
        about: "handwritten digits, UCI optical digits (1998); 1,437 training and 360 test images",
        shape: &[8, 8, 1],
        count: 1437,
        licence: "CC BY 4.0, E. Alpaydin and C. Kaynak",
    },
    SourceInfo {
        name: "fashion",
        about: "clothes: the first 600 training and 100 test images of each class of Fashion-MNIST (2017)",
        shape: &[28, 28, 1],
        count: 6000,
        licence: "MIT, Zalando SE",
    },
    SourceInfo {
        name: "portraits",
        about: "painted faces of any --size with attributes and captions; endless, 20,000 unless --limit says otherwise",
        shape: &[64, 64, 3],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "dsprites",
        about: "squares, ellipses and hearts of any --size from five factors (the attributes); a tenth of 737,280 is the test part",
        shape: &[64, 64, 1],
        count: Sprites::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:video",
        about: "one face a video, of which the head turns, the mouth smiles or the light goes round (the labels); --frames N",
        shape: &[video::MovingPortraits::FRAMES, 64, 64, 3],
        count: video::MovingPortraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: video::TURNING,
        about: "one face a video, which turns by ten degrees a frame to the left, to the right, or not at all (the labels); --frames N",
        shape: &[video::TurningPortraits::FRAMES, 64, 64, 3],
        count: video::TurningPortraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:people",
        about: "100 people (the labels) from seven sides, in any light and before anything; 50 others in the test part; 10,000 pictures",
        shape: &[64, 64, 3],
        count: 10_000,
        licence: OWN,
    },
    SourceInfo {
        name: video::DIAGRAMS,
        about: "diagrams of a figure that moves, grows or turns by a rule, and four answers to what is next (the labels: which is right); endless, 4,000",
        shape: &[
            video::SHOWN + video::ANSWERS,
            video::SIDE_OF_DIAGRAMS,
            video::SIDE_OF_DIAGRAMS,
            1,
        ],
        count: video::OF_DIAGRAMS,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:edges",
        about: "pairs: the outlines of a face, and the face",
        shape: &[64, 64, 6],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:layout",
        about: "pairs: the map of a face's parts in nine colours, and the face",
        shape: &[64, 64, 6],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:placed",
        about: "pairs: a box, light on dark, and a face of its size there, before one colour",
        shape: &[64, 64, 6],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:frontal",
        about: "pairs: one of the people of portraits:people (the labels) from aside, and the same from the front",
        shape: &[64, 64, 6],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:sides",
        about: "unpaired: people who do not smile, others who do; portraits:sides=glasses, =beard, =beanie for these",
        shape: &[64, 64, 6],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:twins",
        about: "pairs: a face without a smile, and the same with one; =glasses, =beard, =beanie: what portraits:sides should become",
        shape: &[64, 64, 6],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:rain",
        about: "pairs: a face behind rain of any slant, length and strength, and the face",
        shape: &[64, 64, 6],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:matte",
        about: "pairs: a face before another background with its trimap as a fourth channel, and its own colours with alpha",
        shape: &[64, 64, 8],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:pasted",
        about: "pairs: a face with a part from another light pasted in and the part as a fourth channel, and the face",
        shape: &[64, 64, 8],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "shrunk:portraits",
        about: "pairs: a face shrunk 4 times (shrunk=8: as often) and blown up, and the face; shrunk:SOURCE does so with any images",
        shape: &[64, 64, 6],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "moving:digits",
        about: "two digits bounce in a frame of --size; moving:SOURCE does so with any source of images, MNIST's IDX files too",
        shape: &[video::Moving::FRAMES, 20, 20, 1],
        count: video::Moving::COUNT,
        licence: "as its images'",
    },
    SourceInfo {
        name: "stacked:digits",
        about: "a digit in each of three channels, a thousand modes; stacked:SOURCE does so with any grey images, MNIST's too",
        shape: &[8, 8, 3],
        count: stacked::Stacked::COUNT,
        licence: "as its images'",
    },
    SourceInfo {
        name: "negative:digits",
        about: "light for dark; edges: draws outlines, with-negative: and with-edges: add the images as they are, of any source of images",
        shape: &[8, 8, 1],
        count: 1437,
        licence: "as its images'",
    },
    points(
        "ring8",
        "8 Gaussians on a circle of radius 2, standard deviation 0.02; exact density",
    ),
    points(
        "grid25",
        "25 Gaussians on a 5x5 grid from -4 to 4, standard deviation 0.05; exact density",
    ),
    points("swissroll", "a spiral with Gaussian noise of 0.2; exact density"),
    points(
        "moons",
        "two interleaved half circles with Gaussian noise of 0.2; exact density",
    ),
    SourceInfo {
        name: drawn_table::NAME,
        about: "rows of ten columns that hang together, of three groups (the labels); endless, 2,000 unless --limit says otherwise",
        shape: &[drawn_table::COLUMNS],
        count: drawn_table::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: corners::NAME,
        about: "images of 2x2 pixels with one white corner (the labels), each as likely; endless, 2,000 unless --limit says otherwise",
        shape: &[corners::SIDE, corners::SIDE, 1],
        count: corners::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: jets::NAME,
        about: "pictures of jets of one or two prongs (the labels), with momentum, mass and occupied pixels (the attributes); endless, 4,000",
        shape: &[jets::SIDE, jets::SIDE, 1],
        count: jets::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: showers::NAME,
        about: "three layers of a calorimeter in one picture, with the energy that was asked for; what is measured as attributes; endless, 4,000",
        shape: &showers::SHAPE,
        count: showers::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: jaws::NAME,
        about: "pairs of heights of teeth, of which one is ground to a stump, with what stands against them and where the crown goes, and the same with the crown; endless, 4,000",
        shape: &[jaws::SIZE[0], jaws::SIZE[1], 6],
        count: jaws::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: wifi::NAME,
        about: "maps of the amplitudes of a Wi-Fi channel, measured at 15 places of a drawn room (the labels, and their coordinates); endless, 300",
        shape: &wifi::SHAPE,
        count: wifi::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: shapes::NAME,
        about: "voxels of chairs, cups, lamps, shelves and tables (the labels) of five parameters (the attributes), of any --size; endless, 4,000",
        shape: &[shapes::SIDE, shapes::SIDE, shapes::SIDE, 1],
        count: shapes::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: shapes::Press::SOURCE,
        about: "the same at rest and pressed by a force, as two channels; place, direction and size of the force and the material are the attributes; endless, 4,000",
        shape: &[shapes::SIDE, shapes::SIDE, shapes::SIDE, 2],
        count: shapes::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: sequence::FAMILY,
        about: "an aligned family of proteins of 32 columns, of which six pairs hang together and three may be missing; endless, 4,000",
        shape: &[sequence::COLUMNS, 21],
        count: sequence::PROTEINS,
        licence: OWN,
    },
    SourceInfo {
        name: sequence::DNA,
        about: "40 letters of DNA with two motifs planted in some; the attribute `activity` follows from the letters; endless, 4,000",
        shape: &[sequence::LENGTH_OF_DNA, 4],
        count: sequence::OF_DNA,
        licence: OWN,
    },
    SourceInfo {
        name: sequence::BRACKETS,
        about: "balanced brackets of four kinds, 24 letters at most, by a grammar that tells how likely each is; endless, 8,000 unless --limit says otherwise",
        shape: &[sequence::LENGTH_OF_BRACKETS, 9],
        count: sequence::OF_BRACKETS,
        licence: OWN,
    },
    SourceInfo {
        name: sequence::MOLECULES,
        about: "chains of a few groups and rings as SMILES of 24 letters at most; endless, 8,000 unless --limit says otherwise",
        shape: &[sequence::LENGTH_OF_MOLECULES, 14],
        count: sequence::OF_MOLECULES,
        licence: OWN,
    },
    SourceInfo {
        name: notes::MELODIES,
        about: "melodies in C major of two phrases, A A B A, as notes: length, pitch, loudness, wait; endless, 4,000 unless --limit says otherwise",
        shape: &[notes::LENGTH, notes::NUMBERS],
        count: notes::OF_MELODIES,
        licence: OWN,
    },
    SourceInfo {
        name: sequence::entailment::NAME,
        about: "pairs of sentences of three words, a letter each, and whether the first entails the second (the labels); endless, 2,000 unless --limit says otherwise",
        shape: &[sequence::entailment::LENGTH, 23],
        count: sequence::OF_ENTAILMENT,
        licence: OWN,
    },
    SourceInfo {
        name: sentences::TRANSLATION,
        about: "English sentences and their German, a letter a word: order, agreement, words of several translations; endless, 4,000 unless --limit says otherwise",
        shape: &[
            sentences::LENGTH_OF_TRANSLATION,
            sentences::SYMBOLS_OF_TRANSLATION,
        ],
        count: sentences::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: sentences::DIALOGUE,
        about: "questions and answers, a letter a word: half of the answers say nothing; endless, 4,000 unless --limit says otherwise",
        shape: &[sentences::LENGTH_OF_DIALOGUE, sentences::SYMBOLS_OF_DIALOGUE],
        count: sentences::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: hiring::NAME,
        about: "applicants of two groups, equally able, one hired more often: numbers and classes; endless, 8,000 unless --limit says otherwise",
        shape: &[hiring::COLUMNS],
        count: hiring::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: claims::NAME,
        about: "claims of an insurance: numbers of several modes, classes that are seldom; endless, 8,000 unless --limit says otherwise",
        shape: &[claims::COLUMNS],
        count: claims::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "simulator:gaussian",
        about: "runs of a simulator: two means, five observations of each; the posterior is known; endless, 20,000 unless --limit says otherwise",
        shape: &[12],
        count: simulators::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "simulator:queue",
        about: "runs of a queue with one server: three parameters, five quantiles of the times between departures; endless",
        shape: &[8],
        count: simulators::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "simulator:predators",
        about: "runs of predators and prey: logarithms of four rates, seven numbers of what became of them; endless",
        shape: &[11],
        count: simulators::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "expert:cart_pole",
        about: "what an expert does who balances a pole on a cart: four numbers of a state, and the action; endless, 1,000",
        shape: &[5],
        count: environments::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "expert:pendulum",
        about: "what an expert does who swings up a pendulum: three numbers of a state, and one of five torques; endless, 1,000",
        shape: &[4],
        count: environments::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "expert:maze",
        about: "what an expert does who knows the way out of a maze: row, column, and the move; endless, 1,000",
        shape: &[3],
        count: environments::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "chance:cart_pole",
        about: "what chance does with a pole on a cart: four numbers of a state, and the action; endless, 1,000",
        shape: &[5],
        count: environments::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "chance:pendulum",
        about: "what chance does with a pendulum: three numbers of a state, and one of five torques; endless, 1,000",
        shape: &[4],
        count: environments::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "chance:maze",
        about: "what chance does in a maze: row, column, and the move; endless, 1,000",
        shape: &[3],
        count: environments::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "tones",
        about: "short tones at 8 kHz of four timbres (the labels) and 25 pitches; endless, 2,000 unless --limit says otherwise",
        shape: &[audio::TONE_LENGTH, 1],
        count: audio::TONES,
        licence: OWN,
    },
];

/// Data sets that recipes are made for and that do not come with the program: what they are called, and where they are.
const ELSEWHERE: [(&str, &str, &str); 3] = [
    (
        "mnist",
        "MNIST",
        "its four IDX files are at https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    (
        "fashion-mnist",
        "Fashion-MNIST",
        "its four IDX files are at https://github.com/zalandoresearch/fashion-mnist",
    ),
    (
        "speech",
        "a set of speech",
        "any folder of WAV or FLAC files will do",
    ),
];

/// Every data set that needs no file and no network.
pub fn known_sources() -> &'static [SourceInfo] {
    KNOWN
}

/// The names of sets of points whose density is known.
pub fn point_sets() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().filter(|k| k.shape == [2]).map(|k| k.name)
}

/// Whether a set of this name is drawn by this program, so that there are as many items as are asked for.
pub(super) fn is_drawn(name: &str) -> bool {
    let whole = name.split_once('=').map_or(name, |(whole, _)| whole);
    KNOWN.iter().any(|k| k.name == whole) && !["digits", "fashion"].contains(&name)
}

/// What is said of a set that recipes are made for and that does not come with the program.
pub(super) fn elsewhere(name: &str) -> Option<Error> {
    let (_, what, place) = ELSEWHERE.iter().find(|(known, _, _)| *known == name)?;
    let fix = format!("give the folder it lies in with --data FOLDER; {place}");
    Some(Error::usage(
        format!("{what} does not come with the program"),
        fix,
    ))
}
