//! Benchmarks of the parts that every webhook passes through.

fn main() {}
