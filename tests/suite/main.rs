//! The integration tests: one binary, a module a subject.

mod architecture;
mod lab;
#[path = "../support/mod.rs"]
mod support;
