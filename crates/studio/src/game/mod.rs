//! The game of two on points of the plane: played by a thread of its own, looked at by pages.
mod board;
mod drawn;
mod line;

use crate::http::Refusal;
pub(crate) use board::may_begin;
use board::{Board, SHOWN};
use menagerie::models::Player;
use menagerie::recipe::Recipe;
use menagerie::run::Run;
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Games at a time.
const AT_A_TIME: usize = 4;
/// Moves that wait.
const QUEUE: usize = 256;
/// A game that nobody looks at ends after so long.
const ALONE: Duration = Duration::from_secs(600);
/// A page that is not looked at is asked this often whether it is still there.
const STAY: Duration = Duration::from_millis(500);
/// Pictures of a game follow each other no faster than this.
const FRAME: Duration = Duration::from_millis(40);
/// Where there are so few cores, a game at full speed that is looked at rests for half as long as each step took: a browser without a graphics
/// card needs a core.
const FEW_CORES: usize = 2;
/// Updates by hand of one request.
pub(crate) const MOST_MOVES: u64 = 1000;

/// What a page may do.
#[derive(Debug)]
pub(crate) enum Move {
    /// go on by itself, at so many steps a second; 0 for as fast as can be
    Play(f64),
    /// wait
    Pause,
    /// so many whole steps
    Steps(u64),
    /// so many updates of one of the two
    Turns(Player, u64),
    /// another learning rate
    Rate(Player, f64),
    /// other rules, keys of the recipe with their values as TOML; networks and data stay
    Rules(Vec<(String, String)>),
    /// other data, points of the plane in the data's units; `None` for the recipe's own
    Draw(Option<Vec<[f32; 2]>>),
    /// end
    End,
}

/// Where a game's thread puts what is seen, and pages wait for it.
#[derive(Default)]
struct Shown {
    /// grows with every picture
    version: u64,
    frame: Arc<Value>,
    /// which data are played on, and what they look like
    data: (u64, Arc<Value>),
    /// how many moves could not be made, and why the last could not
    refused: (u64, String),
    watchers: usize,
    /// pages that are there, but not looked at
    away: usize,
    /// why it is over
    over: Option<String>,
}

/// A game that is going on.
pub(crate) struct Session {
    moves: SyncSender<Move>,
    shown: Mutex<Shown>,
    changed: Condvar,
}

/// All games.
pub(crate) struct Games {
    sessions: Mutex<(u64, Vec<(u64, Arc<Session>)>)>,
}

impl Games {
    pub(crate) fn new() -> Games {
        Games {
            sessions: Mutex::new((0, vec![])),
        }
    }

    /// Begins a game by a recipe, with fresh networks or those of a run; gives its number.
    ///
    /// # Errors
    /// For recipes that are not played so.
    pub(crate) fn begin(&self, recipe: Recipe, from: Option<&Run>) -> Result<u64, Refusal> {
        self.start(Board::new(recipe, from)?)
    }

    /// Begins the original GAN on a line.
    ///
    /// # Errors
    /// Where there are too many games.
    pub(crate) fn begin_line(&self) -> Result<u64, Refusal> {
        self.start(Board::line()?)
    }

    fn start(&self, board: Board) -> Result<u64, Refusal> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.1.retain(|(_, s)| s.shown().over.is_none());
        // One that nobody looks at gives way.
        let left = sessions.1.iter().position(|(_, s)| s.shown().watchers == 0);
        if let Some(at) = left.filter(|_| sessions.1.len() >= AT_A_TIME) {
            sessions.1.remove(at).1.take(Move::End).ok();
        }
        if sessions.1.len() >= AT_A_TIME {
            return Err(Refusal::new(
                429,
                format!("{AT_A_TIME} games are played already; close the page of one"),
            ));
        }
        let (moves, taken) = sync_channel(QUEUE);
        let session = Arc::new(Session {
            moves,
            shown: Mutex::default(),
            changed: Condvar::new(),
        });
        let own = session.clone();
        let thread = std::thread::Builder::new().name("game".into());
        thread
            .spawn(move || play(board, &own, &taken))
            .map_err(|e| Refusal::new(500, format!("cannot start a game: {e}")))?;
        sessions.0 += 1;
        let id = sessions.0;
        sessions.1.push((id, session));
        Ok(id)
    }

    /// The game of that number.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Session>, Refusal> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let found = sessions.1.iter().find(|(n, _)| n.to_string() == id);
        found
            .map(|(_, s)| s.clone())
            .ok_or_else(|| Refusal::missing("such game; it may have ended"))
    }
}

impl Session {
    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a move made.
    ///
    /// # Errors
    /// When too many wait, or the game is over.
    pub(crate) fn take(&self, a_move: Move) -> Result<(), Refusal> {
        if let Some(why) = &self.shown().over {
            return Err(Refusal::new(409, why.clone()));
        }
        self.moves
            .try_send(a_move)
            .map_err(|_| Refusal::new(503, "the game has not come to the moves before; wait"))
    }

