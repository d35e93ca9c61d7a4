use core::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_movemask_epi8};

use crate::block::Block;

/// What the loop compares at once, in bytes.
const STEP: usize = 16;

/// Zero where the first `n` bytes of `a` and `b` are equal; else of the sign of `a`'s first byte
/// that differs less `b`'s.
///
/// # Safety
/// `a` and `b` are readable for `n` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the caller's promise; every step lies within `n`, the last overlaps the one before.
    unsafe {
        if n >= STEP {
            steps(a, b, n)
        } else if n >= 8 {
            order(ends::<u64>(a, n), ends::<u64>(b, n))
        } else if n >= 4 {
            order(ends::<u32>(a, n), ends::<u32>(b, n))
        } else if n >= 2 {
            order(ends::<u16>(a, n), ends::<u16>(b, n))
        } else if n == 1 {
            i32::from(*a) - i32::from(*b)
        } else {
            0
        }
    }
}

/// Zero where the first `n` bytes of `a` and `b` are equal, and else not.
///
/// # Safety
/// `a` and `b` are readable for `n` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { memcmp(a, b, n) }
}

/// A short run of bytes as a number that compares as they do: its first bytes, then its last.
trait Bytes: Block {
    fn number(self) -> u64;
}

impl Bytes for u16 {
    fn number(self) -> u64 {
        self.to_be().into()
    }
}

impl Bytes for u32 {
    fn number(self) -> u64 {
        self.to_be().into()
    }
}

impl Bytes for u64 {
    fn number(self) -> u64 {
        self.to_be()
    }
}

#[inline(always)]
unsafe fn ends<T: Bytes>(from: *const u8, n: usize) -> (u64, u64) {
    // SAFETY: a `T` is at most `n` bytes long, for which the caller vouches.
    unsafe {
        (
            T::load(from).number(),
            T::load(from.add(n - size_of::<T>())).number(),
        )
    }
}

#[inline(always)]
fn order(a: (u64, u64), b: (u64, u64)) -> i32 {
    a.cmp(&b) as i32
}

/// For a step or more.
#[inline(always)]
unsafe fn steps(a: *const u8, b: *const u8, n: usize) -> i32 {
    let last = n - STEP;
    let mut at = 0;
    // SAFETY: a step at `last` or before lies within `n`, and so does where two bytes differ.
    unsafe {
        loop {
            let unequal = differing(a.add(at), b.add(at));
            if unequal != 0 {
                let at = at + unequal.trailing_zeros() as usize;
                return i32::from(*a.add(at)) - i32::from(*b.add(at));
            }
            if at == last {
                return 0;
            }
            at = last.min(at + STEP);
        }
    }
}

/// A bit for each byte of a step that differs, the first byte's lowest.
#[inline(always)]
unsafe fn differing(a: *const u8, b: *const u8) -> u32 {
    // SAFETY: the caller vouches for a step of both.
    unsafe {
        _mm_movemask_epi8(_mm_cmpeq_epi8(__m128i::load(a), __m128i::load(b))).cast_unsigned()
            ^ 0xffff
    }
}
