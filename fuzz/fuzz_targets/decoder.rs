//! Every byte a socket can bring: splitting, decoding, refusing, digests and deltas. Nothing may panic, and
//! whatever is refused must be answerable with a frame that is JSON.

#![no_main]

use fluxstack_live_protocol::{Delta, Dialect, decode, delta, digest, frame, legacy};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|bytes: &[u8]| {
    let _ = digest::of_json(bytes);
    if let Ok(parsed) = Delta::parse(bytes) {
        let mut written = Vec::new();
        parsed.write(&mut written);
        Delta::parse(&written).expect("what was read can be written and read again");
        let _ = delta::merge(bytes, &written);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Dialect::from_query(text);
    let _ = legacy::set_value(text);
    let (_, rest) = legacy::named(text);
    if let Some(event) = legacy::event("name", Some(text)) {
        let (name, heard) = legacy::named(&event);
        assert_eq!(name, "name", "an event keeps the name it was given");
        serde_json::from_str::<&RawValue>(&heard).expect("what is heard of it is JSON");
        serde_json::from_str::<&RawValue>(&rest).expect("what is heard of JSON is JSON");
    }
    let refusals = match frame::split(text, true) {
        Err(refusal) => vec![refusal],
        Ok(messages) => messages
            .iter()
            .flat_map(|message| [decode(message, Dialect::NATIVE).err(), decode(message, Dialect::LEGACY).err()])
            .flatten()
            .collect(),
    };
    for refusal in refusals {
        let mut frame = Vec::new();
        refusal.write(0, &mut frame);
        serde_json::from_slice::<serde_json::Value>(&frame).expect("a refusal is JSON");
    }
});
