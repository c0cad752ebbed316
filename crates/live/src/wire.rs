//! What may cross: types both sides understand.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can travel. Put `#[wire]` on your own types; the standard ones are here.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross to the client",
    label = "this travels between server and client",
    note = "put `#[wire]` on the type"
)]
pub trait Wire: Serialize + DeserializeOwned + ts_rs::TS + Send + 'static {}
