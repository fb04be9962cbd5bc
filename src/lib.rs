//! certvigil watches TLS certificates: expiry, broken chains, whose fault it is, and a letter to the person who can fix it.
//!
//! The story: `config` reads the inventory, and `monitor`, the brain, decides when each endpoint is due. `visit` goes there:
//! `probe` brings home what the server presents, `fetch` looks for an issuer that it left out, and `diagnosis` says what
//! `openssl s_client` would say, why, whose fault it is and what to do. The brain turns findings into incidents, and incidents
//! into notices; `mail` finds the words and delivers them to people, `channel` to programs and chats, `web` shows everything from a
//! snapshot of the brain's memory, `store` remembers it. `daemon` is the loop around the brain, `cli` the way in, and `lab` a place
//! to try it all.
//!
//! The arrows: a module imports what stands to the right of its name and nothing else of this crate. `tests/architecture.rs`
//! reads this table and enforces it. The first part is pure: no I/O, no clock, no tokio.
//!
//! ```text
//! pure
//! clock       ->
//! answer      -> clock
//! endpoint    ->
//! certificate -> clock
//! observation -> clock endpoint certificate
//! diagnosis   -> clock endpoint certificate observation
//! explain     -> diagnosis
//! incident    -> clock endpoint certificate observation diagnosis
//! report      -> clock endpoint certificate observation diagnosis
//! inspect     -> clock certificate report
//! monitor     -> clock answer endpoint certificate observation diagnosis incident
//! doors
//! probe       -> clock endpoint certificate observation
//! fetch       -> certificate
//! visit       -> clock endpoint certificate observation diagnosis probe fetch
//! store       -> clock endpoint certificate observation diagnosis incident monitor
//! mail        -> clock answer endpoint certificate observation diagnosis incident report monitor
//! web         -> clock answer endpoint certificate observation diagnosis incident report monitor store mail channel
//! lab         -> endpoint certificate
//! channel     -> clock endpoint certificate diagnosis incident mail monitor
//! config      -> clock endpoint certificate observation diagnosis incident monitor probe fetch store mail channel web
//! daemon      -> clock answer endpoint certificate observation diagnosis incident report monitor probe fetch visit store mail channel web config lab
//! cli         -> clock answer endpoint certificate observation diagnosis explain incident report inspect monitor probe fetch visit store mail channel web config daemon lab
//! ```

pub mod answer;
pub mod certificate;
pub mod channel;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod diagnosis;
pub mod endpoint;
pub mod explain;
pub mod fetch;
#[cfg(any(test, fuzzing))]
pub mod hostile;
pub mod incident;
pub mod inspect;
pub mod lab;
pub mod mail;
pub mod monitor;
pub mod observation;
pub mod probe;
pub mod report;
pub mod store;
pub mod visit;
pub mod web;
