//! The floors beside the live server: whoever measures one against the other has to know that they do the same.

use std::net::Ipv4Addr;

use fluxstack_live_cli::load::{Frame, Socket, read_frame, write_frame};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{axum, files, framed, live, yawc};

/// A client that is written down.
struct Client {
    socket: Socket,
    read: Vec<u8>,
    /// What it was sent and has not looked at.
    messages: Vec<Value>,
}

impl Client {
    async fn open(address: std::net::SocketAddr, caps: &str) -> Self {
        let path = format!("/api/live/ws?v=3&caps={caps}&client=c");
        let socket = Socket::open(address, &path, None).await.unwrap();
        Self { socket, read: Vec::new(), messages: Vec::new() }
    }

    fn send(&self, messages: &[Value]) {
        let mut frames = Vec::new();
        for message in messages {
            write_frame(0x1, message.to_string().as_bytes(), &mut frames);
        }
        self.socket.write(&frames).unwrap();
    }

    /// A chunk of a file, as a binary frame.
    fn send_bytes(&self, header: &Value, bytes: &[u8]) {
        let header = header.to_string();
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        let mut frame = Vec::new();
        write_frame(0x2, &[&length, header.as_bytes(), bytes].concat(), &mut frame);
        self.socket.write(&frame).unwrap();
    }

    /// The next message that is about a file.
    async fn next_of_file(&mut self) -> Value {
        loop {
            let message = self.any().await;
            if message["type"].as_str().is_some_and(|kind| kind.starts_with("FILE_UPLOAD_")) {
                return message;
            }
        }
    }

    /// The next message that is no snapshot: the live server gives one whenever it has the time.
    async fn next(&mut self) -> Value {
        loop {
            let message = self.any().await;
            if message["type"] != "STATE_SNAPSHOT" {
                return message;
            }
        }
    }

    /// The next message, however many there were in its frame.
    async fn any(&mut self) -> Value {
        while self.messages.is_empty() {
            if let Some((frame, taken)) = read_frame(&self.read) {
                let Frame::Text(text) = frame else { panic!("{frame:?}") };
                self.messages = match serde_json::from_slice(text).unwrap() {
                    Value::Array(messages) => messages,
                    message => vec![message],
                };
                self.read.drain(..taken);
                continue;
            }
            self.socket.readable().await.unwrap();
            let mut buffer = [0; 1024];
            if let Ok(read) = self.socket.read(&mut buffer) {
                assert!(read > 0, "the server closed the socket");
                self.read.extend(&buffer[..read]);
            }
        }
        self.messages.remove(0)
    }

    async fn mount(&mut self, component: &str) -> (String, Value) {
        let payload = json!({ "component": component, "props": {} });
        let name = format!("{component}:a");
        self.send(&[
            json!({ "type": "COMPONENT_MOUNT", "componentId": name, "payload": payload, "requestId": 1 }),
        ]);
        let reply = self.next().await;
        (reply["result"]["componentId"].as_str().unwrap().to_owned(), reply)
    }
}

/// A message without what differs from one server to the next: names, times, and what follows from them.
fn shape(message: &Value) -> Value {
    match message {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), field(key, value))).collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        other => other.clone(),
    }
}

fn field(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("timestamp" | "digest" | "seq", Value::Number(_)) => json!("a number"),
        ("connectionId" | "componentId" | "snapshot" | "token" | "file", Value::String(text)) => {
            json!(text.len())
        }
        _ => shape(value),
    }
}

