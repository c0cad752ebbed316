//! An application's own files over HTTP.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::{Body, to_bytes};
use tower::ServiceExt as _;

use super::*;

struct Site {
    folder: PathBuf,
    app: Router,
}

impl Site {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let outer =
            std::env::temp_dir().join(format!("fluxstack-live-static-{}-{count}", std::process::id()));
        let folder = outer.join("dist");
        fs::create_dir_all(folder.join("assets/.hidden")).unwrap();
        let long = "let a = 1;\n".repeat(1_000);
        for (name, content) in [
            ("../secret.txt", "secret"),
            ("index.html", "<!doctype html>"),
            ("page.html", &*long),
            ("assets/app-3f29c1d8.js", &*long),
            ("assets/ready.js", &*long),
            ("assets/ready.js.br", "brotli"),
            ("assets/ready.js.gz", "gzip"),
            ("assets/picture.png", &*long),
            (".env", "secret"),
            ("assets/.hidden/a.txt", "secret"),
            ("a b.txt", "hello"),
        ] {
            fs::write(folder.join(name), content).unwrap();
        }
        let app = Router::new().nest("/api/static", static_files(&folder));
        Self { folder, app }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = axum::http::Request::builder().method(method).uri(format!("/api/static{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn status(&self, path: &str) -> u16 {
        self.ask("GET", path, &[]).await.status().as_u16()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(self.folder.parent().unwrap()));
    }
}

fn said<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_hash_is_told_from_a_word() {
    #[track_caller]
    fn check(name: &str, expected: bool) {
        assert_eq!(has_hash(name), expected, "{name}");
    }
    check("app-3f29c1d8.js", true);
    check("app.3f29c1d8.js", true);
    check("app.3f29c1d8.min.js", false);
    check("app-3f29c1d8.js.map", false);
    check("index-CDyrNgHn.js", true);
    check("index-DIojZZc3.js", true);
    check("index-B-x3_a9Q.css", true);
    check("logo-0123456789abcdef0123.png", true);
    for word in [
        "app.js",
        "3f29c1d8.js",
        "app-3f29c1d8",
        "my-LiveView.js",
        "my-JavaScript.js",
        "my-Version2.js",
        "my-version2.js",
        "my-chapter12.pdf",
        "report-20261122.pdf",
        "a-deadbeef.js",
        "jquery-3.7.1.js",
        "a-3f29c1d.js",
        "",
        ".",
        "-",
        "é-3f29c1d8é.js",
    ] {
        check(word, false);
    }
}

#[tokio::test]
async fn files_come_with_their_kind_and_for_how_long_they_are_good() {
    let site = Site::new();
    for (path, kind, cache) in [
        ("/assets/app-3f29c1d8.js", "text/javascript", "public, max-age=31536000, immutable"),
        ("/assets/ready.js", "text/javascript", "no-cache"),
        ("/page.html", "text/html", "no-cache"),
        ("/assets/picture.png", "image/png", "no-cache"),
        ("/a%20b.txt", "text/plain", "no-cache"),
    ] {
        let response = site.ask("GET", path, &[]).await;
        assert_eq!((response.status().as_u16(), said(&response, "content-type")), (200, kind), "{path}");
        assert_eq!(said(&response, "cache-control"), cache, "{path}");
        assert_eq!(said(&response, "x-content-type-options"), "nosniff");
        let again = site.ask("GET", path, &[("if-none-match", said(&response, "etag"))]).await;
        assert_eq!((again.status().as_u16(), said(&again, "cache-control")), (304, cache), "{path}");
        let head = site.ask("HEAD", path, &[]).await;
        assert_eq!((head.status(), head.headers()), (response.status(), response.headers()), "{path}");
    }
    let part = site.ask("GET", "/page.html", &[("range", "bytes=0-2")]).await;
    assert_eq!((part.status().as_u16(), said(&part, "content-length")), (206, "3"));
}

#[tokio::test]
async fn what_is_text_is_compressed_once_or_on_the_way() {
    let site = Site::new();
    /// Which coding a file comes in.
    async fn check(site: &Site, path: &str, accepted: &str, coding: &str, body: Option<&str>) {
        let response = site.ask("GET", path, &[("accept-encoding", accepted)]).await;
        assert_eq!(said(&response, "content-encoding"), coding, "{path} {accepted}");
        let tag = said(&response, "etag").to_owned();
        let is_done_here = !coding.is_empty() && body.is_none();
        assert!(!tag.is_empty() && (tag.starts_with("W/") || !is_done_here), "{path} {accepted} {tag}");
        if !coding.is_empty() {
            assert!(said(&response, "vary").contains("accept-encoding"), "{path}");
            // A tag that was given with a compressed answer is good for asking again.
            let headers = [("accept-encoding", accepted), ("if-none-match", &*tag)];
            assert_eq!(site.ask("GET", path, &headers).await.status().as_u16(), 304, "{path} {accepted}");
        }
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        if let Some(body) = body {
            assert_eq!(bytes, body, "{path}");
        } else if is_done_here {
            assert!(bytes.len() < 1_000, "{path} {}", bytes.len());
        }
    }
    check(&site, "/assets/ready.js", "gzip, br", "br", Some("brotli")).await;
    check(&site, "/assets/ready.js", "gzip", "gzip", Some("gzip")).await;
    check(&site, "/assets/ready.js", "", "", None).await;
    check(&site, "/page.html", "gzip, br", "br", None).await;
    check(&site, "/page.html", "gzip", "gzip", None).await;
    check(&site, "/page.html", "identity", "", None).await;
    check(&site, "/assets/picture.png", "gzip, br", "", None).await;
    check(&site, "/index.html", "gzip, br", "", Some("<!doctype html>")).await;
}

#[tokio::test]
async fn nothing_but_what_lies_in_the_folder_in_plain_view_is_there() {
    let site = Site::new();
    assert_eq!(site.status("/index.html").await, 200);
    for path in [
        "",
        "/",
        "/assets",
        "/assets/",
        "/nothing.js",
        "/.env",
        "/%2eenv",
        "/assets/.hidden/a.txt",
        "/assets/%2ehidden/a.txt",
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/%252e%252e%252fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/..\\secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/%ef%bc%8e%ef%bc%8e/secret.txt",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/index.html%00",
        "/index.html%00.js",
        "/index.html/",
        "/index.html/x",
        "/%",
        "/%2",
        "/%zz",
        "/%ff",
        "/c:/windows",
    ] {
        assert_eq!(site.status(path).await, 404, "{path}");
    }
    assert_eq!(site.ask("POST", "/index.html", &[]).await.status().as_u16(), 405);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_out_is_not_there() {
    use std::os::unix::fs::symlink;
    let site = Site::new();
    let folder = &site.folder;
    symlink(folder.join("../secret.txt"), folder.join("a.txt")).unwrap();
    symlink(folder.join(".."), folder.join("up")).unwrap();
    symlink(folder.join("../secret.txt"), folder.join("page.html.gz")).unwrap();
    symlink(folder.join("index.html"), folder.join("start.html")).unwrap();
    assert_eq!(site.status("/a.txt").await, 404);
    assert_eq!(site.status("/up/secret.txt").await, 404);
    assert_eq!(site.ask("GET", "/page.html", &[("accept-encoding", "gzip")]).await.status().as_u16(), 404);
    // One that stays inside does no harm.
    assert_eq!(site.status("/start.html").await, 200);
}
