use core::arch::x86_64::{__m128i, __m256i};

use crate::block::{Block, Four, Two};

/// Copies `n` bytes from `src` to `dest` and returns `dest`.
///
/// # Safety
/// `src` is readable and `dest` writable for `n` bytes. Unlike C's, the two may overlap.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { copy(dest, src, n) };
    dest
}

/// Copies `n` bytes from `src` to `dest`, which may overlap, and returns `dest`.
///
/// # Safety
/// `src` is readable and `dest` writable for `n` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { copy(dest, src, n) };
    dest
}

/// Up to 128 bytes are all read before one is written, so overlaps need no thought. A broker's
/// copies are short ones, of 16 to 64 bytes: those are asked for first.
#[inline(always)]
unsafe fn copy(dest: *mut u8, src: *const u8, n: usize) {
    // SAFETY: each branch reads and writes within the first and the last of `n` bytes.
    unsafe {
        if n >= 16 {
            if n <= 32 {
                ends::<__m128i>(dest, src, n);
            } else if n <= 64 {
                ends::<Two<__m128i>>(dest, src, n);
            } else if n <= 128 {
                ends::<Four<__m128i>>(dest, src, n);
            } else {
                long(dest, src, n);
            }
        } else if n >= 8 {
            ends::<u64>(dest, src, n);
        } else if n >= 4 {
            ends::<u32>(dest, src, n);
        } else if n >= 2 {
            ends::<u16>(dest, src, n);
        } else if n == 1 {
            *dest = *src;
        }
    }
}

/// Copies the first and the last `T` of `n` bytes, which together are all of them.
#[inline(always)]
unsafe fn ends<T: Block>(dest: *mut u8, src: *const u8, n: usize) {
    let last = n - size_of::<T>();
    // SAFETY: a `T` is at most `n` bytes long, for which the caller vouches.
    unsafe {
        let (head, tail) = (T::load(src), T::load(src.add(last)));
        head.store(dest);
        tail.store(dest.add(last));
    }
}

/// For more than 128 bytes, with the widest registers that are no gamble on the clock.
unsafe fn long(dest: *mut u8, src: *const u8, n: usize) {
    // SAFETY: the caller's promise, and AVX only where the processor has it.
    unsafe {
        if std::is_x86_feature_detected!("avx") {
            long_with_avx(dest, src, n);
        } else {
            blocks::<__m128i>(dest, src, n);
        }
    }
}

#[target_feature(enable = "avx")]
unsafe fn long_with_avx(dest: *mut u8, src: *const u8, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { blocks::<__m256i>(dest, src, n) }
}

/// Copies four `T` at a time, for more than that many bytes. The ends, which need not be aligned,
/// are read before and written after the loop.
#[inline(always)]
pub(crate) unsafe fn blocks<T: Block>(dest: *mut u8, src: *const u8, n: usize) {
    // SAFETY: the caller's promise. The distance wraps to a large one where `dest` comes first.
    unsafe {
        if dest.addr().wrapping_sub(src.addr()) >= n {
            forwards::<T>(dest, src, n);
        } else {
            backwards::<T>(dest, src, n);
        }
    }
}

/// For a `dest` that does not begin within `src`.
#[inline(always)]
unsafe fn forwards<T: Block>(dest: *mut u8, src: *const u8, n: usize) {
    let last = n - size_of::<Four<T>>();
    // SAFETY: `at` begins within one `T`, and the loop ends before the last four, the tail's.
    unsafe {
        let (head, tail) = (T::load(src), Four::<T>::load(src.add(last)));
        let mut at = size_of::<T>() - dest.addr() % size_of::<T>();
        while at < last {
            Four::<T>::load(src.add(at)).store(dest.add(at));
            at += size_of::<Four<T>>();
        }
        tail.store(dest.add(last));
        head.store(dest);
    }
}

/// For a `dest` that begins within `src`.
#[inline(always)]
unsafe fn backwards<T: Block>(dest: *mut u8, src: *const u8, n: usize) {
    let (four, last) = (size_of::<Four<T>>(), n - size_of::<T>());
    // SAFETY: `end` begins within one `T` of `n`, and the loop ends with the first four, the head's.
    unsafe {
        let (head, tail) = (Four::<T>::load(src), T::load(src.add(last)));
        let mut end = n - (dest.addr() + n) % size_of::<T>();
        while end > four {
            Four::<T>::load(src.add(end - four)).store(dest.add(end - four));
            end -= four;
        }
        head.store(dest);
        tail.store(dest.add(last));
    }
}
