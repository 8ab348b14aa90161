//! Sizes are checked before memory is taken: a slip of the finger in a recipe gets one clear line, not an abort in the
//! allocator.
use crate::error::{Error, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// No whole number of a recipe's model may be larger: products of a few of them then fit into 64 bits.
pub const LARGEST: i64 = 1 << 24;

/// Bytes of this machine's memory that this program may have, as far as the system says; else 64 GiB.
pub fn memory() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let total = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
        line.trim()
            .trim_end_matches(" kB")
            .trim()
            .parse::<u64>()
            .ok()
            .map(|kib| kib << 10)
    });
    let group = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse::<u64>().ok());
    // `ulimit -v`
    let space = read("/proc/self/limits").and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("Max address space"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    let limits = [group, space].into_iter().flatten();
    limits.fold(total.unwrap_or(64 << 30), u64::min)
}

/// Bytes that a packed file of `length` bytes may stand for: 256 MB, or 200 times its length. Deflate can pack a thousand
/// into one, but no data that are worth learning are packed so far.
pub fn unpacked(length: u64) -> u64 {
    length.saturating_mul(200).max(256 << 20)
}

/// Refuses `what` where so many 32-bit numbers (the product of `sizes`) are more than half of the machine's memory.
///
/// # Errors
/// [`Error::Usage`]; `fix` says what to make smaller.
pub fn affordable(what: &str, sizes: &[usize], fix: &str) -> Result<()> {
    let bytes = sizes
        .iter()
        .fold(4u128, |n, &size| n.saturating_mul(size as u128));
    let half = memory() / 2;
    if bytes <= half as u128 {
        return Ok(());
    }
    let gb = |n: f64| {
        if n < 1e12 {
            format!("{:.1} GB", n / 1e9)
        } else {
            format!("{:.1e} GB", n / 1e9)
        }
    };
    let problem = format!(
        "{what} would take {}, over half of this machine's {}",
        gb(bytes as f64),
        gb(memory() as f64)
    );
    Err(Error::usage(problem, fix))
}

thread_local!(static GUARDED: Cell<bool> = const { Cell::new(false) });

/// Does work that may panic on bad input, such as a decoder's, and gives the panic as an error. A program's panic hook can
/// ask [`is_guarded`], to say nothing of what is caught.
///
/// # Errors
/// What the panic carries.
pub fn guarded<T>(work: impl FnOnce() -> T) -> std::thread::Result<T> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result
}

/// Whether a panic of this thread would be caught by [`guarded`].
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// No model has more tensors of weights: one that wants more has a slip of the finger in its depth, and each takes memory
/// and time whatever its size.
const MOST_WEIGHTS: u32 = 1 << 16;

thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
thread_local!(static LEFT: Cell<Option<u128>> = const { Cell::new(None) });

/// What unwinds from `claim` to `while_building`; nobody else sees it.
struct TooLarge(String);

/// Builds a model: weights that would together take over half of the machine's memory, or that are too many, end it with
/// an error.
///
/// Constructors of layers give layers, not results, so the refusal unwinds from the first weights that are too many
/// (see `claim`) to here.
///
/// # Errors
/// [`Error::Recipe`] for such weights; those of `build`.
pub fn while_building<T>(build: impl FnOnce() -> Result<T>) -> Result<T> {
    let outer = (LEFT.replace(Some((memory() / 8) as u128)), COUNT.replace(0));
    let result = catch_unwind(AssertUnwindSafe(build));
    LEFT.set(outer.0);
    COUNT.set(outer.1);
    result.unwrap_or_else(|panic| match panic.downcast::<TooLarge>() {
        Ok(told) => Err(Error::recipe(
            "model",
            told.0,
            "make the numbers in [model] smaller, such as its depth, width or latent size",
        )),
        Err(panic) => resume_unwind(panic),
    })
}

/// Takes a tensor of weights off what a model that is being built may have.
pub fn claim(shape: &[usize]) {
    let Some(left) = LEFT.get() else { return };
    COUNT.set(COUNT.get() + 1);
    if COUNT.get() > MOST_WEIGHTS {
        resume_unwind(Box::new(TooLarge(format!(
            "it would have over {MOST_WEIGHTS} tensors of weights"
        ))));
    }
    let size = shape.iter().fold(1u128, |n, &s| n.saturating_mul(s as u128));
    match left.checked_sub(size) {
        Some(rest) => LEFT.set(Some(rest)),
        // Not a panic: no message is printed.
        None => resume_unwind(Box::new(TooLarge(format!(
            "its weights alone would take over half of this machine's {:.1} GB of memory",
            memory() as f64 / 1e9
        )))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_let_through_and_what_does_not_is_told() {
        assert!(memory() > 1 << 28);
        assert!(affordable("1000 samples", &[1000, 64, 64, 3], "ask for fewer").is_ok());
        let told = affordable("so many samples", &[usize::MAX, usize::MAX, 3], "ask for fewer")
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("so many samples would take") && told.contains("ask for fewer"),
            "{told}"
        );
    }

    #[test]
    fn a_guarded_panic_is_an_error() {
        assert!(!is_guarded());
        assert!(guarded(is_guarded).unwrap());
        // Silent here, too: a panic with a payload of its own, which no hook sees.
        assert!(guarded(|| resume_unwind(Box::new("damaged"))).is_err());
        assert!(!is_guarded());
    }

    #[test]
    fn weights_are_counted_together_and_only_while_a_model_is_built() {
        let quarter = (memory() / 32) as usize;
        let build = |n: usize| {
            while_building(|| {
                (0..n).for_each(|_| claim(&[quarter]));
                Ok(n)
            })
        };
        assert_eq!(build(4).unwrap(), 4);
        assert!(build(5).unwrap_err().to_string().contains("weights alone"));
        assert_eq!(build(4).unwrap(), 4);
        let deep = while_building(|| {
            (0..100_000).for_each(|_| claim(&[1]));
            Ok(())
        });
        assert!(deep.unwrap_err().to_string().contains("over 65536 tensors"));
        claim(&[usize::MAX, usize::MAX]);
    }
}
