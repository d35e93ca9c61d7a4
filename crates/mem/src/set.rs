use core::arch::x86_64::{__m128i, _mm_set1_epi8};

use crate::block::{Block, Four, Two};

/// Sets `n` bytes from `dest` on to the low byte of `value` and returns `dest`.
///
/// # Safety
/// `dest` is writable for `n` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memset(dest: *mut u8, value: i32, n: usize) -> *mut u8 {
    let byte = value as u8;
    let word = u64::from(byte) * 0x0101_0101_0101_0101;
    // SAFETY: each branch writes within the first and the last of `n` bytes.
    unsafe {
        let wide = _mm_set1_epi8(byte.cast_signed());
        let (two, four) = (Two(wide, wide), Two(Two(wide, wide), Two(wide, wide)));
        if n > 128 {
            blocks(dest, n, four);
        } else if n > 64 {
            ends(dest, n, four);
        } else if n > 32 {
            ends(dest, n, two);
        } else if n >= 16 {
            ends(dest, n, wide);
        } else if n >= 8 {
            ends(dest, n, word);
        } else if n >= 4 {
            ends(dest, n, word as u32);
        } else if n >= 2 {
            ends(dest, n, word as u16);
        } else if n == 1 {
            *dest = byte;
        }
    }
    dest
}

/// Writes the first and the last `T` of `n` bytes, which together are all of them.
#[inline(always)]
unsafe fn ends<T: Block>(dest: *mut u8, n: usize, value: T) {
    // SAFETY: a `T` is at most `n` bytes long, for which the caller vouches.
    unsafe {
        value.store(dest);
        value.store(dest.add(n - size_of::<T>()));
    }
}

/// For more bytes than four registers hold.
unsafe fn blocks(dest: *mut u8, n: usize, four: Four<__m128i>) {
    let last = n - size_of::<Four<__m128i>>();
    // SAFETY: the loop ends before the last four, which are the tail's.
    unsafe {
        ends(dest, n, four);
        let mut at = 16 - dest.addr() % 16;
        while at < last {
            four.store(dest.add(at));
            at += size_of::<Four<__m128i>>();
        }
    }
}
