//! Serving files that were kept.
//!
//! What must stay true: what somebody may not see is answered like what is not there, and nothing is asked of the
//! storage before that is decided; nothing of a file runs in the page's origin, whatever it contains; of a file on its
//! way out there are a few pieces in memory, and it is not held open for a reader who takes none of them.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::conditions::{self, Wanted};
use super::refusal;
use crate::auth::Credentials;
use crate::error::Code;
use crate::files::Files;
use crate::server::Live;
use crate::storage::{Key, Object, ObjectInfo, Pieces, StorageError};

/// How long a reader may take for one piece, of 64 KiB or so. Longer, and the file is closed, and the connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// Names are random and contents never change, so nobody needs to ask twice.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The browser may keep it, and asks each time whether it still may show it.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What a browser is told with every file.
///
/// The policy is for one that is opened by itself: it gets no scripts, no origin, and nothing from elsewhere but what
/// browsers themselves build around a picture or a film. Other sites may link to a file, and not build it in.
const SAFETY: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'",
        ),
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-site")),
    // A link is as good as a key to the file, and does not go anywhere from it.
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

impl Live {
    /// The files that were kept, at `/uploads/…`, and at `/api/uploads/…`, where older clients look for them.
    ///
    /// ```
    /// use fluxstack_live::Live;
    /// let live = Live::builder().build().unwrap();
    /// let app: axum::Router = axum::Router::new().nest("/api/live", live.router()).merge(live.file_routes());
    /// ```
    ///
    /// One that is not public is for its owner, as the server's authenticator finds out from the request's cookies and
    /// headers, for whom [`Uploads::may_read`](crate::Uploads::may_read) lets, and for whoever has a link. For
    /// everybody else it is not there.
    pub fn file_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let live = self.clone();
        let file = get(async move |request: Request| live.file(request).await);
        Router::new().route("/uploads/{*key}", file.clone()).route("/api/uploads/{*key}", file)
    }

    async fn file(&self, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let found = Key::of_path(parts.uri.path()).zip(self.files().ok());
        let Some((key, files)) = found else { return not_found() };
        if !key.is_public() && !files.is_linked(&key, parts.uri.query().unwrap_or_default()) {
            let peer = parts.extensions.get::<ConnectInfo<_>>().map(|ConnectInfo(peer)| *peer);
            match self.may_read(&files, &key, &parts.headers, peer).await {
                Ok(true) => {}
                Ok(false) => return not_found(),
                Err(refused) => return refused,
            }
        }
        match answer(&files, &key, &parts.method, &parts.headers).await {
            Ok(response) => response,
            Err(StorageError::NotFound) => not_found(),
            Err(why) => {
                tracing::error!(%key, %why, "a file could not be served");
                (StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read at the moment").into_response()
            }
        }
    }

    /// Whether whoever asks may read it; or the answer, if that cannot be found out now.
    async fn may_read(
        &self,
        files: &Files,
        key: &Key,
        headers: &HeaderMap,
        peer: Option<std::net::SocketAddr>,
    ) -> Result<bool, Response> {
        let peer = self.seen_by_proxies(headers).or(peer.map(|peer| peer.ip()));
        let texts = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        // What follows the `?` is not looked at: an address of a file is shown, shared and written into logs.
        let identity = match self.admit(&Credentials::connecting("", texts, peer)).await {
            Ok(identity) => identity.filter(|identity| !identity.is_over()),
            Err(unknown) => match unknown.error.code() {
                Code::AuthThrottled | Code::Busy | Code::Internal => return Err(refusal(&unknown)),
                _ => None,
            },
        };
        Ok(files.may_read(key, identity.as_ref()))
    }
}

/// The answer to a request that may be made.
async fn answer(
    files: &Files,
    key: &Key,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, StorageError> {
    let storage = files.storage();
    if *method == Method::GET && !conditions::has_any(headers) {
        let Object { info, pieces } = storage.get(key, None).await?;
        return Ok(sent(key, &info, StatusCode::OK, info.size, body(pieces, info.size)));
    }
    let info = storage.head(key).await?;
    Ok(match conditions::wanted(method, headers, &info) {
        Wanted::Whole if *method == Method::HEAD => {
            sent(key, &info, StatusCode::OK, info.size, Body::empty())
        }
        Wanted::Whole => {
            let Object { info, pieces } = storage.get(key, None).await?;
            sent(key, &info, StatusCode::OK, info.size, body(pieces, info.size))
        }
        Wanted::Part(range) => {
            let length = range.end - range.start;
            let said = format!("bytes {}-{}/{}", range.start, range.end - 1, info.size);
            let Object { info, pieces } = storage.get(key, Some(range)).await?;
            let body = body(pieces, length);
            with(sent(key, &info, StatusCode::PARTIAL_CONTENT, length, body), header::CONTENT_RANGE, &said)
        }
        Wanted::Nothing => {
            let mut response = described(key, &info, StatusCode::NOT_MODIFIED, Body::empty());
            response.headers_mut().remove(header::CONTENT_TYPE);
            response
        }
        Wanted::Other => (StatusCode::PRECONDITION_FAILED, SAFETY).into_response(),
        Wanted::Beyond => {
            let response = (StatusCode::RANGE_NOT_SATISFIABLE, SAFETY).into_response();
            with(response, header::CONTENT_RANGE, &format!("bytes */{}", info.size))
        }
    })
}

/// A response with a file, or a part of it, or what a `HEAD` hears of it.
fn sent(key: &Key, info: &ObjectInfo, status: StatusCode, length: u64, body: Body) -> Response {
    let mut response = described(key, info, status, body);
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

/// A response that says what the file is.
fn described(key: &Key, info: &ObjectInfo, status: StatusCode, body: Body) -> Response {
    let mut response = (status, SAFETY, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(key.content_type()));
    // Without a name: the storage knows none, and a page may say one (`<a download="…">`).
    let opened = if key.is_shown() { "inline" } else { "attachment" };
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(opened));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, if key.is_public() { PUBLIC } else { PRIVATE });
    if !key.is_public() {
        headers.insert(header::VARY, HeaderValue::from_static("cookie, authorization"));
    }
    let response = with(response, header::LAST_MODIFIED, &httpdate::fmt_http_date(info.modified));
    match conditions::etag(info) {
        Some(etag) => with(response, header::ETAG, etag),
        None => response,
    }
}

fn with(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The answer for what is not there, or not for whoever asks.
fn not_found() -> Response {
    let unkept = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::NOT_FOUND, SAFETY, unkept, "there is no such file").into_response()
}

/// The bytes on their way to the reader. They are read by a task, so that whatever it holds open is let go of when the
/// reader takes nothing for too long: a body is not asked, and so cannot notice anything, while nobody reads.
fn body(mut pieces: Pieces, length: u64) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(piece) = pieces.next().await {
            let is_last = piece.is_err();
            let is_taken = matches!(timeout(PATIENCE, sender.send(piece)).await, Ok(Ok(())));
            if is_last || !is_taken {
                return;
            }
        }
    });
    Body::from_stream(stream::unfold((receiver, length), async |(mut receiver, left)| {
        match receiver.recv().await {
            Some(Ok(piece)) => {
                let left = left.saturating_sub(piece.len() as u64);
                Some((Ok(piece), (receiver, left)))
            }
            Some(Err(why)) => Some((Err(why.to_string()), (receiver, 0))),
            // What is too short must not look whole.
            None if left > 0 => Some((Err("the reader was too slow".to_owned()), (receiver, 0))),
            None => None,
        }
    }))
}

#[cfg(all(test, feature = "files"))]
mod tests;
