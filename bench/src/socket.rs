//! As much of a WebSocket client as a thousand of them can be in one thread: text frames, read into one buffer
//! for all.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// An answer that takes longer than this is a failure of the server.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Socket {
    stream: TcpStream,
}

/// What a frame is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Close(Option<u16>),
    Other(u8),
}

impl Socket {
    /// Connects and shakes hands.
    pub(crate) async fn open(address: SocketAddr, path: &str, receive_buffer: Option<u32>) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = timeout(PATIENCE, socket.connect(address)).await??;
        stream.set_nodelay(true)?;
        let socket = Self { stream };
        socket.write(
            format!(
                "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            .as_bytes(),
        )?;
        let head = timeout(PATIENCE, socket.head()).await.context("the server does not answer")??;
        ensure!(head.starts_with(b"HTTP/1.1 101"), "no upgrade: {}", String::from_utf8_lossy(&head));
        Ok(socket)
    }

    /// The head of the answer, byte by byte so that nothing of the first frame is lost.
    async fn head(&self) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.read(&mut byte) {
                Ok(0) => bail!("the server closed the socket during the handshake"),
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable().await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(head)
    }

    /// The connection, for whoever wants to speak for itself from here on.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    /// Reads what is there.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(buffer)
    }

    /// Writes all of it at once. What we have under way is so little that the kernel takes it.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<()> {
        let written = self.stream.try_write(bytes).context("the server does not read")?;
        ensure!(written == bytes.len(), "the server has stopped reading");
        Ok(())
    }
}

/// Adds a frame, masked as clients must, with a mask of zeroes, which is one that changes nothing.
pub(crate) fn write_frame(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    write_head(kind, payload.len(), out);
    out.extend(payload);
}

/// Adds what stands before a payload of this length, and leaves it to the caller to have it follow.
pub(crate) fn write_head(kind: u8, length: usize, out: &mut Vec<u8>) {
    out.push(0x80 | kind);
    match length {
        short @ 0..126 => out.push(0x80 | short as u8),
        long @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend((long as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
}

/// The first frame of what was read and its length in it, if all of it is there.
pub(crate) fn read_frame(read: &[u8]) -> Option<(Frame<'_>, usize)> {
    let (head, rest) = read.split_first_chunk::<2>()?;
    let (length, rest) = match head[1] {
        126 => rest.split_first_chunk().map(|(length, rest)| (u16::from_be_bytes(*length).into(), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        short => (u64::from(short), rest),
    };
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    let taken = read.len() - rest.len() + payload.len();
    let frame = match head[0] {
        0x81 => Frame::Text(payload),
        0x89 => Frame::Ping(payload),
        0x88 => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        other => Frame::Other(other),
    };
    Some((frame, taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_once_all_of_it_is_there() {
        let read = b"\x81\x05hello\x89\x01p";
        assert_eq!(read_frame(&read[..6]), None);
        assert_eq!(read_frame(read), Some((Frame::Text(b"hello"), 7)));
        assert_eq!(read_frame(&read[7..]), Some((Frame::Ping(b"p"), 3)));
        assert_eq!(read_frame(b"\x88\x02\x11\x4e"), Some((Frame::Close(Some(4430)), 4)));
    }

    #[test]
    fn longer_frames_carry_their_length_apart() {
        for length in [125, 126, 65_535, 65_536] {
            let mut frame = Vec::new();
            write_frame(0x1, &vec![b'x'; length], &mut frame);
            // As a server would send it: without the mask.
            frame[1] &= 0x7f;
            let at = frame.len() - length - 4;
            frame.drain(at..at + 4);
            assert_eq!(read_frame(&frame[..frame.len() - 1]), None);
            let Some((Frame::Text(text), taken)) = read_frame(&frame) else { panic!("no text") };
            assert_eq!((text.len(), taken), (length, frame.len()));
        }
    }
}
