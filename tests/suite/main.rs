//! The integration tests: one binary, a module a subject.

mod cli;
mod clients;
mod demo;
mod documents;
mod findings;
mod import;
mod inspect;
mod judge;
mod lab;
mod parameters;
#[path = "../support/mod.rs"]
mod support;
mod verdicts;
