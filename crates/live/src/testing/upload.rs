//! A test client that sends files: whole with [`Client::upload`], or step by step, and wrongly if need be.

use std::fmt::Write as _;

use fluxstack_live_protocol::upload::{At, Header, write_frame};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::client::{Client, Refused};

/// Bytes of a chunk, as our client begins.
const CHUNK: usize = 64 << 10;

/// A file as a browser has it.
///
/// ```
/// use fluxstack_live::testing::TestFile;
/// let picture = TestFile::new("a.png", "image/png", *b"\x89PNG\r\n\x1a\n");
/// assert_eq!(picture.bytes.len(), 8);
/// ```
#[derive(Debug, Clone)]
pub struct TestFile {
    /// What the client calls the upload.
    pub upload: String,
    /// What it calls the file.
    pub name: String,
    /// What it says that it is.
    pub kind: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl TestFile {
    /// A file whose upload is called as the file is.
    #[must_use]
    pub fn new(name: &str, kind: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let upload = name.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '-' }).collect();
        Self { upload, name: name.to_owned(), kind: kind.to_owned(), bytes: bytes.into() }
    }

    /// Its SHA-256, in hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        Sha256::digest(&self.bytes).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Client {
    /// Sends a whole file to a field and answers with the last word of the server: `{"hash":…,"filename":…}`.
    ///
    /// ```
    /// use fluxstack_live::prelude::*;
    /// use fluxstack_live::testing::{TestFile, mount};
    /// use serde_json::json;
    ///
    /// #[derive(State)]
    /// pub struct Notes {
    ///     pub names: Vec<String>,
    ///     pub file: Upload,
    /// }
    ///
    /// impl Component for Notes {
    ///     type Props = ();
    ///     type Event = ();
    ///
    ///     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
    ///         Ok(Notes { names: Vec::new(), file: Upload::accept(["text/plain"]) })
    ///     }
    ///
    ///     async fn on_upload(&mut self, _field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
    ///         self.names.push(self.file.files()[0].name.clone());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// #[actions]
    /// impl Notes {}
    ///
    /// # #[tokio::main] async fn main() {
    /// let mut notes = mount::<Notes>(()).await.unwrap();
    /// notes.upload("file", &TestFile::new("hello.txt", "text/plain", *b"hello")).await.unwrap();
    /// assert_eq!(notes.state()["names"], json!(["hello.txt"]));
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn upload(&mut self, id: &str, field: &str, file: &TestFile) -> Result<Value, Refused> {
        let mut sent = self.start_upload(id, field, file, false).await?;
        while sent < file.bytes.len() {
            sent = self.send_chunk(id, file, sent, CHUNK).await?;
        }
        self.complete_upload(id, file).await
    }

    /// Announces a file, or goes on with it; answers how many of its bytes the server has.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn start_upload(
        &mut self,
        id: &str,
        field: &str,
        file: &TestFile,
        resume: bool,
    ) -> Result<usize, Refused> {
        let TestFile { upload, name, kind, bytes } = file;
        let message = json!({
            "type": "FILE_UPLOAD_START", "componentId": id, "uploadId": upload, "property": field,
            "filename": name, "fileType": kind, "fileSize": bytes.len(), "resume": resume,
        });
        received(self.told(message).await)
    }

    /// Sends a part of a file in a binary frame; answers how many of its bytes the server has then.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn send_chunk(
        &mut self,
        id: &str,
        file: &TestFile,
        from: usize,
        count: usize,
    ) -> Result<usize, Refused> {
        let request = self.next_request();
        let to = from.saturating_add(count).min(file.bytes.len());
        self.send_chunk_frame(id, file, from, &file.bytes[from..to], &request).await;
        received(told(self.answer_to(&request).await))
    }

    /// The same with any bytes, and without waiting for the answer.
    pub async fn send_chunk_frame(
        &mut self,
        id: &str,
        file: &TestFile,
        from: usize,
        bytes: &[u8],
        request: &Value,
    ) {
        let request = request.to_string();
        let header = Header {
            component_id: id,
            upload: &file.upload,
            at: At::Offset(from as u64),
            total: None,
            request_id: Some(&request),
        };
        let mut frame = Vec::with_capacity(bytes.len() + 256);
        write_frame(&header, bytes, &mut frame);
        self.send_binary(frame).await;
    }

    /// Says that that was all.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn complete_upload(&mut self, id: &str, file: &TestFile) -> Result<Value, Refused> {
        let message = json!({
            "type": "FILE_UPLOAD_COMPLETE", "componentId": id, "uploadId": file.upload, "hash": file.hash(),
        });
        self.told(message).await
    }

    /// Gives a file up.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn cancel_upload(&mut self, id: &str, file: &TestFile) -> Result<(), Refused> {
        let message = json!({ "type": "FILE_UPLOAD_CANCEL", "componentId": id, "uploadId": file.upload });
        self.told(message).await.map(drop)
    }

    /// What is answered about an upload, which has no result of its own.
    async fn told(&mut self, message: Value) -> Result<Value, Refused> {
        told(self.request(message).await)
    }
}

fn told(answer: Value) -> Result<Value, Refused> {
    if answer["success"] == true { Ok(answer) } else { Err(Refused::from_answer(&answer)) }
}

fn received(answer: Result<Value, Refused>) -> Result<usize, Refused> {
    let received = answer?["bytesUploaded"].as_u64().unwrap_or_default();
    Ok(usize::try_from(received).unwrap_or(usize::MAX))
}