    /// Is there without looking on, so that the game goes on by itself: calls `ping` now and then until it fails or the game is over.
    pub(crate) fn stay(&self, mut ping: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
        self.shown().away += 1;
        let _returns = Returns(self);
        while self.shown().over.is_none() {
            ping()?;
            std::thread::sleep(STAY);
        }
        Ok(())
    }

    /// Looks on: calls `send` with each picture as it comes, skipping those that come faster than it takes them, and with
    /// nothing now and then, until it fails or the game is over.
    pub(crate) fn watch(
        &self,
        mut send: impl FnMut(Option<(&str, &Value)>) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        self.shown().watchers += 1;
        let _leaves = Leaves(self);
        let (mut version, mut data, mut refused) = (0, 0, self.shown().refused.0);
        loop {
            let (frame, news, refusal, over) = {
                let mut shown = self.shown();
                if shown.version == version && shown.over.is_none() {
                    let wait = Duration::from_secs(3);
                    let waited = self.changed.wait_timeout(shown, wait);
                    shown = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                let frame = (shown.version != version).then(|| shown.frame.clone());
                let news = (shown.data.0 != data).then(|| shown.data.clone());
                let refusal = (shown.refused.0 != refused).then(|| shown.refused.clone());
                version = shown.version;
                (frame, news, refusal, shown.over.clone())
            };
            if let Some((of, why)) = refusal {
                refused = of;
                send(Some(("refused", &json!(why))))?;
            }
            if let Some((of, points)) = news {
                data = of;
                send(Some(("data", &points)))?;
            }
            match frame {
                Some(frame) => send(Some(("frame", &frame)))?,
                None => send(None)?,
            }
            if let Some(why) = over {
                return send(Some(("over", &json!(why))));
            }
        }
    }
}

/// Counts a page that looks on, until it no longer does.
struct Leaves<'a>(&'a Session);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.shown().watchers -= 1;
    }
}

/// Counts a page that is not looked at, until it is gone.
struct Returns<'a>(&'a Session);

impl Drop for Returns<'_> {
    fn drop(&mut self) {
        self.0.shown().away -= 1;
    }
}

/// Tells that a game is over, however its thread ended.
struct Over<'a>(&'a Session);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let mut shown = self.0.shown();
        shown
            .over
            .get_or_insert_with(|| "the game ended by a failure of the program".into());
        drop(shown);
        self.0.changed.notify_all();
    }
}

/// How a game goes by itself.
struct Pace {
    playing: bool,
    /// steps a second; 0 for as many as can be
    rate: f64,
    /// when the last step at that rate was due
    since: Instant,
}

/// The game's thread.
fn play(mut board: Board, session: &Session, moves: &Receiver<Move>) {
    let over = Over(session);
    let why = match played(&mut board, session, moves) {
        Ok(()) => "the game was closed".to_string(),
        Err(refusal) => refusal.text,
    };
    session.shown().over = Some(why);
    drop(over);
}

fn played(board: &mut Board, session: &Session, moves: &Receiver<Move>) -> Result<(), Refusal> {
    let mut pace = Pace {
        playing: false,
        rate: 0.0,
        since: Instant::now(),
    };
    let few = std::thread::available_parallelism().map_or(1, usize::from) <= FEW_CORES;
    let mut last_seen = Instant::now();
    let mut last_frame: Option<Instant> = None;
    let mut cost = Duration::ZERO;
    let mut stale = true;
    show_data(board, session);
    loop {
        let (watched, there) = {
            let shown = session.shown();
            (shown.watchers > 0, shown.watchers + shown.away > 0)
        };
        if watched {
            last_seen = Instant::now();
        } else if last_seen.elapsed() > ALONE {
            return Ok(());
        }
        // A picture costs time that steps could have: it takes a third at most, and none where nobody looks.
        let due = watched && last_frame.is_none_or(|at| at.elapsed() >= FRAME.max(3 * cost));
        if stale && (due || !pace.playing) {
            let begun = Instant::now();
            show(board, session, &pace)?;
            cost = begun.elapsed();
            last_frame = Some(Instant::now());
            stale = false;
        }
        let next = match pace.playing && there {
            true => match moves.try_recv() {
                Ok(m) => Some(m),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return Ok(()),
            },
            false => match moves.recv_timeout(Duration::from_millis(500)) {
                Ok(m) => Some(m),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            },
        };
        match next {
            Some(Move::End) => return Ok(()),
            Some(m) => {
                let draws = matches!(m, Move::Draw(_));
                match made(board, m, &mut pace) {
                    // A move that cannot be made leaves the game as it was.
                    Err(refusal) if refusal.status == 400 => {
                        let mut shown = session.shown();
                        shown.refused = (shown.refused.0 + 1, refusal.text);
                    }
                    made => made?,
                }
                if draws {
                    show_data(board, session);
                }
                stale = true;
            }
            None => {
                let begun = Instant::now();
                stale |= stepped(board, &mut pace)?;
                if watched && few && pace.rate == 0.0 {
                    std::thread::sleep(begun.elapsed() / 2);
                }
            }
        }
    }
}

