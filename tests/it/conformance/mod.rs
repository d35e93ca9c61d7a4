//! Client libraries in Rust; those of other languages are in `tests/clients`.

mod lapin;
mod lapin_recovery;
