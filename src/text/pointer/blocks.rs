//! Finds the brackets and commas of JSON text that are outside of strings, 64 bytes at a time.

use wide::u8x16;

/// Length of a block, one bit of a mask for each byte.
const LENGTH: usize = 64;

/// Bytes that are compared at once.
const LANE: usize = 16;

/// The masks of a block: the lowest bit stands for the first byte.
pub struct Block {
    /// Position of the first byte.
    pub start: usize,
    /// Brackets outside of strings; also a few characters that no JSON has there.
    pub brackets: u64,
    /// Commas outside of strings.
    pub commas: u64,
}

/// The blocks of a text from a position that is not in a string.
pub struct Blocks<'a> {
    json: &'a [u8],
    at: usize,
    /// All ones when the next block begins in a string.
    in_string: u64,
    /// Whether a backslash stands before the next block.
    is_escaped: bool,
}

impl<'a> Blocks<'a> {
    pub fn new(json: &'a [u8], at: usize) -> Blocks<'a> {
        Blocks {
            json,
            at,
            in_string: 0,
            is_escaped: false,
        }
    }

    /// The characters after a backslash that is not itself escaped.
    #[cold]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        let mut escaped = u64::from(self.is_escaped);
        let mut rest = backslashes & !escaped;
        self.is_escaped = false;
        while rest != 0 {
            let backslash = rest & rest.wrapping_neg();
            self.is_escaped = backslash == 1 << (LENGTH - 1);
            escaped |= backslash << 1;
            rest &= !(backslash | backslash << 1);
        }
        escaped
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    #[inline(always)]
    fn next(&mut self) -> Option<Block> {
        let start = self.at;
        let rest = self.json.get(start..).filter(|rest| !rest.is_empty())?;
        let masks = match rest.first_chunk::<LENGTH>() {
            Some(bytes) => Masks::of(bytes),
            None => {
                let mut bytes = [b' '; LENGTH];
                bytes[..rest.len()].copy_from_slice(rest);
                Masks::of(&bytes)
            }
        };
        let mut quotes = masks.quotes;
        if masks.backslashes != 0 || self.is_escaped {
            quotes &= !self.escaped(masks.backslashes);
        }
        let strings = prefix_xor(quotes) ^ self.in_string;
        self.in_string = if strings >> (LENGTH - 1) == 0 {
            0
        } else {
            u64::MAX
        };
        self.at += LENGTH;
        Some(Block {
            start,
            brackets: masks.brackets & !strings,
            commas: masks.commas & !strings,
        })
    }
}

/// Each bit becomes the parity of itself and those below it: ones from an opening quotation mark up
/// to the closing one.
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// One bit for each byte of a block.
#[derive(Default)]
struct Masks {
    quotes: u64,
    backslashes: u64,
    brackets: u64,
    commas: u64,
}

impl Masks {
    #[inline(always)]
    fn of(bytes: &[u8; LENGTH]) -> Masks {
        let mut masks = Masks::default();
        for (index, lane) in bytes.chunks_exact(LANE).enumerate() {
            let lane: [u8; LANE] = lane.try_into().unwrap_or_default();
            let lane = u8x16::from(lane);
            let mask = |matches: u8x16| u64::from(matches.to_bitmask()) << (index * LANE);
            masks.quotes |= mask(lane.simd_eq(u8x16::splat(b'"')));
            masks.backslashes |= mask(lane.simd_eq(u8x16::splat(b'\\')));
            // Exactly the brackets, `Y`, `_`, `y` and the control character 7f have all these bits.
            masks.brackets |= mask((lane | u8x16::splat(0x26)).simd_eq(u8x16::splat(0x7f)));
            masks.commas |= mask(lane.simd_eq(u8x16::splat(b',')));
        }
        masks
    }
}
