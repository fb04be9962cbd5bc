//! certvigil: a certificate monitor.
pub mod certificate;
pub mod clock;
pub mod endpoint;
pub mod observation;
pub mod probe;
/// cli
pub mod cli {
    /// x
    pub fn main() -> std::process::ExitCode {
        std::process::ExitCode::SUCCESS
    }
}
