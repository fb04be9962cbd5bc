//! Whether the leaf carries the name that was asked for.
