//! The one binary: parse, run, exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Gives memory back that is no longer used; the usual one keeps what searches, syncs and sign-ins once needed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aviary::cli::main()
}
