//! Kept files over HTTP: who gets them, and what a browser is told with them.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, also where it is not itself the test")]

use std::sync::Arc;

use axum::body::to_bytes;
use tower::ServiceExt as _;

use super::*;
use crate::Keys;
use crate::auth::Identity;
use crate::error::Error;
use crate::storage::object_store::memory::InMemory;
use crate::storage::{Boxed, ObjectStorage, Storage};

const BYTES: &[u8] = b"0123456789";

struct Site {
    files: Files,
    app: Router,
}

impl Site {
    /// A site where ada and bob sign in with a cookie, `boss` may read everything, and whose cookie is `wrong` is
    /// refused.
    fn new(storage: impl Storage) -> Self {
        let rule = |_: &crate::FileRequest<'_>, user: Option<&Identity>| {
            user.is_some_and(|user| user.has_role("boss"))
        };
        let files = Files::new(Arc::new(storage), Keys::random(), Some(Arc::new(rule)));
        let who = async |credentials: Credentials| match credentials.cookie("who") {
            Some("wrong") => Err(Error::forbidden()),
            Some("broken") => Err(Error::internal("a table that does not exist")),
            Some("over") => Ok(Some(Identity::new("ada").until(std::time::UNIX_EPOCH))),
            Some("boss") => Ok(Some(Identity::new("eve").role("boss"))),
            Some(name) => Ok(Some(Identity::new(name))),
            None => Ok(None),
        };
        let builder = Live::builder().provide(files.clone());
        let live = builder.authenticator(who).build().unwrap();
        Self { files, app: live.file_routes() }
    }

    async fn keep(&self, key: Key) -> Key {
        self.keep_bytes(key, BYTES).await
    }

    async fn keep_bytes(&self, key: Key, bytes: &[u8]) -> Key {
        let path = std::env::temp_dir().join(format!("fluxstack-live-{}", key.as_str().replace('/', "-")));
        std::fs::write(&path, bytes).unwrap();
        self.files.storage().put(&key, &path).await.unwrap();
        key
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn status(&self, path: &str, who: &str) -> u16 {
        let cookie = format!("who={who}");
        let headers = [("cookie", &*cookie)];
        let headers = if who.is_empty() { &[][..] } else { &headers[..] };
        self.ask("GET", path, headers).await.status().as_u16()
    }
}

fn memory() -> Site {
    Site::new(ObjectStorage::new(InMemory::new()))
}

fn said<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn bytes(response: Response) -> Vec<u8> {
    to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()
}

#[tokio::test]
async fn a_file_is_for_whom_it_was_kept() {
    let site = memory();
    let public = site.keep(Key::public("a.png", "image/png")).await.url();
    let ada = site.keep(Key::private("ada", "a.png", "image/png")).await;
    let gone = Key::private("ada", "a.png", "image/png").url();
    let link = site.files.link(ada.as_str(), Duration::from_secs(60)).unwrap();
    let forged = link.replace("sig=", "sig=A");
    let elsewhere = link.replace(&ada.url(), &gone);
    let ada = ada.url();
    // For each address: who asks, and what they hear.
    for (path, answers) in [
        (
            &public,
            [
                ("", 200),
                ("ada", 200),
                ("bob", 200),
                ("boss", 200),
                ("wrong", 200),
                ("broken", 200),
                ("over", 200),
            ],
        ),
        (
            &ada,
            [
                ("", 404),
                ("ada", 200),
                ("bob", 404),
                ("boss", 200),
                ("wrong", 404),
                ("broken", 500),
                ("over", 404),
            ],
        ),
        (
            &link,
            [
                ("", 200),
                ("ada", 200),
                ("bob", 200),
                ("boss", 200),
                ("wrong", 200),
                ("broken", 200),
                ("over", 200),
            ],
        ),
        (
            &forged,
            [
                ("", 404),
                ("ada", 200),
                ("bob", 404),
                ("boss", 200),
                ("wrong", 404),
                ("broken", 500),
                ("over", 404),
            ],
        ),
        (
            &gone,
            [
                ("", 404),
                ("ada", 404),
                ("bob", 404),
                ("boss", 404),
                ("wrong", 404),
                ("broken", 500),
                ("over", 404),
            ],
        ),
        (
            &elsewhere,
            [
                ("", 404),
                ("ada", 404),
                ("bob", 404),
                ("boss", 404),
                ("wrong", 404),
                ("broken", 500),
                ("over", 404),
            ],
        ),
    ] {
        for (who, status) in answers {
            assert_eq!(site.status(path, who).await, status, "{path} {who:?}");
            assert_eq!(site.status(&format!("/api{path}"), who).await, status, "/api{path} {who:?}");
        }
    }
}

