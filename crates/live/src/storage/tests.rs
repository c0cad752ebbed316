//! What every storage must do, checked on each of them.
