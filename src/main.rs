//! Arguments to `cli`, outcome to exit status; and where memory comes from.

use std::process::ExitCode;

/// The system's allocator lets small things that stay lie between large ones that go, and a fleet takes half as much again.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    certvigil::cli::main()
}
