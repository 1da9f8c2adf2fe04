//! Which keys a run may have seen, in memory that does not grow with the run. Deliberately absent: a
//! certain yes; the ledger confirms it.

/// Bits set for a key in one layer.
const BITS_PER_KEY: u32 = 7;

/// Bits of a layer for each key that it takes before the next one is opened: one false answer in about
/// a thousand, each of which costs a look into the ledger.
const BITS_RESERVED_PER_KEY: usize = 16;

/// Words in a block: one cache line, so that a question costs one access to memory per layer.
const BLOCK_WORDS: usize = 8;

/// Sizes of the layers, in blocks of 64 bytes: 64 KiB, 512 KiB, 3 MiB, 12 MiB. Small runs stay small;
/// past about 8 million keys the filter answers "maybe" more and more often, and stays right.
const LAYER_BLOCKS: [usize; 4] = [1024, 8 * 1024, 48 * 1024, 192 * 1024];

/// A Bloom filter in layers. Never says no of a key that it was given.
#[derive(Debug, Default)]
pub struct SeenKeys {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    blocks: Box<[[u64; BLOCK_WORDS]]>,
    room: usize,
}

impl SeenKeys {
    /// True when the key may have been added.
    pub fn may_contain(&self, hash: u64) -> bool {
        self.layers.iter().any(|layer| {
            let block = &layer.blocks[layer.block(hash)];
            bits(hash).all(|(word, bit)| block[word] & bit != 0)
        })
    }

    /// Remembers a key.
    pub fn insert(&mut self, hash: u64) {
        let full = self.layers.last().is_none_or(|layer| layer.room == 0);
        if full && let Some(&blocks) = LAYER_BLOCKS.get(self.layers.len()) {
            let room = blocks * BLOCK_WORDS * 64 / BITS_RESERVED_PER_KEY;
            self.layers.push(Layer { blocks: vec![[0; BLOCK_WORDS]; blocks].into_boxed_slice(), room });
        }
        let layer = self.layers.last_mut().expect("the first insert opens the first layer");
        layer.room = layer.room.saturating_sub(1);
        let block = layer.block(hash);
        for (word, bit) in bits(hash) {
            layer.blocks[block][word] |= bit;
        }
    }
}

impl Layer {
    fn block(&self, hash: u64) -> usize {
        // Multiply and shift: the upper half of the hash, spread over the blocks.
        (((hash >> 32) * self.blocks.len() as u64) >> 32) as usize
    }
}

/// Which bits of a block belong to a key: nine bits of a remixed hash each.
fn bits(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    // The constant of Fibonacci hashing, 2^64 / φ; the block used the upper half as it is.
    let mixed = (hash ^ (hash >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (0..BITS_PER_KEY).map(move |index| {
        let bit = (mixed >> (index * 9)) & 511;
        ((bit / 64) as usize, 1 << (bit % 64))
    })
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::SeenKeys;

    #[test]
    fn never_says_no_of_a_known_key_and_seldom_yes_of_another() {
        let mut seen = SeenKeys::default();
        assert!(!seen.may_contain(xxh3_64(b"first")));
        let hash = |number: u32| xxh3_64(&number.to_le_bytes());
        for number in 0..300_000 {
            seen.insert(hash(number));
        }
        assert!((0..300_000).all(|number| seen.may_contain(hash(number))));
        let wrong = (300_000..400_000).filter(|number| seen.may_contain(hash(*number))).count();
        assert!(wrong < 400, "{wrong} of 100,000");
        assert_eq!(seen.layers.len(), 3);
    }
}
