//! Every convolution of DCGAN-64, and 3x3 ones of a residual network: three passes each, ours and
//! PyTorch's alternately.
//!
//! PyTorch runs both memory layouts, and the better one counts. With one thread, CPU time is
//! measured on both sides, so that other load on the machine hardly matters; with more, wall time.
use menagerie_kernels::conv::{self, Epilogue, Pass, Path, Shape};
use std::io::{BufRead, BufReader, Error, ErrorKind, Result, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What to measure.
struct Options {
    rounds: usize,
    /// Only layers whose names contain this.
    filter: String,
    batch: usize,
    /// The path that every pass takes, or none to let the library choose.
    path: Option<Path>,
}

/// Name, whether it is transposed, and the convolution that it is (the transpose of): height and
/// width, channels, kernel, stride, padding.
struct Layer(&'static str, bool, usize, [usize; 2], usize, usize, usize);

const LAYERS: [Layer; 17] = [
    Layer("D1 3>64", false, 64, [3, 64], 4, 2, 1),
    Layer("D2 64>128", false, 32, [64, 128], 4, 2, 1),
    Layer("D3 128>256", false, 16, [128, 256], 4, 2, 1),
    Layer("D4 256>512", false, 8, [256, 512], 4, 2, 1),
    Layer("D5 512>1", false, 4, [512, 1], 4, 1, 0),
    Layer("G1 100>512", true, 4, [512, 100], 4, 1, 0),
    Layer("G2 512>256", true, 8, [256, 512], 4, 2, 1),
    Layer("G3 256>128", true, 16, [128, 256], 4, 2, 1),
    Layer("G4 128>64", true, 32, [64, 128], 4, 2, 1),
    Layer("G5 64>3", true, 64, [3, 64], 4, 2, 1),
    Layer("28 D1 1>64", false, 28, [1, 64], 4, 2, 1),
    Layer("28 D2 64>128", false, 14, [64, 128], 4, 2, 1),
    Layer("28 G1 128>64", true, 14, [64, 128], 4, 2, 1),
    Layer("28 G2 64>1", true, 28, [1, 64], 4, 2, 1),
    Layer("3x3 64 at 32", false, 32, [64, 64], 3, 1, 1),
    Layer("3x3 128 at 16", false, 16, [128, 128], 3, 1, 1),
    Layer("3x3 256 at 8", false, 8, [256, 256], 3, 1, 1),
];

/// PyTorch in a process of its own, which answers a line with a line of milliseconds.
struct Peer {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start() -> Result<Peer> {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/conv_layers.py");
        let threads = menagerie_kernels::threads().to_string();
        let mut child = Command::new(&python)
            .args([script, &threads])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(ask), Some(out)) => Ok(Peer {
                child,
                ask,
                answers: BufReader::new(out),
            }),
            _ => Err(Error::new(ErrorKind::BrokenPipe, "no pipe to Python")),
        }
    }

    /// Milliseconds of each repetition of a pass (`forward`, `input` or `weight`) of a layer.
    fn time(
        &mut self,
        layer: &Layer,
        pass: Pass,
        batch: usize,
        layout: &str,
        repeat: usize,
    ) -> Result<Vec<f64>> {
        let Layer(_, transposed, h, [ic, oc], k, s, p) = layer;
        let transposed = usize::from(*transposed);
        writeln!(
            self.ask,
            "{pass:?} {layout} {transposed} {batch} {h} {ic} {oc} {k} {s} {p} {repeat}"
        )?;
        self.ask.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let times: Vec<f64> = line.split_whitespace().filter_map(|v| v.parse().ok()).collect();
        if times.len() == repeat {
            Ok(times)
        } else {
            Err(Error::new(
                ErrorKind::InvalidData,
                format!("PyTorch's process said {line:?}"),
            ))
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds: of this thread's CPU time when it is the only one, else of the clock on the wall.
fn now() -> f64 {
    let clock = if menagerie_kernels::threads() == 1 {
        libc::CLOCK_THREAD_CPUTIME_ID
    } else {
        libc::CLOCK_MONOTONIC
    };
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `t` is a timespec to write to.
    unsafe { libc::clock_gettime(clock, &mut t) };
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// The same of ours. The passes of a transposed convolution are those of its transpose, swapped.
fn time_ours(layer: &Layer, pass: Pass, o: &Options, repeat: usize) -> Result<Vec<f64>> {
    let &Layer(_, transposed, h, channels, k, s, p) = layer;
    let shape = Shape::new(o.batch, [h; 2], channels, [k; 2], [s; 2], [p; 2])
        .map_err(|e| Error::new(ErrorKind::InvalidInput, e))?;
    let pass = match (transposed, pass) {
        (true, Pass::Forward) => Pass::Input,
        (true, Pass::Input) => Pass::Forward,
        (_, pass) => pass,
    };
    let path = match o.path {
        Some(Path::Winograd(_)) if !conv::winograd::possible(&shape) => Path::Direct,
        Some(path) => path,
        None => conv::path(&shape, pass),
    };
    let fill = |n: usize| {
        (0..n)
            .map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5)
            .collect::<Vec<f32>>()
    };
    let (mut x, mut w, mut y) = (fill(shape.x_len()), fill(shape.w_len()), fill(shape.y_len()));
    let mut call = || match pass {
        Pass::Forward => conv::forward_by(path, &shape, &x, &w, &mut y, Epilogue::default()),
        Pass::Input => conv::input_gradient_by(path, &shape, &y, &w, &mut x, Epilogue::default()),
        Pass::Weight => conv::weight_gradient_by(path, &shape, &x, &y, &mut w),
    };
    call();
    let timed = |_| {
        let start = now();
        call();
        (now() - start) * 1e3
    };
    Ok((0..repeat).map(timed).collect())
}

fn median(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    v[v.len() / 2]
}

/// Runs the comparison and prints a table. Arguments: rounds (7), part of a layer's name (all),
/// batch (64), and a path, `direct` or a Winograd tile of `2` to `4` (what the library chooses).
///
/// # Errors
/// When PyTorch's process does not start or does not answer.
pub(crate) fn run(arguments: &[String]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let number = |i: usize, or: usize| arguments.get(i).map_or(Ok(or), |v| v.parse());
    let o = Options {
        rounds: number(0, 7)?.max(1),
        filter: arguments.get(1).cloned().unwrap_or_default(),
        batch: number(2, 64)?,
        path: match arguments.get(3).map(String::as_str) {
            None => None,
            Some("direct") => Some(Path::Direct),
            Some(tile) => Some(Path::Winograd(tile.parse()?)),
        },
    };
    let mut peer = Peer::start()?;
    println!(
        "{} threads, {}, batch {}; median milliseconds",
        menagerie_kernels::threads(),
        menagerie_kernels::isa_name(),
        o.batch
    );
    println!("| layer | pass | GFLOP | PyTorch | ours | GFLOP/s | ratio |\n|---|---|---|---|---|---|---|");
    let mut totals = [0.0; 2];
    for layer in LAYERS.iter().filter(|l| l.0.contains(o.filter.as_str())) {
        let &Layer(name, _, h, channels, k, s, p) = layer;
        let flops =
            Shape::new(o.batch, [h; 2], channels, [k; 2], [s; 2], [p; 2]).map_or(0.0, |s| s.flops()) / 1e9;
        let repeat = if flops > 0.5 { 3 } else { 9 };
        for pass in [Pass::Forward, Pass::Input, Pass::Weight] {
            let mut times: [Vec<f64>; 3] = Default::default();
            for _ in 0..o.rounds {
                times[0].push(median(peer.time(layer, pass, o.batch, "last", repeat)?));
                times[1].push(median(time_ours(layer, pass, &o, repeat)?));
                times[2].push(median(peer.time(layer, pass, o.batch, "first", repeat)?));
            }
            let [last, ours, first] = times.map(median);
            let torch = last.min(first);
            totals[0] += torch;
            totals[1] += ours;
            let speed = flops / ours * 1e3;
            println!(
                "| {name} | {pass:?} | {flops:.3} | {torch:.2} | {ours:.2} | {speed:.0} | {:.2} |",
                torch / ours
            );
        }
    }
    println!(
        "| all | | | {:.1} | {:.1} | | {:.2} |",
        totals[0],
        totals[1],
        totals[0] / totals[1]
    );
    Ok(())
}
