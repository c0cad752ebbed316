//! Asking the application whether a file does harm.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use crate::error::{Code, Error};

/// How long an inspector may look at one file.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks at files before they are called done. Given to [`Uploads::inspect`](super::Uploads::inspect).
///
/// ```
/// use fluxstack_live::uploads::{Inspect, Inspected, Unsafe};
///
/// struct Scanner;
///
/// impl Inspect for Scanner {
///     async fn inspect(&self, file: &Inspected<'_>) -> Result<(), Unsafe> {
///         match file.size() {
///             0 => Err(Unsafe::new("an empty file is of no use here")),
///             _ => Ok(()),
///         }
///     }
/// }
/// ```
///
/// What takes longer than a minute, fails or panics has not found the file to be harmless: its sender is told to try
/// again later.
pub trait Inspect: Send + Sync + 'static {
    /// Whether this file is harmless.
    ///
    /// # Errors
    /// [`Unsafe::new`] for a file that is not: it is removed, and its sender is told what the error says. Any other error,
    /// with `?`, is one of yours: the file stays, and its sender may try again.
    fn inspect(&self, file: &Inspected<'_>) -> impl Future<Output = Result<(), Unsafe>> + Send;
}

/// A file that is whole, and not called done yet.
pub struct Inspected<'a> {
    pub(super) path: &'a Path,
    pub(super) name: &'a str,
    pub(super) content_type: &'a str,
    pub(super) size: u64,
    pub(super) sha256: &'a str,
}

impl Inspected<'_> {
    /// Where it is, for reading only.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.path
    }

    /// What its sender calls it: a name that can be shown, and not a path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// What it is, by its content where that can be seen, and by what its sender says otherwise.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.content_type
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its SHA-256, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        self.sha256
    }
}

/// Why a file is not called done.
#[derive(Debug)]
pub struct Unsafe(pub(super) Found);

#[derive(Debug)]
pub(super) enum Found {
    Harm(Cow<'static, str>),
    Unknown(Box<dyn StdError + Send + Sync>),
}

impl Unsafe {
    /// The file does harm, or is not wanted. `why` is for the person who sent it.
    #[must_use]
    pub fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self(Found::Harm(why.into()))
    }

    /// It could not be found out. `cause` goes to the log.
    #[must_use]
    pub fn unknown(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Found::Unknown(cause.into()))
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Unsafe {
    fn from(cause: E) -> Self {
        Self::unknown(cause)
    }
}

/// An [`Inspect`], whatever its type.
pub(super) trait Erased: Send + Sync {
    fn inspect<'a>(
        &'a self,
        file: &'a Inspected<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Unsafe>> + Send + 'a>>;
}

impl<I: Inspect> Erased for I {
    fn inspect<'a>(
        &'a self,
        file: &'a Inspected<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Unsafe>> + Send + 'a>> {
        // Inside an async block, so that one that is no `async fn` and panics is caught as well.
        Box::pin(async move { Inspect::inspect(self, file).await })
    }
}

/// Asks. An error is [`Code::UploadUnsafe`] if the file does harm, and [`Code::Busy`] if that is not known.
pub(super) async fn ask(inspector: &dyn Erased, file: &Inspected<'_>) -> Result<(), Error> {
    let answer = AssertUnwindSafe(inspector.inspect(file)).catch_unwind();
    match timeout(PATIENCE, answer).await {
        Ok(Ok(Ok(()))) => return Ok(()),
        Ok(Ok(Err(Unsafe(Found::Harm(why))))) => {
            tracing::warn!(sha256 = file.sha256, size = file.size, "an upload does harm, and is removed");
            return Err(Error::new(Code::UploadUnsafe, why));
        }
        Ok(Ok(Err(Unsafe(Found::Unknown(cause))))) => {
            tracing::error!(cause = %cause, "it could not be found out whether an upload does harm");
        }
        Ok(Err(_)) => tracing::error!("the inspector of uploads panicked"),
        Err(_) => tracing::error!(patience = ?PATIENCE, "the inspector of uploads did not answer in time"),
    }
    Err(Error::new(Code::Busy, "the file cannot be checked at present: try again later"))
}
