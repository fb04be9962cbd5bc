//! The integration tests: one binary, a module a subject.

mod judge;
mod lab;
#[path = "../support/mod.rs"]
mod support;
