use super::*;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Processes that are threads here: a channel from each to each.
struct Pipes {
    rank: usize,
    to: Vec<Mutex<Sender<Vec<f32>>>>,
    from: Vec<Mutex<Receiver<Vec<f32>>>>,
}

impl Link for Pipes {
    fn rank(&self) -> usize {
        self.rank
    }
    fn ranks(&self) -> usize {
        self.to.len()
    }
    fn exchange(&self, with: usize, numbers: &[f32]) -> std::result::Result<Vec<f32>, String> {
        let gone = |_| "the other process is gone".to_string();
        let to = self.to[with].lock().unwrap().send(numbers.to_vec());
        to.map_err(|e| e.to_string())?;
        self.from[with].lock().unwrap().recv().map_err(gone)
    }
}

fn pipes(ranks: usize) -> Vec<Arc<dyn Link>> {
    let mut to: Vec<Vec<_>> = (0..ranks).map(|_| vec![]).collect();
    let mut from: Vec<Vec<_>> = (0..ranks).map(|_| vec![]).collect();
    for to in &mut to {
        for from in &mut from {
            let (sender, receiver) = channel();
            to.push(Mutex::new(sender));
            from.push(Mutex::new(receiver));
        }
    }
    let pipes = to.into_iter().zip(from).enumerate();
    pipes
        .map(|(rank, (to, from))| Arc::new(Pipes { rank, to, from }) as Arc<dyn Link>)
        .collect()
}

