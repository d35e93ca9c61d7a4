//! The C library's memory functions for the static build on x86-64: `memcpy`, `memmove`, `memset`,
//! `memcmp` and `bcmp`.
//!
//! musl compares byte by byte and copies with `rep movsq`, whose start alone costs more than a
//! short message: more than half of the broker's time was spent there. A program may bring its own;
//! the linker then takes none of musl's. Only that build exports these names; everywhere else they
//! are plain functions for the tests to call.
//!
//! SSE2 only, which every x86-64 processor has, but for long copies, which ask for AVX. Lengths that
//! fit into registers are taken with two overlapping accesses of the largest size that fits.
//!
//! This is the only `unsafe` code of the project. Each function here has the contract of its
//! namesake in C (ISO/IEC 9899, 7.24), and the same lengths and overlaps are tested against Rust's
//! own slices.

// A loop that copies must not be turned into a call of memcpy, which it is.
#![no_builtins]
#![cfg(target_arch = "x86_64")]

mod block;
mod compare;
mod copy;
mod set;

pub use compare::{bcmp, memcmp};
pub use copy::{memcpy, memmove};
pub use set::memset;

#[cfg(test)]
mod tests;
