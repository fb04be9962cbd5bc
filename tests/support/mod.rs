//! What several tests lean on.

pub(crate) mod openssl;
pub(crate) mod program;
pub(crate) mod scratch;
