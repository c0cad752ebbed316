//! What may be demanded of whoever asks. The macros write these calls for `requires(…)`.
//!
//! Two answers, and no third: nobody is signed in, or somebody is who may not. Which right is missing is not said.

use std::sync::Arc;

use super::{Caller, Identity};
use crate::error::{Code, Error, Result};

/// Somebody is signed in.
///
/// # Errors
/// [`Code::Unauthenticated`] if nobody is, or nobody asks.
pub fn signed_in(caller: Option<&Caller>) -> Result<Arc<Identity>> {
    let identity = caller.and_then(Caller::identity);
    identity.ok_or_else(|| Error::new(Code::Unauthenticated, "sign in first"))
}

/// Somebody is signed in and has this role.
///
/// # Errors
/// As [`signed_in`], or [`Code::Forbidden`].
pub fn role(caller: Option<&Caller>, role: &str) -> Result<()> {
    if signed_in(caller)?.has_role(role) { Ok(()) } else { Err(Error::forbidden()) }
}

/// Somebody is signed in and has this permission.
///
/// # Errors
/// As [`signed_in`], or [`Code::Forbidden`].
pub fn permission(caller: Option<&Caller>, permission: &str) -> Result<()> {
    if signed_in(caller)?.has_permission(permission) { Ok(()) } else { Err(Error::forbidden()) }
}