#[tokio::test]
async fn what_one_may_not_see_is_answered_like_what_is_not_there() {
    let site = memory();
    let there = site.keep(Key::private("ada", "a.png", "image/png")).await.url();
    let gone = Key::private("ada", "a.png", "image/png").url();
    let mut answers = Vec::new();
    for path in [there, gone] {
        let response = site.ask("GET", &path, &[("cookie", "who=bob")]).await;
        answers.push((response.status(), response.headers().clone(), bytes(response).await));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].1["cache-control"], "no-store");
}

#[tokio::test]
async fn no_spelling_of_an_address_leads_out() {
    let site = memory();
    let key = site.keep(Key::public("a.png", "image/png")).await;
    let private = site.keep(Key::private("ada", "a.png", "image/png")).await;
    let (name, hidden) = (key.as_str(), private.as_str());
    assert_eq!(site.status(&key.url(), "").await, 200);
    for path in [
        "/uploads/../Cargo.toml".to_owned(),
        "/uploads/..%2fCargo.toml".to_owned(),
        "/uploads/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "/uploads/%252e%252e%252fetc%252fpasswd".to_owned(),
        "/uploads/..\\..\\etc\\passwd".to_owned(),
        "/uploads/..%5c..%5cetc%5cpasswd".to_owned(),
        "/uploads/%c0%ae%c0%ae/etc/passwd".to_owned(),
        "/uploads/%ef%bc%8e%ef%bc%8e/etc/passwd".to_owned(),
        "/uploads//etc/passwd".to_owned(),
        "/uploads/%2fetc%2fpasswd".to_owned(),
        "/uploads/%00".to_owned(),
        format!("/uploads/{name}%00"),
        format!("/uploads/{name}%00.html"),
        format!("/uploads/./{name}"),
        format!("/uploads/x/../{name}"),
        format!("/uploads/{name}/"),
        format!("/uploads/{name}/.."),
        format!("/uploads/{}", name.replace('.', "%2e")),
        format!("/uploads/{}", name.to_uppercase()),
        format!("/uploads/{name}.html"),
        format!("/uploads/../uploads/{name}"),
        format!("/uploads/uploads/{name}"),
        format!("/uploads/{}", hidden.replace('/', "%2f")),
        format!("/uploads/{}", hidden.replace("private/", "PRIVATE/")),
        format!("/uploads/{}", hidden.replace("private/", "private//")),
        format!("/uploads/x/..%2f{hidden}"),
        format!("/uploads/{}", Key::incoming(7)),
    ] {
        assert_eq!(site.status(&path, "bob").await, 404, "{path}");
    }
}

