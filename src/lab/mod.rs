//! The lab: faulty servers and a mailbox, all on loopback.

pub mod mailbox;
