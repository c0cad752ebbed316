//! A WebSocket whose frames are written from where they lie, and which can be cut anywhere, also inside a frame.
//!
//! The mask is one of zeroes, which changes nothing and so costs this side nothing; the server does its part of it
//! all the same.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::{Buf as _, BytesMut};
use fluxstack_live_cli::load::{Frame, Socket, read_frame, write_frame, write_head};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What takes longer than this is a failure of the server, a synced disk included.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes read at once: answers are short.
const BUFFER: usize = 16 << 10;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const PONG: u8 = 0xa;

/// The other end is gone, for whatever reason.
#[derive(Debug, thiserror::Error)]
#[error("the server closed the socket ({0:?})")]
pub(super) struct Closed(pub(super) Option<u16>);

/// How a connection ends that nobody closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The server is told by the kernel that there is nobody.
    Ended,
    /// So it is, and what was under way is thrown away.
    Reset,
    /// Nobody tells it. It stays as it is, and nobody reads or writes any more.
    Silent,
}

/// See the module.
pub(super) struct Line {
    stream: TcpStream,
    read: BytesMut,
    head: Vec<u8>,
}

impl Line {
    pub(super) async fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let stream = Socket::open(address, path, None).await?.into_stream();
        Ok(Self { stream, read: BytesMut::with_capacity(BUFFER), head: Vec::new() })
    }

    pub(super) async fn send_text(&mut self, text: &str) -> Result<()> {
        self.head.clear();
        write_frame(TEXT, text.as_bytes(), &mut self.head);
        self.write(&[], usize::MAX).await
    }

    /// Sends a binary frame that consists of these two.
    pub(super) async fn send_binary(&mut self, front: &[u8], bytes: &[u8]) -> Result<()> {
        self.begin_binary(front, bytes, usize::MAX).await
    }

    /// Sends a binary frame of which at most `most` bytes leave.
    pub(super) async fn begin_binary(&mut self, front: &[u8], bytes: &[u8], most: usize) -> Result<()> {
        self.head.clear();
        write_head(BINARY, front.len() + bytes.len(), &mut self.head);
        self.head.extend(front);
        self.write(bytes, most).await
    }

    /// Sends bytes as they are, whatever they mean.
    pub(super) async fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.head.clear();
        self.write(bytes, usize::MAX).await
    }

    /// Writes `head`, then these.
    async fn write(&mut self, bytes: &[u8], most: usize) -> Result<()> {
        let mut head = &self.head[..self.head.len().min(most)];
        let mut bytes = &bytes[..bytes.len().min(most - head.len())];
        let all = async {
            while !head.is_empty() || !bytes.is_empty() {
                let written = self.stream.write_vectored(&[IoSlice::new(head), IoSlice::new(bytes)]).await?;
                if written == 0 {
                    return Err(Closed(None).into());
                }
                let of_head = written.min(head.len());
                (head, bytes) = (&head[of_head..], &bytes[written - of_head..]);
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, all).await.context("the server does not read")?
    }

    /// The next text, waiting for it.
    pub(super) async fn next(&mut self) -> Result<String> {
        timeout(PATIENCE, self.wait()).await.context("the server does not answer")?
    }

    /// The same without end, for whoever waits for something else beside it. Nothing is lost if it is given up.
    pub(super) async fn wait(&mut self) -> Result<String> {
        loop {
            if let Some(text) = self.take().await? {
                return Ok(text);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(Closed(None).into());
            }
        }
    }

    /// The next text of what has been read.
    async fn take(&mut self) -> Result<Option<String>> {
        while let Some((frame, taken)) = read_frame(&self.read) {
            let ping = match frame {
                Frame::Text(text) => {
                    let text = String::from_utf8(text.to_vec())?;
                    self.read.advance(taken);
                    return Ok(Some(text));
                }
                Frame::Close(code) => return Err(Closed(code).into()),
                Frame::Ping(ping) => Some(ping.to_vec()),
                Frame::Binary(_) | Frame::Other(_) => None,
            };
            self.read.advance(taken);
            if let Some(ping) = ping {
                self.head.clear();
                write_frame(PONG, &ping, &mut self.head);
                self.write(&[], usize::MAX).await?;
            }
        }
        Ok(None)
    }

    /// Ends it without a word. What has to be kept so that it is not told, is the answer.
    pub(super) fn cut(self, how: Cut) -> Result<Option<TcpStream>> {
        match how {
            Cut::Ended => Ok(None),
            Cut::Reset => {
                self.stream.set_zero_linger()?;
                Ok(None)
            }
            Cut::Silent => Ok(Some(self.stream)),
        }
    }
}

/// Whether a connection failed because nobody is at its other end any more.
pub(super) fn is_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Closed>() || cause.is::<std::io::Error>())
}
