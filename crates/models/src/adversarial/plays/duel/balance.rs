//! Whose turn it is, where a controller keeps the balance (Susmelj et al. 2017, ABC-GAN).
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

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

/// The share so far, and how much of a turn the discriminator has saved up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turns {
    /// of the discriminator
    pub share: f64,
    saved: f64,
    /// turns taken of both: what falls with time falls by these, since updates of one alone may stand still
    pub taken: u64,
}

impl Default for Turns {
    fn default() -> Self {
        Turns {
            share: 0.25,
            saved: 0.5,
            taken: 0,
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

    /// For a checkpoint.
    pub fn written(self) -> String {
        format!("{:?} {:?} {}", self.share, self.saved, self.taken)
    }

    /// What `written` gave.
    pub fn read(text: &str) -> Option<Turns> {
        let mut parts = text.split(' ');
        Some(Turns {
            share: parts.next()?.parse().ok()?,
            saved: parts.next()?.parse().ok()?,
            taken: parts.next()?.parse().ok()?,
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
