//! The files an application is made of: its page, its scripts, its pictures.
//!
//! How files are found, read in parts and compressed is tower-http's business; what is here is what it leaves open. What
//! must stay true: nothing outside the folder is sent, also when a link points there, and nothing whose name begins
//! with a dot; what is called by a hash of its content is kept for ever, and of everything else each is asked about.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::services::ServeDir;

/// Smaller ones fit into one packet anyway.
const WORTH_COMPRESSING: u64 = 1_024;

/// Digits of a hash in a name. Bundlers write eight or more.
const HASH: usize = 8;

/// How often its letters and digits take turns, at least. `LiveView` has three.
const TURNS: usize = 4;

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// The files in this folder, and in those below it, to be nested where pages look for them:
///
/// ```
/// let app: axum::Router = axum::Router::new().nest("/api/static", fluxstack_live::static_files("web/dist"));
/// ```
///
/// They are sent compressed where the browser and the kind of file allow it: as `app.js.br` or `app.js.gz` if that is in
/// the folder, else on the fly. A file with a hash in its name, such as `app-3f29c1d8.js`, is kept by browsers and never
/// asked for again; of every other one they ask whether it is still the same. Names that begin with a dot, and links
/// that lead out of the folder, are not there; nor are lists of what is in a folder, or a page in the place of one.
pub fn static_files<S: Clone + Send + Sync + 'static>(folder: impl AsRef<Path>) -> Router<S> {
    let folder = folder.as_ref();
    let files = ServeDir::new(folder)
        .append_index_html_on_directories(false)
        .redirect_to_trailing_slash(false)
        .ignore_multi_range_requests(true)
        .precompressed_br()
        .precompressed_gzip();
    let worth = SizeAbove::new(WORTH_COMPRESSING)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::const_new("video/"))
        .and(NotForContentType::const_new("audio/"))
        .and(NotForContentType::const_new("font/woff"))
        .and(NotForContentType::const_new("application/zip"))
        .and(NotForContentType::const_new("application/gzip"));
    let folder: Arc<Path> = folder.into();
    Router::new()
        .fallback_service(files)
        .layer(CompressionLayer::new().compress_when(worth))
        .layer(from_fn_with_state(folder, guarded))
}

/// Lets through what may be asked for, and says how long the answer is good.
async fn guarded(State(folder): State<Arc<Path>>, request: Request, next: Next) -> Response {
    let Some(asked) = decoded(request.uri().path()) else { return nothing() };
    let is_for_ever = asked.file_name().and_then(|name| name.to_str()).is_some_and(has_hash);
    let is_inside = tokio::task::spawn_blocking(move || is_inside(&folder, &asked)).await;
    if !is_inside.unwrap_or_default() {
        return nothing();
    }
    let mut response = next.run(request).await;
    let is_there = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let is_compressed = response.headers().contains_key(header::CONTENT_ENCODING);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_there {
        headers.insert(header::CACHE_CONTROL, if is_for_ever { FOR_EVER } else { ASK });
    }
    // What was compressed on the way has other bytes than the file that its tag is of.
    if is_compressed
        && let Some(etag) = headers.get(header::ETAG).and_then(|etag| etag.to_str().ok())
        && !etag.starts_with("W/")
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{etag}"))
    {
        headers.insert(header::ETAG, weak);
    }
    response
}

fn nothing() -> Response {
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "there is no such file").into_response()
}

/// The path below the folder that is asked for, if it is one that may be: names, none of which begins with a dot.
fn decoded(path: &str) -> Option<PathBuf> {
    let path = percent_decoded(path.strip_prefix('/')?)?;
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(name) => name.to_str().is_some_and(|name| !name.starts_with('.')),
        _ => false,
    };
    let is_one = !path.contains(['\\', '\0', ':']) && Path::new(&path).components().all(is_plain);
    (is_one && !path.is_empty()).then(|| path.into())
}

/// Text in which `%41` is an `A`, decoded once.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

/// Whether this is a file, and really in the folder. Where a compressed one is sent instead, it lies beside it.
fn is_inside(folder: &Path, asked: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let there = folder.join(asked);
    let is_ours = |path: &Path| path.canonicalize().is_ok_and(|real| real.starts_with(&folder));
    let beside = ["br", "gz"].map(|extension| {
        let mut name = there.clone().into_os_string();
        name.push(".");
        name.push(extension);
        PathBuf::from(name)
    });
    there.is_file() && is_ours(&there) && beside.iter().all(|path| !path.exists() || is_ours(path))
}

/// Whether a name has a hash of the content in it: behind a `-` or a `.`, before the ending.
fn has_hash(name: &str) -> bool {
    let Some((stem, _)) = name.rsplit_once('.') else { return false };
    let last = stem.rsplit(['-', '.']).next().filter(|last| last.len() < stem.len());
    // The short ones may have a `-` themselves.
    let short = stem.len().checked_sub(HASH + 1).and_then(|at| stem.get(at..));
    let short = short.and_then(|short| short.strip_prefix(['-', '.']));
    last.is_some_and(is_hex_hash) || short.is_some_and(is_short_hash)
}

/// Eight hexadecimal digits or more. Digits alone may be a date, and letters alone a word.
fn is_hex_hash(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let is_letter = |byte: u8| (b'a'..=b'f').contains(&byte);
    text.len() >= HASH
        && text.bytes().all(|byte| is_digit(byte) || is_letter(byte))
        && text.bytes().any(is_digit)
        && text.bytes().any(is_letter)
}

/// Eight letters and digits in an order that nobody would write: capitals, small letters and digits take turns. To miss
/// a hash costs a question for each visit, and to see one in a word would leave browsers with an old file for a year.
fn is_short_hash(text: &str) -> bool {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => Some(0),
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        b'_' | b'-' => Some(3),
        _ => None,
    };
    let Some(kinds) = text.bytes().map(kind).collect::<Option<Vec<_>>>() else { return false };
    kinds.len() == HASH && kinds.windows(2).filter(|pair| pair[0] != pair[1]).count() >= TURNS
}

#[cfg(test)]
mod tests;
