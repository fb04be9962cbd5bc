//! The integration tests: one binary, a module a subject.

mod lab;
#[path = "../support/mod.rs"]
mod support;