/// What each leaf gets, of so many processes.
fn over(ranks: usize, leaves: usize, work: impl Fn(usize) -> Vec<f32> + Sync) -> Vec<Vec<f32>> {
    let links = match ranks {
        1 => vec![None],
        _ => pipes(ranks).into_iter().map(Some).collect(),
    };
    std::thread::scope(|threads| {
        let mut all = Vec::new();
        for link in links {
            let group = Group::new(leaves, link).unwrap();
            for place in 0..group.own() {
                let (group, work) = (group.clone(), &work);
                all.push(threads.spawn(move || {
                    let leaf = group.first_leaf() + place;
                    group.seated(place, || work(leaf))
                }));
            }
        }
        all.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

/// Sums of numbers of very different size have the same bits however leaves lie on processes.
#[test]
fn processes_change_no_bit() {
    let work = |leaf: usize| {
        let key = Key::new(7).step(leaf as u64);
        let mut rng = key.rng();
        let mut all = Vec::new();
        for round in 0..5 {
            let mine: Vec<f32> = (0..1000)
                .map(|_| (rng.uniform() - 0.5) as f32 * 10f32.powi(round))
                .collect();
            all.extend(mean(mine));
        }
        all.extend(gather(vec![leaf as f32, -1.0]));
        all.extend(first(vec![leaf as f32 + 3.0]));
        all
    };
    let alone = over(1, 8, work);
    assert_eq!(alone[0][5000..5006], [0.0, -1.0, 1.0, -1.0, 2.0, -1.0]);
    assert_eq!(alone[0][5016], 3.0);
    for ranks in [2, 4, 8] {
        let found = over(ranks, 8, work);
        assert!(found.iter().all(|f| *f == alone[0]), "{ranks} processes");
    }
}

#[test]
fn each_leaf_finds_its_share_again() {
    let shares = over(2, 4, |leaf| own_share(&gather(vec![leaf as f32; 3])));
    assert_eq!(shares, [[0.0; 3], [1.0; 3], [2.0; 3], [3.0; 3]]);
}

/// Nobody waits for ever for a leaf that has failed, or that went another way.
#[test]
fn who_waits_is_let_go() {
    let group = Group::new(2, None).unwrap();
    let waits = std::thread::spawn({
        let group = group.clone();
        move || group.seated(0, || mean(vec![1.0]))
    });
    group.fail("the other leaf is gone");
    assert_eq!(waits.join().unwrap().len(), 1);
    assert_eq!(group.failure().as_deref(), Some("the other leaf is gone"));
    let group = Group::new(2, None).unwrap();
    std::thread::scope(|threads| {
        for place in 0..2 {
            let group = group.clone();
            threads.spawn(move || group.seated(place, || mean(vec![1.0; place + 1])));
        }
    });
    assert!(group.failure().unwrap().contains("different ways"));
}

#[test]
fn what_is_no_tree_is_refused() {
    let why = |leaves, link| Group::new(leaves, link).err().unwrap().to_string();
    let e = why(6, None);
    assert!(e.contains("train.leaves") && e.contains("such as 4"), "{e}");
    assert!(why(0, None).contains("such as 1"));
    let link = |n: usize| pipes(n).pop();
    assert!(why(4, link(3)).contains("3 processes"));
    assert!(why(2, link(4)).contains("set it to 4"));
}

/// Batch norm over synchronized leaves is batch norm of the whole batch: what it gives, and the gradients of its input and of
/// its weights. By their own statistics it is not.
#[test]
fn synchronized_norms_are_those_of_the_whole_batch() {
    use crate::{Activation, BatchNorm, Init};
    use burn::tensor::Device;
    let device = Device::flex().autodiff();
    let (rows, channels) = (8, 3);
    let values: Vec<f32> = {
        let mut rng = Key::new(3).rng();
        (0..rows * channels)
            .map(|_| (3.0 * rng.uniform() + 1.0) as f32)
            .collect()
    };
    // A loss that is not symmetric in the rows: its gradient by the mean and the variance does not vanish.
    let learned = |rows: std::ops::Range<usize>| -> Vec<f32> {
        let norm = BatchNorm::of(channels)
            .spread(0.3)
            .init(&Init::new(Key::new(4), &device));
        let own = &values[rows.start * channels..rows.end * channels];
        let x = Tensor::<2>::from_data(TensorData::new(own.to_vec(), [rows.len(), channels]), &device);
        let x = x.require_grad();
        let y = norm.forward(x.clone(), Activation::LeakyRelu(0.2));
        let weights: Vec<f32> = rows.clone().map(|i| (i * i) as f32 + 1.0).collect();
        let weights = Tensor::<1>::from_floats(&weights[..], &device).reshape([rows.len(), 1]);
        let loss = (y.clone() * y.clone() * weights).mean();
        let gradients = loss.backward();
        let by_gamma = mean(numbers(norm.gamma.val().grad(&gradients).unwrap()));
        let leaves = leaves() as f32;
        let by_x = numbers(x.grad(&gradients).unwrap())
            .into_iter()
            .map(|g| g / leaves)
            .collect();
        let running = [norm.mean.value_sync(), norm.variance.value_sync()]
            .map(numbers)
            .concat();
        [gather(numbers(y.inner())), gather(by_x), by_gamma, running].concat()
    };
    let whole = learned(0..rows);
    let over = |synchronized: bool| -> Vec<f32> {
        let how = Passing {
            synchronized,
            at_once: 1,
        };
        let group = Group::passing(2, None, how).unwrap();
        std::thread::scope(|threads| {
            let of = |place: usize| {
                let (group, learned) = (group.clone(), &learned);
                threads.spawn(move || group.seated(place, || learned(4 * place..4 * place + 4)))
            };
            let all = [0, 1].map(of).map(|t| t.join().unwrap());
            assert_eq!(all[0], all[1]);
            all[0].clone()
        })
    };
    let apart = |other: &[f32]| {
        whole
            .iter()
            .zip(other)
            .map(|(a, b)| (a - b).abs() / (1.0 + a.abs()))
            .fold(0.0, f32::max)
    };
    let (together, alone) = (over(true), over(false));
    assert_eq!(together.len(), whole.len());
    assert!(apart(&together) < 1e-5, "{}", apart(&together));
    assert!(apart(&alone) > 1e-2, "{}", apart(&alone));
}
