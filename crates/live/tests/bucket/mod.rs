//! A bucket in memory that speaks as much of S3 as a storage needs: objects, parts of them, ranges, copies. It believes
//! every signature, and wants one on every request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What is in it, by key.
#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) objects: BTreeMap<String, Object>,
    /// Uploads that are not complete: the bytes of each part by its number.
    pub(crate) uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    /// What every request was: its method and its path.
    pub(crate) asked: Vec<String>,
    /// Refuses the part with this number.
    pub(crate) refuses_part: Option<u32>,
}

#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: String,
    pub(crate) disposition: String,
}

type Shared = Arc<Mutex<Inside>>;

/// Starts one called `pictures`, for as long as the test runs.
pub(crate) async fn start() -> (SocketAddr, Shared) {
    let inside = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(serve).with_state(Arc::clone(&inside));
    tokio::spawn(axum::serve(listener, app).into_future());
    (address, inside)
}

async fn serve(State(inside): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let query = query(parts.uri.query().unwrap_or_default());
    let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
    let path = parts.uri.path().to_owned();
    inside.asked.push(format!("{} {path}", parts.method));
    let Some(key) = path.strip_prefix("/pictures/") else { return StatusCode::NOT_FOUND.into_response() };
    if !is_signed(&parts.headers, &query) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let is_asked = |name: &str| query.contains_key(name);
    match parts.method {
        Method::POST if is_asked("uploads") => {
            let id = inside.uploads.len().to_string();
            inside.uploads.insert(id.clone(), BTreeMap::new());
            // Said now, and true of the object when it is complete.
            inside.objects.insert(format!("\0{id}"), object(&parts.headers, Bytes::new()));
            xml(&format!(
                "<InitiateMultipartUploadResult><Bucket>pictures</Bucket><Key>{key}</Key>\
                 <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ))
        }
        Method::POST => {
            let id = &query["uploadId"];
            let bytes = inside.uploads.remove(id).unwrap().into_values().collect::<Vec<_>>().concat();
            let begun = inside.objects.remove(&format!("\0{id}")).unwrap();
            inside.objects.insert(key.to_owned(), Object { bytes: bytes.into(), ..begun });
            xml("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>")
        }
        Method::PUT if is_asked("partNumber") => {
            let number = query["partNumber"].parse().unwrap();
            if inside.refuses_part == Some(number) {
                return StatusCode::FORBIDDEN.into_response();
            }
            inside.uploads.get_mut(&query["uploadId"]).unwrap().insert(number, body);
            [(header::ETAG, format!("\"part-{number}\""))].into_response()
        }
        Method::PUT if parts.headers.contains_key("x-amz-copy-source") => {
            let source = parts.headers["x-amz-copy-source"].to_str().unwrap();
            let source = source.trim_start_matches('/').strip_prefix("pictures/").unwrap();
            let Some(copied) = inside.objects.get(source).cloned() else {
                return StatusCode::NOT_FOUND.into_response();
            };
            inside.objects.insert(key.to_owned(), copied);
            xml("<CopyObjectResult><ETag>\"copied\"</ETag></CopyObjectResult>")
        }
        Method::PUT => {
            inside.objects.insert(key.to_owned(), object(&parts.headers, body));
            [(header::ETAG, "\"put\"")].into_response()
        }
        Method::DELETE if is_asked("uploadId") => {
            inside.uploads.remove(&query["uploadId"]);
            inside.objects.remove(&format!("\0{}", query["uploadId"]));
            StatusCode::NO_CONTENT.into_response()
        }
        Method::DELETE => {
            inside.objects.remove(key);
            StatusCode::NO_CONTENT.into_response()
        }
        Method::GET | Method::HEAD => found(inside.objects.get(key), &parts.headers),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

fn is_signed(headers: &HeaderMap, query: &BTreeMap<String, String>) -> bool {
    let header = headers.get(header::AUTHORIZATION).and_then(|said| said.to_str().ok()).unwrap_or_default();
    let by_header = header.starts_with("AWS4-HMAC-SHA256 Credential=an-id/") && header.contains("Signature=");
    let by_query = query.get("X-Amz-Signature").is_some_and(|signature| signature.len() == 64)
        && query["X-Amz-Credential"].starts_with("an-id");
    by_header || by_query
}

fn object(headers: &HeaderMap, bytes: Bytes) -> Object {
    let said = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    Object { bytes, content_type: said(header::CONTENT_TYPE), disposition: said(header::CONTENT_DISPOSITION) }
}

fn found(object: Option<&Object>, headers: &HeaderMap) -> Response {
    let Some(Object { bytes, content_type, .. }) = object else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let described = [
        (header::ETAG, "\"an-object\"".to_owned()),
        (header::LAST_MODIFIED, "Sun, 09 Sep 2001 01:46:40 GMT".to_owned()),
        (header::CONTENT_TYPE, content_type.clone()),
    ];
    let Some(range) = headers.get(header::RANGE) else { return (described, bytes.clone()).into_response() };
    let (first, last) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let last = last.min(bytes.len() - 1);
    let range = [(header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", bytes.len()))];
    (StatusCode::PARTIAL_CONTENT, described, range, bytes.slice(first..=last)).into_response()
}

fn xml(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], text.to_owned()).into_response()
}

fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (k.into(), v.into())).collect()
}
