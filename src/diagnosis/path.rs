//! Building the path to an anchor, as OpenSSL does.
