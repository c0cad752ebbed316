//! Files in a bucket: whole and in parts, and straight from a client with a signed address.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, also where it is not itself the test")]

mod bucket;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live::storage::{Key, ObjectStorage, S3, Storage, StorageError};
use futures_util::TryStreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const PUBLIC: &str = "6f1ed002-ab5e-4b3a-a7d4-0242ac120002.png";
const PRIVATE: &str = "private/00112233445566778899aabbccddeeff/6f1ed002-ab5e-4b3a-a7d4-0242ac120003.pdf";

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn storage(address: std::net::SocketAddr) -> ObjectStorage {
    let s3 = S3::bucket("pictures").endpoint(format!("http://{address}")).region("eu-central-1").allow_http();
    s3.credentials("an-id", "a-secret").build().unwrap()
}

/// A file on this machine with these bytes.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("fluxstack-live-s3-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn read(storage: &ObjectStorage, key: &Key, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let pieces: Vec<Bytes> = storage.get(key, range).await.unwrap().pieces.try_collect().await.unwrap();
    pieces.concat()
}

#[tokio::test]
async fn a_file_goes_into_a_bucket_and_comes_out() {
    let (address, inside) = bucket::start().await;
    let (storage, key, other) = (storage(address), key(PUBLIC), key(PRIVATE));
    let path = file("small", b"0123456789");
    storage.put(&key, &path).await.unwrap();
    assert!(!path.exists());
    let object = inside.lock().unwrap().objects[PUBLIC].clone();
    // For whoever gets it from the bucket itself.
    assert_eq!((&*object.content_type, &*object.disposition), ("image/png", ""));
    assert_eq!(read(&storage, &key, None).await, b"0123456789");
    assert_eq!(read(&storage, &key, Some(2..5)).await, b"234");
    let info = storage.head(&key).await.unwrap();
    assert_eq!((info.size, info.etag.as_deref()), (10, Some("\"an-object\"")));
    assert_eq!(storage.get(&key, Some(2..5)).await.unwrap().info, info);
    storage.rename(&key, &other).await.unwrap();
    assert!(matches!(storage.head(&key).await, Err(StorageError::NotFound)));
    assert_eq!(read(&storage, &other, None).await, b"0123456789");
    storage.delete(&other).await.unwrap();
    storage.delete(&other).await.unwrap();
    assert!(matches!(storage.get(&other, None).await, Err(StorageError::NotFound)));
    assert!(matches!(storage.rename(&other, &key).await, Err(StorageError::NotFound)));
    assert!(inside.lock().unwrap().objects.is_empty());
}

#[tokio::test]
async fn a_large_file_goes_in_parts() {
    let (address, inside) = bucket::start().await;
    let (storage, key) = (storage(address), key(PRIVATE));
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|at| (at / 7 % 251) as u8).collect();
    storage.put(&key, &file("large", &bytes)).await.unwrap();
    assert!(read(&storage, &key, None).await == bytes);
    assert!(read(&storage, &key, Some(5_000_000..11_000_000)).await == bytes[5_000_000..11_000_000]);
    let inside = inside.lock().unwrap();
    assert_eq!(inside.asked.iter().filter(|asked| asked.starts_with("PUT")).count(), 3);
    assert!(inside.uploads.is_empty());
    let object = &inside.objects[PRIVATE];
    assert_eq!((&*object.content_type, &*object.disposition), ("application/pdf", "attachment"));
}

#[tokio::test]
async fn a_file_that_does_not_get_in_stays_where_it_was_and_leaves_no_parts() {
    let (address, inside) = bucket::start().await;
    inside.lock().unwrap().refuses_part = Some(2);
    let path = file("refused", &vec![1; 12_000_000]);
    let refused = storage(address).put(&key(PUBLIC), &path).await;
    assert!(matches!(refused, Err(StorageError::Failed(_))), "{refused:?}");
    assert!(path.exists());
    std::fs::remove_file(path).unwrap();
    let inside = inside.lock().unwrap();
    assert!(inside.uploads.is_empty() && inside.objects.is_empty());
}

#[tokio::test]
async fn a_client_sends_a_file_by_itself() {
    let (address, inside) = bucket::start().await;
    let (storage, key) = (storage(address), key(PUBLIC));
    let direct = storage.signed_put(&key, "image/png", Duration::from_secs(600)).await.unwrap().unwrap();
    assert_eq!((direct.method, &*direct.headers["content-type"]), ("PUT", "image/png"));
    assert!(direct.url.starts_with(&format!("http://{address}/pictures/{PUBLIC}?")), "{}", direct.url);
    assert!(direct.url.contains("X-Amz-Expires=600") && !direct.url.contains("a-secret"));
    // What the headers must say is signed as well.
    assert!(direct.url.contains("X-Amz-SignedHeaders=content-type%3Bhost"), "{}", direct.url);
    let path = direct.url.strip_prefix(&format!("http://{address}")).unwrap();
    for (path, status) in [(path, "200"), (path.split_once('?').unwrap().0, "403")] {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("PUT {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        let head = format!("{head}Content-Type: image/png\r\nContent-Length: 5\r\n\r\nhello");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert_eq!(read(&storage, &key, None).await, b"hello");
    assert_eq!(inside.lock().unwrap().objects[PUBLIC].content_type, "image/png");
}

#[test]
fn a_bucket_that_cannot_be_is_refused_with_its_name() {
    for wrong in ["not an address", "http://127.0.0.1:9000", ""] {
        let refusal = S3::bucket("pictures").endpoint(wrong).credentials("a", "b").build().unwrap_err();
        assert!(refusal.to_string().contains("`pictures`"), "{refusal}");
    }
    assert!(S3::bucket("pictures").endpoint("https://127.0.0.1").credentials("a", "b").build().is_ok());
}