#[tokio::test]
async fn a_browser_is_told_to_run_nothing() {
    let site = memory();
    // What it is called and is; what it is served as, and how.
    for (name, kind, served, opened) in [
        ("a.png", "image/png", "image/png", "inline"),
        ("a.mp4", "video/mp4", "video/mp4", "inline"),
        ("a.txt", "text/plain", "text/plain; charset=utf-8", "inline"),
        ("a.svg", "image/svg+xml", "image/svg+xml", "attachment"),
        ("a.pdf", "application/pdf", "application/pdf", "attachment"),
        ("a.html", "text/html", "application/octet-stream", "attachment"),
        ("a.png", "text/html", "application/octet-stream", "attachment"),
        ("a.js", "text/javascript", "application/octet-stream", "attachment"),
        ("a.exe", "application/octet-stream", "application/octet-stream", "attachment"),
        ("a", "", "application/octet-stream", "attachment"),
    ] {
        for key in [Key::public(name, kind), Key::private("ada", name, kind)] {
            let key = site.keep(key).await;
            let response = site.ask("GET", &key.url(), &[("cookie", "who=ada")]).await;
            assert_eq!(said(&response, "content-type"), served, "{name} {kind}");
            assert_eq!(said(&response, "content-disposition"), opened, "{name} {kind}");
            assert_eq!(said(&response, "x-content-type-options"), "nosniff");
            assert!(said(&response, "content-security-policy").starts_with("sandbox; default-src 'none';"));
            assert_eq!(said(&response, "cross-origin-resource-policy"), "same-site");
            assert_eq!(said(&response, "referrer-policy"), "no-referrer");
        }
    }
    let response = site.ask("GET", "/uploads/nothing", &[]).await;
    assert_eq!(said(&response, "x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn what_is_public_is_kept_for_ever_and_what_is_not_is_asked_about() {
    let site = memory();
    let public = site.keep(Key::public("a.png", "image/png")).await;
    let private = site.keep(Key::private("ada", "a.png", "image/png")).await;
    let link = site.files.link(private.as_str(), Duration::from_secs(60)).unwrap();
    #[track_caller]
    fn check(response: &Response, cache: &str, vary: &str) {
        assert_eq!((said(response, "cache-control"), said(response, "vary")), (cache, vary));
        assert!(said(response, "etag").starts_with('"') && said(response, "last-modified").ends_with("GMT"));
        assert_eq!(said(response, "accept-ranges"), "bytes");
    }
    for (path, cache, vary) in [
        (public.url(), "public, max-age=31536000, immutable", ""),
        (private.url(), "private, no-cache", "cookie, authorization"),
        (link, "private, no-cache", "cookie, authorization"),
    ] {
        let first = site.ask("GET", &path, &[("cookie", "who=ada")]).await;
        check(&first, cache, vary);
        for (name, of) in [("if-none-match", "etag"), ("if-modified-since", "last-modified")] {
            let headers = [("cookie", "who=ada"), (name, said(&first, of))];
            let again = site.ask("GET", &path, &headers).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{name}");
            check(&again, cache, vary);
            assert_eq!(said(&again, "content-type"), "");
            assert!(bytes(again).await.is_empty());
        }
        // Who may not see it is not told that it has not changed either.
        if !path.contains('?') && path.contains("private") {
            let headers = [("cookie", "who=bob"), ("if-none-match", said(&first, "etag"))];
            assert_eq!(site.ask("GET", &path, &headers).await.status(), StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn a_part_is_sent_if_it_is_asked_for() {
    let site = memory();
    let path = site.keep(Key::public("a.mp4", "video/mp4")).await.url();
    /// What a range is answered: the status, `Content-Range`, and the bytes.
    async fn check(site: &Site, path: &str, headers: &[(&str, &str)], expected: (u16, &str, &str)) {
        let response = site.ask("GET", path, headers).await;
        let status = response.status().as_u16();
        let range = said(&response, "content-range").to_owned();
        let length = said(&response, "content-length").to_owned();
        let body = String::from_utf8(bytes(response).await).unwrap();
        assert_eq!((status, &*range, &*body), expected, "{headers:?}");
        if status != 416 {
            assert_eq!(length, body.len().to_string());
        }
    }
    check(&site, &path, &[("range", "bytes=2-4")], (206, "bytes 2-4/10", "234")).await;
    check(&site, &path, &[("range", "bytes=8-")], (206, "bytes 8-9/10", "89")).await;
    check(&site, &path, &[("range", "bytes=-3")], (206, "bytes 7-9/10", "789")).await;
    check(&site, &path, &[("range", "bytes=0-")], (206, "bytes 0-9/10", "0123456789")).await;
    check(&site, &path, &[("range", "bytes=10-")], (416, "bytes */10", "")).await;
    check(&site, &path, &[("range", "bytes=0-1,4-5")], (200, "", "0123456789")).await;
    check(&site, &path, &[("range", "bytes=2-4"), ("if-range", "\"other\"")], (200, "", "0123456789")).await;
    check(&site, &path, &[], (200, "", "0123456789")).await;
    let empty = site.keep_bytes(Key::public("a.mp4", "video/mp4"), b"").await.url();
    check(&site, &empty, &[], (200, "", "")).await;
    check(&site, &empty, &[("range", "bytes=0-")], (416, "bytes */0", "")).await;
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let site = memory();
    for key in [Key::public("a.png", "image/png"), Key::private("ada", "a.svg", "image/svg+xml")] {
        let path = site.keep(key).await.url();
        for who in ["ada", "bob"] {
            let cookie = format!("who={who}");
            let headers = [("cookie", &*cookie)];
            let (get, head) =
                (site.ask("GET", &path, &headers).await, site.ask("HEAD", &path, &headers).await);
            assert_eq!((get.status(), get.headers()), (head.status(), head.headers()), "{path} {who}");
            assert!(bytes(head).await.is_empty());
        }
        assert_eq!(site.ask("POST", &path, &[]).await.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(site.ask("DELETE", &path, &[]).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn a_server_that_keeps_nothing_has_nothing() {
    let live = Live::builder().build().unwrap();
    assert!(live.files().is_err());
    let path = Key::public("a.png", "image/png").url();
    let request = axum::http::Request::builder().uri(path).body(Body::empty()).unwrap();
    let app: Router = live.file_routes();
    assert_eq!(app.oneshot(request).await.unwrap().status(), StatusCode::NOT_FOUND);
}

/// A storage with one endless file, which says when nobody reads it any more.
struct Endless(mpsc::Sender<()>);

impl Storage for Endless {
    fn put<'a>(&'a self, _: &'a Key, _: &'a std::path::Path) -> Boxed<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn get<'a>(&'a self, key: &'a Key, _: Option<std::ops::Range<u64>>) -> Boxed<'a, Object> {
        Box::pin(async move {
            let info = self.head(key).await?;
            let held = self.0.clone();
            let pieces = stream::repeat_with(move || {
                let _held = &held;
                Ok(bytes::Bytes::from_static(&[0; 1 << 16]))
            });
            Ok(Object { info, pieces: Box::pin(pieces) })
        })
    }

    fn head<'a>(&'a self, _: &'a Key) -> Boxed<'a, ObjectInfo> {
        Box::pin(async { Ok(ObjectInfo { size: 1 << 40, modified: std::time::UNIX_EPOCH, etag: None }) })
    }

    fn delete<'a>(&'a self, _: &'a Key) -> Boxed<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn rename<'a>(&'a self, _: &'a Key, _: &'a Key) -> Boxed<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// The endless file as it comes, and what ends when it is let go of.
async fn endless() -> (axum::body::BodyDataStream, mpsc::Receiver<()>) {
    let (held, is_free) = mpsc::channel(1);
    let site = Site::new(Endless(held));
    let response = site.ask("GET", &Key::public("a.mp4", "video/mp4").url(), &[]).await;
    assert_eq!(said(&response, "etag"), "");
    (response.into_body().into_data_stream(), is_free)
}

#[tokio::test(start_paused = true)]
async fn a_file_is_let_go_of_when_its_reader_takes_nothing() {
    let (mut body, mut is_free) = endless().await;
    for _ in 0..3 {
        assert_eq!(body.next().await.unwrap().unwrap().len(), 1 << 16);
        tokio::time::advance(PATIENCE - Duration::from_secs(1)).await;
    }
    // Nothing is taken now, and time passes by itself as long as nobody has anything to do.
    assert_eq!(is_free.recv().await, None);
    // What had been read already, then an error: a file that is cut off must not look whole.
    let rest: Vec<_> = body.collect().await;
    assert!(rest.len() <= 2 && rest.last().unwrap().is_err(), "{}", rest.len());
}

#[tokio::test]
async fn a_file_is_let_go_of_when_its_reader_goes() {
    let (mut body, mut is_free) = endless().await;
    assert!(body.next().await.unwrap().is_ok());
    drop(body);
    assert_eq!(is_free.recv().await, None);
}

#[tokio::test]
async fn a_large_file_comes_whole_through_a_real_socket() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = std::env::temp_dir().join(format!("fluxstack-live-serve-{}", std::process::id()));
    let site = Site::new(crate::storage::Disk::at(&folder).unwrap());
    let all: Vec<u8> = (0..3_000_000_u32).map(|at| (at / 7 % 251) as u8).collect();
    let path = site.keep_bytes(Key::private("ada", "a.mp4", "video/mp4"), &all).await.url();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, site.app.clone()).into_future());
    for (headers, expected) in
        [("", &all[..]), ("Range: bytes=1000000-2999998\r\n", &all[1_000_000..2_999_999])]
    {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nCookie: who=ada\r\nConnection: close\r\n{headers}\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        let at = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        assert!(answer[at + 4..] == *expected, "{headers} {}", answer.len());
    }
    server.abort();
    std::fs::remove_dir_all(folder).unwrap();
}
