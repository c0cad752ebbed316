//! As much of a WebSocket client as fifty thousand of them can be in one thread.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::speech::Invitation;

/// An answer that takes longer than this is a failure of the server.
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections from one of this machine's own addresses: fewer than it has ports to give away.
const PORTS: usize = 20_000;
/// Bytes in the head of an answer; there is no reason for more.
const HEAD: usize = 16 << 10;
/// Bytes in the answer to an invitation.
const ANSWER: u64 = 1 << 20;

/// A connection that was upgraded.
pub struct Socket {
    stream: TcpStream,
}

impl Socket {
    /// Connects and shakes hands. `receive_buffer` are the bytes the kernel keeps for one that will not listen.
    ///
    /// # Errors
    ///
    /// Nobody is there, or who is there does not want us.
    pub async fn open(address: SocketAddr, path: &str, receive_buffer: Option<u32>) -> Result<Self> {
        let socket = new_socket(address)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        Self::upgrade(connect(socket, address).await?, address, path).await
    }

    /// As [`open`](Self::open), one of so many that one address of this machine has not enough ports for all.
    pub(crate) async fn open_one_of_many(
        address: SocketAddr,
        path: &str,
        who: usize,
        receive_buffer: Option<u32>,
    ) -> Result<Self> {
        let socket = new_socket(address)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let IpAddr::V4(to) = address.ip()
            && to.is_loopback()
            && who >= PORTS
        {
            // All of 127/8 is this machine.
            let from = Ipv4Addr::new(127, 0, 0, 1 + (who / PORTS) as u8);
            socket.bind(SocketAddr::from((from, 0)))?;
        }
        Self::upgrade(connect(socket, address).await?, address, path).await
    }

    async fn upgrade(stream: TcpStream, address: SocketAddr, path: &str) -> Result<Self> {
        let socket = Self { stream };
        socket.write(
            format!(
                "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            .as_bytes(),
        )?;
        let head = timeout(PATIENCE, socket.head()).await.context("the server does not answer")??;
        if !head.starts_with(b"HTTP/1.1 101") {
            bail!("no upgrade: {}", refusal(&String::from_utf8_lossy(&head)));
        }
        Ok(socket)
    }

    /// The head of the answer, and nothing that follows it: that belongs to the first frame.
    async fn head(&self) -> Result<Vec<u8>> {
        let (mut head, mut peeked) = (Vec::new(), [0; 1024]);
        loop {
            let there = self.stream.peek(&mut peeked).await?;
            ensure!(there > 0, "the server closed the socket during the handshake");
            let before = head.len();
            head.extend_from_slice(&peeked[..there]);
            // The end may have begun in what was taken before.
            let from = before.saturating_sub(3);
            let end = head[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4);
            head.truncate(end.unwrap_or(head.len()));
            let taken = self.read(&mut peeked[..head.len() - before])?;
            ensure!(taken == head.len() - before && head.len() < HEAD, "the server's answer has no end");
            if end.is_some() {
                return Ok(head);
            }
        }
    }

    /// The connection, for whoever wants to speak for itself from here on.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Waits until something can be read.
    ///
    /// # Errors
    ///
    /// As the kernel says.
    pub async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    /// Reads what is there.
    ///
    /// # Errors
    ///
    /// As the kernel says, and `WouldBlock` if nothing is there.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(buffer)
    }

    /// Writes all of it at once.
    ///
    /// # Errors
    ///
    /// The kernel does not take it: the server does not read.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let written = self.stream.try_write(bytes).context("the server does not read")?;
        ensure!(written == bytes.len(), "the server has stopped reading");
        Ok(())
    }
}

fn new_socket(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

async fn connect(socket: TcpSocket, address: SocketAddr) -> Result<TcpStream> {
    let connecting =
        timeout(PATIENCE, socket.connect(address)).await.context("the server does not answer")?;
    let stream = connecting.with_context(|| format!("cannot connect to {address}: is the server up?"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What an HTTP status instead of a socket means here.
fn refusal(head: &str) -> String {
    let status = head.lines().next().unwrap_or_default();
    let why = match status.split(' ').nth(1) {
        Some("404") => ": is this the path of its WebSocket?",
        Some("401" | "403") => ": it wants to know who this is, or from which page; `flux load` is nobody",
        Some("429") => {
            ": too many connections come from one address; for a measurement, raise \
             Limits::connections_per_address (or take Limits::unlimited)"
        }
        Some("503") => {
            ": it has as many connections as it takes; for a measurement, raise Limits::connections"
        }
        _ => "",
    };
    format!("{status}{why}")
}

/// Asks the HTTP server something, and answers the body of a 200.
pub(crate) async fn ask(address: SocketAddr, what: &Invitation) -> Result<Vec<u8>> {
    let mut stream = connect(new_socket(address)?, address).await?;
    let Invitation { method, path, body } = what;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: application/json\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let asked = async {
        stream.write_all(&[head.as_bytes(), body].concat()).await?;
        let mut answer = Vec::new();
        (&mut stream).take(ANSWER).read_to_end(&mut answer).await?;
        io::Result::Ok(answer)
    };
    let answer = timeout(PATIENCE, asked).await.context("the server does not answer")??;
    self::body(&answer).with_context(|| {
        let status = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        format!("{method} {path} was answered with {}", String::from_utf8_lossy(status))
    })
}

/// The body of an answer that is all there.
fn body(answer: &[u8]) -> Option<Vec<u8>> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, mut rest) =
        (std::str::from_utf8(&answer[..end]).ok()?.to_ascii_lowercase(), &answer[end + 4..]);
    if !head.starts_with("http/1.1 200") {
        return None;
    }
    if !head.lines().any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked")) {
        return Some(rest.to_vec());
    }
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let chunk = rest.get(line + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk.get(..size)?);
        rest = chunk.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_it_says_it_is() {
        let cases: [(&str, Option<&str>); 5] = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Some("{}")),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n",
                Some("abcde"),
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", None),
            ("HTTP/1.1 404 Not Found\r\n\r\n{}", None),
            ("HTTP/1.1 200 OK\r\n", None),
        ];
        for (answer, expected) in cases {
            assert_eq!(body(answer.as_bytes()).as_deref(), expected.map(str::as_bytes), "{answer}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for (status, expected) in [("404 Not Found", "path"), ("429 Too Many", "connections_per_address")] {
            assert!(refusal(&format!("HTTP/1.1 {status}\r\n\r\n")).contains(expected), "{status}");
        }
    }
}
