//! Asking the application who somebody is.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::{Credentials, Identity};
use crate::error::{Code, Error, Result};

/// What the application knows about who somebody is. Given to
/// [`Builder::authenticator`](crate::Builder::authenticator).
///
/// Asked before a connection is accepted, with its cookies, headers and `?token=`; and with every `AUTH` message.
/// A function will do:
///
/// ```
/// use fluxstack_live::auth::Credentials;
/// use fluxstack_live::prelude::*;
///
/// let live = Live::builder()
///     .authenticator(|credentials: Credentials| async move {
///         match credentials.cookie("session") {
///             Some("a valid session of yours") => Ok(Some(Identity::new("ada").role("admin"))),
///             _ => Ok(None),
///         }
///     })
///     .build()
///     .unwrap();
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Who shows these credentials. `None` is nobody in particular, who may connect all the same.
    ///
    /// # Errors
    /// Whoever connects is refused with HTTP 401, and an `AUTH` message with `AUTH_FAILED`; both are told what the
    /// error says to a client, and both count as a wrong guess. An error of yours ([`Error::internal`]) is no guess:
    /// it goes to the log, and the client is told to try again.
    fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> impl Future<Output = Result<Option<Identity>>> + Send;

    /// Which account the credentials are for, where they say so, as a user name does beside a password. Wrong guesses
    /// are counted for the account as well then, wherever they come from.
    fn account(&self, credentials: &Credentials) -> Option<String> {
        let _ = credentials;
        None
    }
}

impl<F, Answer> Authenticator for F
where
    F: Fn(Credentials) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Option<Identity>>> + Send,
{
    async fn authenticate(&self, credentials: &Credentials) -> Result<Option<Identity>> {
        self(credentials.clone()).await
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Option<Identity>>> + Send + 'a>>;

/// An [`Authenticator`], whatever its type.
pub(crate) trait Erased: Send + Sync {
    fn authenticate<'a>(&'a self, credentials: &'a Credentials) -> Answer<'a>;
    fn account(&self, credentials: &Credentials) -> Option<String>;
}

impl<A: Authenticator> Erased for A {
    fn authenticate<'a>(&'a self, credentials: &'a Credentials) -> Answer<'a> {
        // Inside an async block, so that one that is no `async fn` and panics is caught as well.
        Box::pin(async move { Authenticator::authenticate(self, credentials).await })
    }

    fn account(&self, credentials: &Credentials) -> Option<String> {
        // Without a name, guesses are counted by address alone.
        std::panic::catch_unwind(AssertUnwindSafe(|| Authenticator::account(self, credentials)))
            .unwrap_or_default()
    }
}

/// Asks, for at most `patience`. An error is [`Code::AuthFailed`] if the credentials are not good, and anything
/// else if that is not known.
pub(crate) async fn ask(
    authenticator: &dyn Erased,
    credentials: &Credentials,
    patience: Duration,
) -> Result<Option<Identity>> {
    let answer = AssertUnwindSafe(authenticator.authenticate(credentials)).catch_unwind();
    match timeout(patience, answer).await {
        Ok(Ok(Ok(Some(identity)))) if identity.id().is_empty() => {
            tracing::error!("the authenticator knows a user with an empty id: that is nobody's");
            Err(Error::internal("a user with an empty id"))
        }
        Ok(Ok(Ok(identity))) => Ok(identity),
        Ok(Ok(Err(error))) if error.code() == Code::Internal => {
            let cause = error.cause().map(tracing::field::display);
            tracing::error!(cause, "it could not be found out who somebody is");
            Err(error)
        }
        Ok(Ok(Err(error))) if error.code() == Code::Busy => Err(error),
        Ok(Ok(Err(error))) => Err(Error::new(Code::AuthFailed, error.message().to_owned())),
        Ok(Err(_)) => {
            tracing::error!("the authenticator panicked");
            Err(Error::internal("the authenticator panicked"))
        }
        Err(_) => {
            tracing::error!(?patience, "the authenticator did not answer in time");
            Err(Error::new(Code::Busy, "it takes too long to find out who you are: try again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    async fn asked(authenticator: impl Authenticator) -> Result<String, Code> {
        let credentials = Credentials::message(Value::Null, None);
        let answer = ask(&authenticator, &credentials, Duration::from_secs(1)).await;
        answer.map(|identity| identity.map_or_else(String::new, |identity| identity.id().to_owned())).map_err(
            |error| {
                assert!(!error.message().contains("secret"), "{error:?}");
                error.code()
            },
        )
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_the_author_does_there_is_an_answer() {
        assert_eq!(asked(|_| async { Ok(Some(Identity::new("ada"))) }).await, Ok("ada".into()));
        assert_eq!(asked(|_| async { Ok(None) }).await, Ok(String::new()));
        assert_eq!(asked(|_| async { Ok(Some(Identity::new(""))) }).await, Err(Code::Internal));
        assert_eq!(asked(|_| async { Err(Error::forbidden()) }).await, Err(Code::AuthFailed));
        assert_eq!(asked(|_| async { Err(Error::internal("secret")) }).await, Err(Code::Internal));
        assert_eq!(asked(|_| async { Err(Error::new(Code::Busy, "later")) }).await, Err(Code::Busy));
        assert_eq!(asked(|_| async { panic!("secret") }).await, Err(Code::Internal));
        assert_eq!(asked(|_| std::future::pending()).await, Err(Code::Busy));
    }

    #[tokio::test]
    async fn one_that_panics_before_it_waits_is_caught_too() {
        fn at_once(_: Credentials) -> std::future::Ready<Result<Option<Identity>>> {
            panic!("secret")
        }
        assert_eq!(asked(at_once).await, Err(Code::Internal));
    }
}
