//! Peerhound.
fn main() {}
