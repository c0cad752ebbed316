//! As much of a WebSocket client as a measurement needs: text frames, one at a time, no buffers.
//!
//! Five thousand of these must cost this program next to nothing, and building it must not compile
//! a second async runtime. It is nobody's idea of a client for anything else.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// An answer that takes longer than this is a failure of the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// The largest frame we accept; the largest of ours is a list of a thousand rows.
const LARGEST: u64 = 1 << 20;

/// The server said goodbye.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) code: Option<u16>,
    reason: String,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server closed the socket: {:?} {:?}", self.code, self.reason)
    }
}

impl std::error::Error for Closed {}

/// Whether a socket failed because nobody is at its other end any more, or never was. What else can go wrong
/// is somebody's mistake.
pub(crate) fn is_gone(error: &anyhow::Error) -> bool {
    let is_patient =
        |error: &io::Error| !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_patient) || cause.is::<Closed>())
}

pub(crate) struct Socket {
    stream: TcpStream,
}

impl Socket {
    /// Connects and shakes hands.
    pub(crate) fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let head = head(&mut stream)?;
        if !head.starts_with("HTTP/1.1 101") {
            bail!("the server did not upgrade: {}", head.lines().next().unwrap_or_default());
        }
        Ok(Self { stream })
    }

    /// Sends a text frame.
    pub(crate) fn send(&mut self, text: &str) -> Result<()> {
        self.frame(0x1, text.as_bytes())
    }

    /// The next text frame. Answers pings on the way.
    pub(crate) fn receive(&mut self) -> Result<String> {
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).context("the server closed the socket")?;
            let length = match head[1] & 0x7f {
                126 => u64::from(u16::from_be_bytes(self.read()?)),
                127 => u64::from_be_bytes(self.read()?),
                short => u64::from(short),
            };
            if length > LARGEST || head[0] & 0x80 == 0 || head[1] & 0x80 != 0 {
                bail!("a frame nobody should send: {head:02x?}, {length} bytes");
            }
            let mut payload = vec![0; usize::try_from(length)?];
            self.stream.read_exact(&mut payload)?;
            match head[0] & 0x0f {
                0x1 => return Ok(String::from_utf8(payload)?),
                0x9 => self.frame(0xA, &payload)?,
                0xA => {}
                0x8 => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
                    return Err(Closed { code, reason }.into());
                }
                other => bail!("a frame of kind {other:#x}"),
            }
        }
    }

    /// Sends the first half of what would be a text frame.
    pub(crate) fn send_half(&mut self, text: &str) -> Result<()> {
        let frame = frame(0x1, text.as_bytes())?;
        Ok(self.stream.write_all(&frame[..frame.len() / 2])?)
    }

    /// Ends the connection as a network does that goes away: without a word, and without reading what is left.
    pub(crate) fn cut(&self) {
        // That it is cut already is as good.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Reads and forgets all that is left; the code the server closed with, if it said one.
    pub(crate) fn last_code(&mut self) -> Option<u16> {
        loop {
            if let Err(error) = self.receive() {
                return error.downcast_ref::<Closed>().and_then(|closed| closed.code);
            }
        }
    }

    fn read<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(&frame(kind, payload)?)?)
    }
}

/// A frame, masked as clients must, with a mask of zeroes, which is one that changes nothing.
fn frame(kind: u8, payload: &[u8]) -> Result<Vec<u8>> {
    let mut frame = vec![0x80 | kind];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(long).context("a frame of more than 64 KiB")?.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    Ok(frame)
}

/// A plain GET; the body of a 200.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => bail!("{path} answered {}", answer.lines().next().unwrap_or("nothing")),
    }
}

/// The head of an HTTP answer, read byte by byte so that nothing of the first frame is lost.
fn head(stream: &mut TcpStream) -> Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).context("the server closed the socket during the handshake")?;
        head.push(byte[0]);
        if head.len() > 16 * 1024 {
            bail!("the head of the answer does not end");
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that shakes hands, sends what it is given, and hands back what it was sent.
    fn serve(bytes: &'static [u8]) -> (SocketAddr, std::thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            head(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
            stream.write_all(bytes).unwrap();
            let mut sent = Vec::new();
            stream.read_to_end(&mut sent).unwrap();
            sent
        });
        (address, server)
    }

    #[test]
    fn a_ping_is_answered_and_the_text_behind_it_is_read() {
        let (address, server) = serve(b"\x89\x01p\x81\x05hello");
        let mut socket = Socket::open(address, "/").unwrap();
        assert_eq!(socket.receive().unwrap(), "hello");
        socket.send("hi").unwrap();
        drop(socket);
        assert_eq!(server.join().unwrap(), b"\x8a\x81\0\0\0\0p\x81\x82\0\0\0\0hi");
    }

    #[test]
    fn longer_frames_carry_their_length_apart() {
        static FRAME: [u8; 204] = {
            let mut frame = [b'x'; 204];
            (frame[0], frame[1], frame[2], frame[3]) = (0x81, 126, 0, 200);
            frame
        };
        let (address, _server) = serve(&FRAME);
        assert_eq!(Socket::open(address, "/").unwrap().receive().unwrap().len(), 200);
    }

    #[test]
    fn a_server_that_does_not_upgrade_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            head(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").unwrap();
        });
        let error = Socket::open(address, "/").err().unwrap();
        assert!(error.to_string().contains("403 Forbidden"), "{error}");
    }
}
