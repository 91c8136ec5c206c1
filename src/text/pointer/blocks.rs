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
    /// Opening brackets outside of strings.
    pub opening: u64,
    /// Closing brackets outside of strings.
    pub closing: u64,
    /// Commas outside of strings.
    pub commas: u64,
}

impl Block {
    /// The bytes of the inner level, if the block has two levels only, as a list of objects has.
    /// `is_inner` says whether the block begins in the inner one.
    #[inline(always)]
    pub fn inner(&self, is_inner: bool) -> Option<u64> {
        let before = if is_inner { u64::MAX } else { 0 };
        let inner = prefix_xor(self.opening | self.closing) ^ before;
        // Otherwise a bracket opens a third level, or closes the outer one.
        let is_alternating = self.opening & !inner | self.closing & inner == 0;
        is_alternating.then_some(inner)
    }
}

/// Whether the last byte of a block is in a mask.
pub fn has_last(mask: u64) -> bool {
    mask >> (LENGTH - 1) != 0
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
    fn escaped(&mut self, rest: &[u8]) -> u64 {
        let mut escaped = 0;
        for (index, byte) in rest.iter().take(LENGTH).enumerate() {
            escaped |= u64::from(self.is_escaped) << index;
            self.is_escaped = !self.is_escaped && *byte == b'\\';
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
        if masks.has_backslash || self.is_escaped {
            quotes &= !self.escaped(rest);
        }
        let strings = prefix_xor(quotes) ^ self.in_string;
        self.in_string = if has_last(strings) { u64::MAX } else { 0 };
        self.at += LENGTH;
        Some(Block {
            start,
            opening: masks.opening & !strings,
            closing: masks.closing & !strings,
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
    opening: u64,
    closing: u64,
    commas: u64,
    has_backslash: bool,
}

impl Masks {
    #[inline(always)]
    fn of(bytes: &[u8; LENGTH]) -> Masks {
        let mut masks = Masks::default();
        let mut backslashes = u8x16::splat(0);
        for (index, lane) in bytes.chunks_exact(LANE).enumerate() {
            let lane: [u8; LANE] = lane.try_into().unwrap_or_default();
            let lane = u8x16::from(lane);
            let mask = |matches: u8x16| u64::from(matches.to_bitmask()) << (index * LANE);
            // Curly and square brackets differ in one bit.
            let brackets = lane | u8x16::splat(0x20);
            masks.quotes |= mask(lane.simd_eq(u8x16::splat(b'"')));
            masks.opening |= mask(brackets.simd_eq(u8x16::splat(b'{')));
            masks.closing |= mask(brackets.simd_eq(u8x16::splat(b'}')));
            masks.commas |= mask(lane.simd_eq(u8x16::splat(b',')));
            backslashes |= lane.simd_eq(u8x16::splat(b'\\'));
        }
        masks.has_backslash = backslashes.to_bitmask() != 0;
        masks
    }
}
