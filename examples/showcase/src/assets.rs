//! The built front end, out of the binary.

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Dist;

/// What a page of ours may load: itself, and pictures it has not sent yet. The socket is same-origin and therefore
/// `'self'`.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/// Files by name, folders by their `index.html`; any other path is a page of the application.
pub(crate) async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let index = format!("{path}index.html");
    let name = if path.is_empty() || path.ends_with('/') { &index } else { path };
    let is_page = name.ends_with(".html") || !name.contains('.');
    let file = match Dist::get(name) {
        Some(file) => file,
        None if is_page => match Dist::get("index.html") {
            Some(index) => index,
            None => {
                let said = "<p>The front end is not built. Run <code>cargo xtask demo</code>.";
                return (StatusCode::SERVICE_UNAVAILABLE, Html(said)).into_response();
            }
        },
        None => return StatusCode::NOT_FOUND.into_response(),
    };
    let tag: String = file.metadata.sha256_hash().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    // Names under assets/ carry a hash of what is in them; a page is asked for again each time.
    let caching =
        if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    if headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let kind = file.metadata.mimetype().to_owned();
    let about = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, caching.to_owned()),
        (header::ETAG, tag),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    (about, file.data).into_response()
}
