//! certvigil: a certificate monitor.
pub mod certificate;
pub mod clock;
pub mod diagnosis;
pub mod endpoint;
pub mod fetch;
pub mod incident;
pub mod lab;
pub mod mail;
pub mod monitor;
pub mod observation;
pub mod store;
pub mod web;
/// cli
pub mod cli {
    /// x
    pub fn main() -> std::process::ExitCode {
        std::process::ExitCode::SUCCESS
    }
}