/// All that a server says to two clients who do what the scenarios do.
async fn transcript(router: ::axum::Router, caps: &str) -> Vec<Value> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { ::axum::serve(listener, router).await });
    let (mut one, mut other) = (Client::open(address, caps).await, Client::open(address, caps).await);
    let mut said = vec![one.next().await, other.next().await];
    let (counter, reply) = one.mount("Counter").await;
    said.push(reply);
    if caps.contains("resume") {
        said.push(one.any().await);
    }
    let call = |id: &str, action: &str, payload: Value, request: u32| json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": payload, "requestId": request });
    let calls: Vec<Value> = (2..22).map(|request| call(&counter, "increment", json!({}), request)).collect();
    one.send(&calls);
    for _ in 0..40 {
        said.push(one.next().await);
    }
    let (room, reply) = one.mount("Room").await;
    said.extend([reply, one.next().await]);
    let (_, reply) = other.mount("Room").await;
    said.extend([reply, other.next().await]);
    let tell =
        |number| call(&room, "tell", json!({ "from": 0, "number": number, "text": "a \"word\"" }), number);
    one.send(&[tell(1), tell(2), tell(3)]);
    for _ in 0..3 {
        said.push(other.next().await);
        // The live server tells the sender that a number is not missing.
        let mut answer = one.next().await;
        while answer["type"] == "ROOM_EVENT" {
            answer = one.next().await;
        }
        said.push(answer);
    }
    one.send(&[json!({ "type": "COMPONENT_UNMOUNT", "componentId": counter, "requestId": 5 })]);
    said.push(one.next().await);
    said.iter().map(shape).collect()
}

#[tokio::test]
async fn floors_say_what_the_live_server_says() {
    for caps in ["delta,batch", "delta,batch,resume"] {
        let expected = transcript(live::router(true).unwrap(), caps).await;
        let floors = [
            ("axum", axum::router(u32::MAX)),
            ("axum, each", axum::router(2)),
            ("yawc", yawc::router()),
            ("framed", framed::router()),
        ];
        for (name, floor) in floors {
            let said = transcript(floor, caps).await;
            for (said, expected) in said.iter().zip(&expected) {
                assert_eq!(said, expected, "{name}, {caps}");
            }
            assert_eq!(said.len(), expected.len(), "{name}, {caps}");
        }
    }
}

/// All that a server says to a client that sends two files, one after the other.
async fn transcript_of_files(router: ::axum::Router) -> Vec<Value> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { ::axum::serve(listener, router).await });
    let mut client = Client::open(address, "delta,batch").await;
    client.next().await;
    let (id, mounted) = client.mount("Files").await;
    let mut said = vec![mounted];
    for name in ["one", "two"] {
        let of = |kind: &str, more: Value| {
            let mut message = json!({ "type": kind, "componentId": id, "uploadId": name, "requestId": 7 });
            message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            message
        };
        let start = json!({ "filename": "a.bin", "fileType": "application/octet-stream", "fileSize": 3 });
        client.send(&[of("FILE_UPLOAD_START", start)]);
        said.push(client.next_of_file().await);
        for (offset, bytes) in [(0, "a"), (1, "bc")] {
            client.send_bytes(&of("FILE_UPLOAD_CHUNK", json!({ "offset": offset })), bytes.as_bytes());
            said.push(client.next_of_file().await);
        }
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        client.send(&[of("FILE_UPLOAD_COMPLETE", json!({ "hash": hash }))]);
        said.push(client.next_of_file().await);
    }
    said.iter().map(shape).collect()
}

#[tokio::test]
async fn the_floor_takes_a_file_as_the_live_server_does_and_neither_keeps_it() {
    let folder = std::env::temp_dir().join(format!("bench-floor-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let expected = transcript_of_files(files::live(&folder).unwrap()).await;
    assert_eq!(transcript_of_files(files::floor(&folder)).await, expected);
    let left = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["live"], "the floor has removed its own");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_frame_that_comes_in_pieces_is_a_frame() {
    for floor in [axum::router(u32::MAX), yawc::router(), framed::router()] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { ::axum::serve(listener, floor).await });
        let mut client = Client::open(address, "delta,batch").await;
        client.next().await;
        let mut frame = Vec::new();
        let ask = |request: u32| json!({ "type": "COMPONENT_PING", "requestId": request }).to_string();
        write_frame(0x1, ask(1).as_bytes(), &mut frame);
        write_frame(0x1, ask(2).as_bytes(), &mut frame);
        for byte in frame {
            client.socket.write(&[byte]).unwrap();
            tokio::task::yield_now().await;
        }
        for request in [1, 2] {
            assert_eq!(client.next().await["requestId"], request);
        }
    }
}
