//! Whose turn it is, where a controller keeps the balance (Susmelj et al. 2017, ABC-GAN).
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// `[game.balance]`: each step updates one of the two. The share r of the discriminator's turns follows how many samples it takes
/// for data: r <- r + gain (E D(G(z)) - target), within [0, 1], as the authors' code has it. Turns are spread evenly, where
/// the authors draw them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Balance {
    /// the mean D(G(z)) that is aimed at: below one half, so that the discriminator stays somewhat ahead
    pub target: f64,
    /// how fast the share follows (the authors' code: 0.001); a fast one swings between turns of one alone
    pub gain: f64,
}

impl Default for Balance {
    fn default() -> Self {
        Balance {
            target: 0.25,
            gain: 0.001,
        }
    }
}

impl Balance {
    /// Refuses numbers that steer nothing.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        match self.target > 0.0 && self.target < 1.0 && self.gain.is_finite() && self.gain >= 0.0 {
            true => Ok(()),
            false => Err(Error::recipe(
                "game.balance",
                format!(
                    "a target of {} with a gain of {} cannot be held",
                    self.target, self.gain
                ),
                "give a target between 0 and 1, and a gain of 0 or more",
            )),
        }
    }
}

/// `[game.freeze]`: a player stands still for a step where its loss in the last one was below a share of the other's (Mogren 2016,
/// C-RNN-GAN, section 3.1). Of the discriminator the mean of its two terms counts, so that both losses are ln 2 where nothing can be
/// told apart; above that nobody is ahead, however badly the other does, and the player learns on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Freeze {
    /// the share (paper: 0.7)
    pub below: f64,
}

impl Default for Freeze {
    fn default() -> Self {
        Freeze { below: 0.7 }
    }
}

impl Freeze {
    /// Refuses shares at which both would stand still.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        match (0.0..1.0).contains(&self.below) {
            true => Ok(()),
            false => {
                let problem = format!("{} is no share of the other's loss", self.below);
                Err(Error::recipe(
                    "game.freeze.below",
                    problem,
                    "give 0 to below 1, such as 0.7",
                ))
            }
        }
    }
}

/// The share so far, and how much of a turn the discriminator has saved up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turns {
    /// of the discriminator
    pub share: f64,
    saved: f64,
    /// turns taken of both: what falls with time falls by these, since updates of one alone may stand still
    pub taken: u64,
    /// losses in the last turn, of the discriminator and of the generator
    losses: [f64; 2],
}

impl Default for Turns {
    fn default() -> Self {
        Turns {
            share: 0.25,
            saved: 0.5,
            taken: 0,
            losses: [1.0; 2],
        }
    }
}

impl Turns {
    /// Whether the next turn, which is thereby taken, is the discriminator's.
    pub fn is_critics(&mut self) -> bool {
        self.saved += self.share;
        let its = self.saved >= 1.0;
        if its {
            self.saved -= 1.0;
        }
        its
    }

    /// Ends a turn, with the mean D(G(z)) in it.
    pub fn follow(&mut self, balance: Balance, believed: f64) {
        self.taken += 1;
        self.share = (self.share + balance.gain * (believed - balance.target)).clamp(0.0, 1.0);
    }

    /// Who learns in the next turn: the discriminator, the generator.
    pub fn learners(&self, freeze: Freeze) -> [bool; 2] {
        let [critic, generator] = self.losses;
        let learns = |own: f64, other: f64| own >= LN_2.min(freeze.below * other);
        [learns(critic, generator), learns(generator, critic)]
    }

    /// Ends a turn, with the logits that the discriminator gave data and samples in it.
    pub fn judged(&mut self, data: &[f32], samples: &[f32]) {
        // -ln sigmoid(s) for what is to be taken for data.
        let mean = |scores: &[f32], sign: f64| {
            let term = |s: &f32| (1.0 + (-sign * f64::from(*s)).exp()).ln();
            scores.iter().map(term).sum::<f64>() / scores.len().max(1) as f64
        };
        self.taken += 1;
        self.losses = [(mean(data, 1.0) + mean(samples, -1.0)) / 2.0, mean(samples, 1.0)];
    }

    /// For a checkpoint.
    pub fn written(self) -> String {
        let [critic, generator] = self.losses;
        let Turns {
            share, saved, taken, ..
        } = self;
        format!("{share:?} {saved:?} {taken} {critic:?} {generator:?}")
    }

    /// What `written` gave.
    pub fn read(text: &str) -> Option<Turns> {
        let mut parts = text.split(' ');
        Some(Turns {
            share: parts.next()?.parse().ok()?,
            saved: parts.next()?.parse().ok()?,
            taken: parts.next()?.parse().ok()?,
            // Earlier checkpoints have none.
            losses: [(); 2].map(|()| parts.next().and_then(|p| p.parse().ok()).unwrap_or(1.0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_have_their_share() {
        let mut turns = Turns {
            share: 0.3,
            ..Turns::default()
        };
        let its = (0..1000).filter(|_| turns.is_critics()).count();
        assert!((299..=301).contains(&its), "{its}");
        assert_eq!(Turns::read(&turns.written()), Some(turns));
    }

    /// Where nothing is told apart both learn; who is far ahead stands still, whichever it is.
    #[test]
    fn who_is_far_ahead_stands_still() {
        let of = |data: f32, samples: f32| {
            let mut turns = Turns::default();
            turns.judged(&[data; 3], &[samples; 3]);
            assert_eq!(Turns::read(&turns.written()), Some(turns));
            turns
        };
        let freeze = Freeze::default();
        let even = of(0.0, 0.0);
        assert!((even.losses[0] - 2f64.ln()).abs() < 1e-12 && (even.losses[1] - 2f64.ln()).abs() < 1e-12);
        assert_eq!(even.learners(freeze), [true, true]);
        assert_eq!(
            of(3.0, -3.0).learners(freeze),
            [false, true],
            "the discriminator is ahead"
        );
        assert_eq!(
            of(0.0, 3.0).learners(freeze),
            [true, false],
            "the generator is ahead"
        );
        assert_eq!(of(3.0, -3.0).learners(Freeze { below: 0.0 }), [true, true]);
        assert_eq!(
            of(-2.0, -2.0).learners(freeze),
            [true, true],
            "it tells nothing apart"
        );
    }

    /// A discriminator that believes too much gets more turns, one that believes too little fewer, down to none.
    #[test]
    fn the_share_follows_what_is_believed() {
        let mut turns = Turns::default();
        let before = turns.share;
        turns.follow(Balance::default(), 0.9);
        assert!(turns.share > before);
        (0..2000).for_each(|_| turns.follow(Balance::default(), 0.0));
        assert_eq!(turns.taken, 2001);
        assert_eq!(turns.share, 0.0);
        assert!(!turns.is_critics() && !turns.is_critics());
    }
}
