//! Every binary frame a socket can bring, alone and on a channel. Nothing may panic; what is read lies in the frame
//! and can be written and read again; what is refused must be answerable with a frame that is JSON.

#![no_main]

use fluxstack_live_protocol::upload::{Header, is_id, read_frame, write_frame};
use fluxstack_live_protocol::{ClientBody, channel};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // Random bytes seldom begin with the length of what follows, so this puts it there.
    if let Some((&length, rest)) = bytes.split_first() {
        check(&[u32::from(length).to_le_bytes().as_slice(), rest].concat());
    }
    if let Some((id, frame)) = channel::read_binary(bytes) {
        assert_eq!(channel::binary(id, frame), bytes, "a frame of a channel has one spelling");
    }
});

fn check(frame: &[u8]) {
    match read_frame(frame) {
        Ok((message, begin)) => {
            let ClientBody::UploadChunk(chunk) = &message.body else { panic!("{message:?}") };
            assert_eq!(*chunk.bytes, frame[begin..], "the bytes are those of the frame");
            assert!(is_id(&chunk.upload), "an upload is called by a plain name");
            let header = Header {
                component_id: message.component_id.as_deref().unwrap_or_default(),
                upload: &chunk.upload,
                at: chunk.at,
                total: chunk.total,
                request_id: message.request_id.map(|id| id.get()),
            };
            let mut again = Vec::new();
            write_frame(&header, &chunk.bytes, &mut again);
            let (same, _) = read_frame(&again).expect("what was read can be written and read again");
            assert!(matches!(&same.body, ClientBody::UploadChunk(read) if read == chunk));
        }
        Err(refusal) => {
            let mut answer = Vec::new();
            refusal.write(0, &mut answer);
            serde_json::from_slice::<serde_json::Value>(&answer).expect("a refusal is JSON");
        }
    }
}