fn made(board: &mut Board, a_move: Move, pace: &mut Pace) -> Result<(), Refusal> {
    match a_move {
        Move::Play(rate) => {
            *pace = Pace {
                playing: true,
                rate,
                since: Instant::now(),
            }
        }
        Move::Pause => pace.playing = false,
        Move::Steps(n) => (0..n).try_for_each(|_| board.step())?,
        Move::Turns(player, n) => (0..n).try_for_each(|_| board.turn(player))?,
        Move::Rate(player, rate) => board.set_rate(player, rate)?,
        Move::Rules(settings) => board.set_rules(&settings)?,
        Move::Draw(points) => board.set_data(points)?,
        Move::End => {}
    }
    Ok(())
}

/// A step, if it is time for one; else a short wait.
fn stepped(board: &mut Board, pace: &mut Pace) -> Result<bool, Refusal> {
    if pace.rate > 0.0 {
        let wait = Duration::from_secs_f64(1.0 / pace.rate);
        let passed = pace.since.elapsed();
        if passed < wait {
            std::thread::sleep((wait - passed).min(Duration::from_millis(20)));
            return Ok(false);
        }
        // What was missed while a picture was made is not made up for in one go.
        pace.since = match passed < 4 * wait {
            true => pace.since + wait,
            false => Instant::now(),
        };
    }
    board.step()?;
    Ok(true)
}

fn show_data(board: &Board, session: &Session) {
    let points = board.data(SHOWN);
    let mut shown = session.shown();
    shown.data = (shown.data.0 + 1, Arc::new(points));
}

fn show(board: &mut Board, session: &Session, pace: &Pace) -> Result<(), Refusal> {
    let mut frame = board.frame()?;
    frame["playing"] = pace.playing.into();
    let mut shown = session.shown();
    shown.frame = Arc::new(frame);
    shown.version += 1;
    drop(shown);
    session.changed.notify_all();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_goes_on_while_nobody_looks() {
        let games = Games::new();
        let mut recipe = Recipe::named("gan-ring8").unwrap();
        let small = [("model.width", "8"), ("train.batch", "16")];
        recipe
            .set_all(&small.map(|(k, v)| (k.to_string(), v.to_string())))
            .unwrap();
        let id = games.begin(recipe, None).unwrap().to_string();
        let session = games.get(&id).unwrap();
        let steps = || session.shown().frame["steps"].as_u64();
        // With no page at all it waits; with one that is not looked at it goes on.
        session.take(Move::Play(0.0)).unwrap();
        session.take(Move::Turns(Player::Generator, 1)).unwrap();
        session.take(Move::Pause).unwrap();
        while session.shown().frame["turns"] != json!([0, 1]) {
            std::thread::yield_now();
        }
        assert_eq!(steps(), Some(0));
        let mut asked = 0;
        session
            .stay(|| {
                asked += 1;
                session
                    .take(if asked % 2 == 1 {
                        Move::Play(0.0)
                    } else {
                        Move::Pause
                    })
                    .unwrap();
                if asked > 2 && steps() > Some(0) {
                    session.take(Move::End).unwrap();
                }
                Ok(())
            })
            .unwrap();
        assert!(steps() > Some(0));
    }

    #[test]
    fn a_game_is_watched_played_and_over() {
        let games = Games::new();
        let mut recipe = Recipe::named("gan-ring8").unwrap();
        let small = [("model.width", "8"), ("train.batch", "16")];
        recipe
            .set_all(&small.map(|(k, v)| (k.to_string(), v.to_string())))
            .unwrap();
        let id = games.begin(recipe.clone(), None).unwrap().to_string();
        let session = games.get(&id).unwrap();
        session.take(Move::Turns(Player::Discriminator, 2)).unwrap();
        session.take(Move::Turns(Player::Generator, 1)).unwrap();
        session.take(Move::Steps(3)).unwrap();
        session.take(Move::Rate(Player::Generator, 0.5)).unwrap();
        session
            .take(Move::Draw(Some(vec![[0.5, 0.5], [-0.5, 0.0]])))
            .unwrap();
        let mut datas = 0;
        let mut seen = Value::Null;
        session
            .watch(|event| {
                let Some((name, value)) = event else { return Ok(()) };
                match name {
                    "data" => datas += 1,
                    "frame" if value["rates"][1] == 0.5 && datas > 0 => {
                        seen = value.clone();
                        session.take(Move::End).ok();
                    }
                    _ => {}
                }
                Ok(())
            })
            .unwrap();
        assert_eq!((&seen["turns"], &seen["steps"]), (&json!([5, 4]), &json!(3)));
        assert_eq!(seen["playing"], false);
        assert!(session.take(Move::Pause).is_err(), "it is over");
        assert!(games.get("99").is_err());
        // Games that nobody looks at give way to new ones.
        let ids: Vec<u64> = (0..=AT_A_TIME)
            .map(|_| games.begin(recipe.clone(), None).unwrap())
            .collect();
        assert!(games.get(&ids[0].to_string()).is_err() && games.get(&ids[AT_A_TIME].to_string()).is_ok());
    }
}
