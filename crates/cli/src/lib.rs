//! What `flux` is made of, for programs that measure servers as it does.
//!
//! The terminal's side of it, arguments and tables, is in the binary. Nothing here prints.

pub mod load;
