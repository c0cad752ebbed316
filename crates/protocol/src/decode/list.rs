//! `LIST_READ`: which rows of a list are wanted.

use crate::raw::Raw;
use serde::Deserialize;

use super::{Envelope, Fault, bad, name, number, object};
use crate::message::ClientBody;

#[derive(Deserialize, Default)]
struct Payload<'a> {
    #[serde(borrow)]
    from: Option<Raw<'a>>,
    #[serde(borrow)]
    count: Option<Raw<'a>>,
}

/// How many rows there are, and how many of them are told at once, is the server's affair.
pub(super) fn read<'a>(envelope: &Envelope<'a>) -> Result<ClientBody<'a>, Fault> {
    let property = name(envelope.property).ok_or(bad("`property` must be a short string"))?;
    let Payload { from, count } = object(envelope.payload)?;
    // What is larger than a list can be is past its end. Neither has a value that goes without saying.
    let place = |raw: Option<Raw<'_>>| {
        let number = number(Some(raw?))?;
        Some(usize::try_from(number).unwrap_or(usize::MAX))
    };
    Ok(ClientBody::ReadList {
        property,
        from: place(from).ok_or(bad("`payload.from` must be a number from 0"))?,
        count: place(count).ok_or(bad("`payload.count` must be a number from 0"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::{Dialect, decode};

    #[track_caller]
    fn check(fields: &str, expected: Result<(&str, usize, usize), Code>) {
        let text = format!(r#"{{"type":"LIST_READ",{fields},"componentId":"live-1","requestId":1}}"#);
        let found = match decode(&text, Dialect::NATIVE) {
            Ok(message) => match message.body {
                ClientBody::ReadList { property, from, count } => Ok((property.into_owned(), from, count)),
                other => panic!("{other:?}"),
            },
            Err(refusal) => {
                assert_eq!(refusal.request_id.as_deref(), Some("1"), "{text}");
                Err(refusal.code)
            }
        };
        let expected = expected.map(|(property, from, count)| (property.to_owned(), from, count));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_read_says_which_rows_of_which_list() {
        check(r#""property":"rows","payload":{"from":40,"count":20}"#, Ok(("rows", 40, 20)));
        check(r#""property":"rows","payload":{"count":0,"from":0,"more":[]}"#, Ok(("rows", 0, 0)));
        let most = r#""property":"rows","payload":{"from":18446744073709551615,"count":1}"#;
        check(most, Ok(("rows", usize::MAX, 1)));
    }

    #[test]
    fn half_a_read_is_none() {
        for fields in [
            r#""payload":{"from":0,"count":1}"#,
            r#""property":5,"payload":{"from":0,"count":1}"#,
            r#""property":"rows""#,
            r#""property":"rows","payload":null"#,
            r#""property":"rows","payload":[0,1]"#,
            r#""property":"rows","payload":{"from":0}"#,
            r#""property":"rows","payload":{"count":1}"#,
            r#""property":"rows","payload":{"from":-1,"count":1}"#,
            r#""property":"rows","payload":{"from":0,"count":1.5}"#,
            r#""property":"rows","payload":{"from":"0","count":1}"#,
            r#""property":"rows","payload":{"from":0,"count":1,"from":2}"#,
        ] {
            check(fields, Err(Code::BadPayload));
        }
        let long = format!(r#""property":"{}","payload":{{"from":0,"count":1}}"#, "x".repeat(300));
        check(&long, Err(Code::BadPayload));
    }

    #[test]
    fn older_clients_read_no_lists() {
        let text = r#"{"type":"LIST_READ","property":"rows","payload":{"from":0,"count":1}}"#;
        assert_eq!(decode(text, Dialect::LEGACY).unwrap_err().code, Code::UnknownType);
    }
}
