//! The `dxgtrace` command.

fn main() {}
