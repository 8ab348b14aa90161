//! The stream of batches against its definition: item n is item `permutation(n / count)[n % count]` of the data set.
use menagerie_data::{Key, Loader, Source};

const COUNT: u64 = 50;

fn stream(key: Key, from: u64, items: u64) -> Vec<u32> {
    let order = |epoch: u64| key.stream("order").step(epoch).permutation(COUNT as usize);
    (from..from + items)
        .map(|n| order(n / COUNT)[(n % COUNT) as usize])
        .collect()
}

/// Whatever the batch, the place to begin at and the threads: also batches that straddle two epochs.
#[test]
fn batches_are_the_stream_cut_to_length() {
    let source = Source {
        limit: COUNT as usize,
        ..Source::parse("digits")
    };
    let data = source.open().unwrap().dataset;
    let key = Key::new(9);
    for (batch, cursor, workers) in [
        (1, 0, 0),
        (7, 0, 1),
        (20, 45, 2),
        (49, 1, 3),
        (50, 25, 0),
        (50, 0, 2),
    ] {
        let mut loader = Loader::new(data.clone(), batch, key, cursor, workers).unwrap();
        let drawn: Vec<u32> = (0..6).flat_map(|_| loader.next().unwrap().indices).collect();
        assert_eq!(
            drawn,
            stream(key, cursor, 6 * batch as u64),
            "batches of {batch} from {cursor} on, {workers} threads"
        );
        assert_eq!(loader.cursor(), cursor + 6 * batch as u64);
    }
}

/// Each epoch has every item once, and no two have the same order.
#[test]
fn an_epoch_is_a_permutation() {
    let epochs: Vec<Vec<u32>> = (0..5).map(|e| stream(Key::new(2), e * COUNT, COUNT)).collect();
    for (i, epoch) in epochs.iter().enumerate() {
        let mut items = epoch.clone();
        items.sort();
        assert_eq!(items, (0..COUNT as u32).collect::<Vec<u32>>());
        assert!(!epochs[..i].contains(epoch), "epoch {i}");
    }
}
