//! Arguments to `cli`, outcome to exit status; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    certvigil::cli::main()
}
