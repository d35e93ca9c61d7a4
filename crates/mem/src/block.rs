use core::arch::x86_64::{__m128i, __m256i};

/// What is read and written at once: a number, a register, or some of them.
pub(crate) trait Block: Copy {
    /// # Safety
    /// `from` is readable for the size of `Self`.
    unsafe fn load(from: *const u8) -> Self;

    /// # Safety
    /// `to` is writable for the size of `Self`.
    unsafe fn store(self, to: *mut u8);
}

macro_rules! plain {
    ($($type:ty)*) => {$(
        impl Block for $type {
            #[inline(always)]
            unsafe fn load(from: *const u8) -> Self {
                // SAFETY: the caller's promise; every pattern of bits is a value.
                unsafe { from.cast::<Self>().read_unaligned() }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut u8) {
                // SAFETY: the caller's promise.
                unsafe { to.cast::<Self>().write_unaligned(self) }
            }
        }
    )*};
}

plain!(u16 u32 u64 __m128i __m256i);

/// Fields, not an array: an array would be kept on the stack instead of in registers.
#[derive(Clone, Copy)]
pub(crate) struct Two<T>(pub(crate) T, pub(crate) T);

/// Two pairs.
pub(crate) type Four<T> = Two<Two<T>>;

impl<T: Block> Block for Two<T> {
    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller vouches for both.
        unsafe { Self(T::load(from), T::load(from.add(size_of::<T>()))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller vouches for both.
        unsafe {
            self.0.store(to);
            self.1.store(to.add(size_of::<T>()));
        }
    }
}
