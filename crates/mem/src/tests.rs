use proptest::prelude::*;

use core::arch::x86_64::__m128i;

use super::*;

/// Longer than what is taken without a loop, and than a few turns of the loops.
const LENGTH_MAX: usize = 400;

/// Room on both sides, where nothing may be written.
const ROOM: usize = 96;

fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 + i / 256) as u8).collect()
}

#[test]
fn copies_of_every_length_at_every_alignment() {
    let source = pattern(LENGTH_MAX + ROOM);
    for n in 0..=LENGTH_MAX {
        for shift in 0..16 {
            let mut got = vec![0xEE; LENGTH_MAX + 2 * ROOM];
            let mut expected = got.clone();
            let from = (shift * 5) % 16;
            // SAFETY: `ROOM` and the offsets leave `n` bytes in both.
            let returned = unsafe {
                memcpy(
                    got.as_mut_ptr().add(ROOM + shift),
                    source.as_ptr().add(from),
                    n,
                )
            };
            assert_eq!(returned, got[ROOM + shift..].as_mut_ptr());
            expected[ROOM + shift..][..n].copy_from_slice(&source[from..][..n]);
            assert_eq!(got, expected, "{n} bytes to {shift}");
        }
    }
}

#[test]
fn moves_of_every_length_over_every_overlap() {
    for n in (0..=140).chain([191, 192, 193, 255, 256, 257, LENGTH_MAX]) {
        for to in 0..=2 * ROOM {
            let mut got = pattern(LENGTH_MAX + 2 * ROOM);
            let mut expected = got.clone();
            // SAFETY: `ROOM` and the offsets leave `n` bytes from both places.
            unsafe { memmove(got.as_mut_ptr().add(to), got.as_ptr().add(ROOM), n) };
            expected.copy_within(ROOM..ROOM + n, to);
            assert_eq!(got, expected, "{n} bytes from {ROOM} to {to}");
        }
    }
}

#[test]
fn sets_of_every_length_at_every_alignment() {
    for n in 0..=LENGTH_MAX {
        for shift in 0..16 {
            let mut got = pattern(LENGTH_MAX + 2 * ROOM);
            let mut expected = got.clone();
            // SAFETY: `ROOM` and the shift leave `n` bytes. The value's upper bytes do not count.
            unsafe { memset(got.as_mut_ptr().add(ROOM + shift), 0x1_5A, n) };
            expected[ROOM + shift..][..n].fill(0x5A);
            assert_eq!(got, expected, "{n} bytes at {shift}");
        }
    }
}

#[test]
fn one_differing_byte_is_found_wherever_it_is() {
    for n in 1..=LENGTH_MAX / 2 {
        let a = pattern(n);
        for at in 0..n {
            let mut b = a.clone();
            b[at] ^= 0x80;
            // SAFETY: both are `n` bytes long.
            let (there, back, same) = unsafe {
                (
                    memcmp(a.as_ptr(), b.as_ptr(), n),
                    memcmp(b.as_ptr(), a.as_ptr(), n),
                    bcmp(a.as_ptr(), b.as_ptr(), at),
                )
            };
            assert_eq!(there.signum(), a.cmp(&b) as i32, "{n} bytes, {at} differs");
            assert_eq!(back.signum(), b.cmp(&a) as i32, "{n} bytes, {at} differs");
            assert_eq!(same, 0, "the first {at} are equal");
        }
    }
}

proptest! {
    #[test]
    fn any_two_runs_compare_as_slices_do(
        a in prop::collection::vec(0_u8..3, 0..80),
        b in prop::collection::vec(0_u8..3, 0..80),
    ) {
        let n = a.len().min(b.len());
        // SAFETY: both are at least `n` bytes long.
        let (order, unequal) =
            unsafe { (memcmp(a.as_ptr(), b.as_ptr(), n), bcmp(a.as_ptr(), b.as_ptr(), n)) };
        prop_assert_eq!(order.signum(), a[..n].cmp(&b[..n]) as i32);
        prop_assert_eq!(unequal == 0, a[..n] == b[..n]);
    }

    #[test]
    fn any_move_is_as_a_slice_moves(
        n in 0_usize..3000,
        from in 0_usize..1000,
        to in 0_usize..1000,
    ) {
        let mut got = pattern(4100);
        let mut expected = got.clone();
        // SAFETY: 1000 and 3000 and 65 are less than 4100.
        unsafe { memmove(got.as_mut_ptr().add(to), got.as_ptr().add(from), n) };
        expected.copy_within(from..from + n, to);
        prop_assert_eq!(&got, &expected);

        let narrow = n + 65;
        // SAFETY: the same room, and more than four registers.
        unsafe { copy::blocks::<__m128i>(got.as_mut_ptr().add(to), got.as_ptr().add(from), narrow) };
        expected.copy_within(from..from + narrow, to);
        prop_assert_eq!(got, expected, "with the registers that every processor has");
    }
}
