//! Sealing as a whole: what comes back is what was sealed, and nothing else comes back.

use std::time::Duration;

use fluxstack_live_protocol::{InstanceId, SessionId};
use proptest::collection::vec;
use proptest::prelude::*;

use super::claims::{Claims, Kind};
use super::{ENCRYPTED, FORMAT, Keys, PACKED, SIGNATURE, Unsealed};

const NOW: u64 = 1_800_000_000_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MOST: usize = 1 << 20;

/// What has been opened, or why not.
type Opened = Result<(Claims, Vec<u8>), Unsealed>;

fn keys() -> Keys {
    Keys::new("2026", [7; 32]).unwrap()
}

fn claims() -> Claims {
    Claims {
        kind: Kind::Snapshot,
        component: "Counter".into(),
        instance: InstanceId::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
        session: SessionId::from_u128(0xffee_ddcc_bbaa_9988_7766_5544_3322_1100),
        subject: "jane@example".into(),
        version: 7,
        schema: 3,
        issued: NOW,
    }
}

fn open(keys: &Keys, sealed: &[u8]) -> Opened {
    keys.open(sealed, Kind::Snapshot, NOW, DAY, MOST)
}

/// One body that is packed and one that is not, each signed only and encrypted as well.
fn all_four() -> [(Keys, &'static [u8], u8); 4] {
    let short = br#"{"count":5}"#.as_slice();
    let long = [b'a'; 2_000].as_slice().to_vec().leak();
    [
        (keys(), short, 0),
        (keys(), long, PACKED),
        (keys().encrypted(), short, ENCRYPTED),
        (keys().encrypted(), long, ENCRYPTED),
    ]
}

#[test]
fn what_is_sealed_opens_again_packed_or_not_encrypted_or_not() {
    for (keys, body, flags) in all_four() {
        let sealed = keys.seal(&claims(), body);
        assert_eq!(sealed[..2], [FORMAT, flags]);
        assert_eq!(open(&keys, &sealed), Ok((claims(), body.to_vec())));
        let text = keys.seal_text(&claims(), body);
        let opened = keys.open_text(&text, Kind::Snapshot, NOW, DAY, MOST);
        assert_eq!(opened, Ok((claims(), body.to_vec())));
    }
}

#[test]
fn no_bit_of_it_may_change() {
    for (keys, body, _) in all_four() {
        let mut sealed = keys.seal(&claims(), body);
        for bit in 0..sealed.len() * 8 {
            sealed[bit / 8] ^= 1 << (bit % 8);
            let opened = open(&keys, &sealed);
            assert!(matches!(opened, Err(Unsealed::Corrupt | Unsealed::UnknownKey)), "bit {bit}: {opened:?}");
            sealed[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(open(&keys, &sealed).is_ok());
    }
}

#[test]
fn nothing_may_be_missing_or_added() {
    for (keys, body, _) in all_four() {
        let sealed = keys.seal(&claims(), body);
        for length in 0..sealed.len() {
            assert_eq!(open(&keys, &sealed[..length]), Err(Unsealed::Corrupt), "the first {length}");
            assert!(open(&keys, &sealed[sealed.len() - length..]).is_err(), "the last {length}");
        }
        assert_eq!(open(&keys, &[&sealed[..], &[0]].concat()), Err(Unsealed::Corrupt));
        assert_eq!(open(&keys, &[&sealed[..], &sealed].concat()), Err(Unsealed::Corrupt));
    }
}

#[test]
fn every_claim_is_signed() {
    /// Puts the claims of another blob before the body and the signature of one.
    fn check(change: impl Fn(&mut Claims)) {
        let mut other = claims();
        change(&mut other);
        assert_ne!(other, claims());
        for (keys, body, _) in all_four() {
            let [mine, others] = [claims(), other.clone()].map(|claims| keys.seal(&claims, body));
            let (mut read, mut written) = (Vec::new(), Vec::new());
            claims().write(&mut read);
            other.write(&mut written);
            let head = 3 + "2026".len();
            let forged = [&mine[..head], &written, &mine[head + read.len()..]].concat();
            assert_eq!(open(&keys, &forged), Err(Unsealed::Corrupt), "{other:?}");
            let forged = [&others[..others.len() - SIGNATURE], &mine[mine.len() - SIGNATURE..]].concat();
            assert_eq!(open(&keys, &forged), Err(Unsealed::Corrupt), "{other:?}");
        }
    }
    check(|claims| claims.kind = Kind::Session);
    check(|claims| claims.component = "Ledger".into());
    check(|claims| claims.instance = InstanceId::from_u128(1));
    check(|claims| claims.session = SessionId::from_u128(1));
    check(|claims| claims.subject = "".into());
    check(|claims| claims.subject = "joan@example".into());
    check(|claims| claims.version = 8);
    check(|claims| claims.schema = 4);
    check(|claims| claims.issued += 1);
    // The same letters, parted elsewhere.
    check(|claims| (claims.component, claims.subject) = ("Counterj".into(), "ane@example".into()));
}

#[test]
fn what_is_encrypted_belongs_to_its_claims_even_for_who_can_sign() {
    let keys = keys().encrypted();
    let mine = keys.seal(&claims(), b"{}");
    let mut other = claims();
    other.subject = "joan@example".into();
    let others = keys.seal(&other, b"{}");
    let encrypted = 24 + 2 + 16 + SIGNATURE;
    let moved =
        [&others[..others.len() - encrypted], &mine[mine.len() - encrypted..mine.len() - SIGNATURE]].concat();
    let resigned = [&moved[..], &keys.signing().sign(&moved)].concat();
    assert_eq!(open(&keys, &resigned), Err(Unsealed::Corrupt));
}

#[test]
fn what_is_signed_and_makes_no_sense_is_refused() {
    /// Changes what will be signed.
    fn check(what: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut signed = keys().seal(&claims(), b"{}");
        signed.truncate(signed.len() - SIGNATURE);
        change(&mut signed);
        let sealed = [&signed[..], &keys().signing().sign(&signed)].concat();
        assert_eq!(open(&keys(), &sealed), Err(Unsealed::Corrupt), "{what}");
    }
    let name = 3 + "2026".len() + 1;
    check("a format before the first", |signed| signed[0] = 0);
    check("a format to come", |signed| signed[0] = 2);
    check("a flag to come", |signed| signed[1] |= 4);
    check("a flag at the other end", |signed| signed[1] |= 128);
    check("a body that is not packed", |signed| signed[1] |= PACKED);
    check("a body that is not encrypted", |signed| signed[1] |= ENCRYPTED);
    check("no kind", |signed| signed[name - 1] = 0);
    check("a kind to come", |signed| signed[name - 1] = 3);
    check("a name longer than everything", |signed| signed[name..name + 4].fill(255));
    check("a name that is not text", |signed| signed[name + 4] = 255);
    check("claims that end early", |signed| signed.truncate(signed.len() - 2 - 1));
    check("claims that do not begin", |signed| signed.truncate(name - 1));
}

#[test]
fn the_newest_key_writes_and_the_accepted_are_read_as_long_as_they_are() {
    let old = Keys::new("2025", [6; 32]).unwrap();
    let next = || Keys::new("2026", [7; 32]).unwrap();
    let both = next().accept("2025", [6; 32]).unwrap();
    let [by_old, by_next, by_both] = [&old, &next(), &both].map(|keys| keys.seal(&claims(), b"{}"));
    assert_eq!(by_both, by_next);
    for sealed in [&by_old, &by_next] {
        assert!(open(&both, sealed).is_ok());
    }
    assert_eq!(open(&next(), &by_old), Err(Unsealed::UnknownKey));
    assert_eq!(open(&old, &by_next), Err(Unsealed::UnknownKey));
    // The same id with another secret is another key.
    assert_eq!(open(&Keys::new("2025", [5; 32]).unwrap(), &by_old), Err(Unsealed::Corrupt));
    // An accepted key decrypts, too.
    let hidden = old.encrypted().seal(&claims(), b"{}");
    assert_eq!(open(&both, &hidden), Ok((claims(), b"{}".to_vec())));
}

#[test]
fn keys_of_one_life_are_unknown_in_the_next() {
    let (one, next) = (Keys::random(), Keys::random());
    let sealed = one.seal(&claims(), b"{}");
    assert!(open(&one.clone(), &sealed).is_ok());
    assert_eq!(open(&next, &sealed), Err(Unsealed::UnknownKey));
}

#[test]
fn encryption_hides_the_body_and_may_be_turned_on_and_off() {
    let body = br#"{"secret":"swordfish"}"#;
    let (plain, hidden) = (keys().seal(&claims(), body), keys().encrypted().seal(&claims(), body));
    let shows = |sealed: &[u8]| sealed.windows(9).any(|window| window == b"swordfish");
    assert!(shows(&plain) && !shows(&hidden));
    assert_eq!(plain, keys().seal(&claims(), body));
    assert_ne!(hidden, keys().encrypted().seal(&claims(), body));
    for sealed in [&plain, &hidden] {
        for keys in [keys(), keys().encrypted()] {
            assert_eq!(open(&keys, sealed), Ok((claims(), body.to_vec())));
        }
    }
}

#[test]
fn one_kind_is_never_taken_for_another() {
    let sealed = keys().seal(&claims(), b"");
    assert_eq!(keys().open(&sealed, Kind::Session, NOW, DAY, MOST), Err(Unsealed::Corrupt));
    let token = keys().seal(&Claims { kind: Kind::Session, ..claims() }, b"");
    assert_eq!(open(&keys(), &token), Err(Unsealed::Corrupt));
    assert!(keys().open(&token, Kind::Session, NOW, DAY, MOST).is_ok());
}

#[test]
fn it_is_good_from_now_for_as_long_as_the_reader_says() {
    /// Opens it so many milliseconds after it was issued.
    fn check(after: i64, max_age: Duration, refusal: Option<Unsealed>) {
        let sealed = keys().seal(&claims(), b"");
        let now = NOW.checked_add_signed(after).unwrap();
        let opened = keys().open(&sealed, Kind::Snapshot, now, max_age, MOST);
        assert_eq!(opened.err(), refusal, "{after} ms, {max_age:?}");
    }
    check(0, DAY, None);
    check(0, Duration::ZERO, None);
    check(86_400_000, DAY, None);
    check(86_400_001, DAY, Some(Unsealed::Expired));
    check(i64::MAX - 1_800_000_000_000, DAY, Some(Unsealed::Expired));
    check(i64::MAX - 1_800_000_000_000, Duration::MAX, None);
    // The clocks of two servers differ by less than a minute.
    check(-60_000, DAY, None);
    check(-60_001, DAY, Some(Unsealed::Corrupt));
    // Age is a claim like any other: it is not looked at before the signature.
    let mut old = keys().seal(&Claims { issued: 0, ..claims() }, b"");
    assert_eq!(open(&keys(), &old), Err(Unsealed::Expired));
    *old.last_mut().unwrap() ^= 1;
    assert_eq!(open(&keys(), &old), Err(Unsealed::Corrupt));
}

#[test]
fn a_body_is_no_longer_than_the_reader_says() {
    for (keys, body, _) in all_four() {
        let sealed = keys.seal(&claims(), body);
        let most = |most| keys.open(&sealed, Kind::Snapshot, NOW, DAY, most).map(|(_, body)| body.len());
        assert_eq!(most(body.len()), Ok(body.len()));
        assert_eq!(most(usize::MAX), Ok(body.len()));
        assert_eq!(most(body.len() - 1), Err(Unsealed::TooLarge));
        assert_eq!(most(0), Err(Unsealed::TooLarge));
    }
}

#[test]
fn a_text_has_one_spelling() {
    let open = |text: &str| keys().open_text(text, Kind::Snapshot, NOW, DAY, MOST);
    let alphabet = |sign: u8| sign.is_ascii_alphanumeric() || sign == b'-' || sign == b'_';
    let mut remainders = [false; 3];
    for length in 0..3 {
        let text = keys().seal_text(&claims(), &vec![b'?'; length]);
        assert!(open(&text).is_ok() && text.bytes().all(alphabet));
        remainders[text.len() * 6 / 8 % 3] = true;
        for wrong in [
            format!("{text}="),
            format!("{text}=="),
            format!("{text}\n"),
            format!(" {text}"),
            format!("{text}A"),
            text[..text.len() - 1].to_owned(),
            text.replacen('A', "%41", 1),
            text.replace('-', "+").replace('_', "/"),
        ] {
            assert_eq!(open(&wrong), Err(Unsealed::Corrupt), "{wrong}");
        }
        // The last sign has bits to spare, unless the bytes come out even; they are 0.
        let (rest, last) = text.split_at(text.len() - 1);
        for sign in ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']) {
            let spelled = format!("{rest}{sign}");
            assert_eq!(open(&spelled).is_ok(), spelled == text, "{last} as {sign}");
        }
    }
    assert_eq!(remainders, [true; 3]);
    assert_eq!(open(""), Err(Unsealed::Corrupt));
    assert_eq!(open("ä"), Err(Unsealed::Corrupt));
}

/// The bytes that are written as hexadecimal digits.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// If this fails, what is out there opens no more. Write a new format beside the old one, and a file
/// beside these two.
#[test]
fn what_was_sealed_long_ago_opens_for_ever() {
    fn check(hex: &str, body: &[u8]) {
        assert_eq!(open(&keys(), &bytes(hex)), Ok((claims(), body.to_vec())));
    }
    check(include_str!("golden/plain.hex"), br#"{"count":5}"#);
    check(include_str!("golden/encrypted.hex"), &[b'a'; 2_000]);
}

#[test]
fn what_is_sealed_today_is_what_was_sealed_long_ago() {
    let sealed = keys().seal(&claims(), br#"{"count":5}"#);
    assert_eq!(sealed, bytes(include_str!("golden/plain.hex")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_nobody_signed_never_opens(sealed in vec(any::<u8>(), 0..400), flags in 0..4_u8) {
        prop_assert!(open(&keys(), &sealed).is_err());
        let addressed = [&[FORMAT, flags, 4][..], b"2026", &sealed].concat();
        prop_assert!(open(&keys(), &addressed).is_err());
    }

    #[test]
    fn what_somebody_signed_opens_to_what_it_was_or_not_at_all(
        flags in 0..4_u8,
        kind in 0..4_u8,
        lengths in (0..4_u32, 0..4_u32),
        name in vec(0..130_u8, 0..4),
        rest in vec(0..130_u8, 0..60),
    ) {
        let lengths = (lengths.0.to_be_bytes(), lengths.1.to_be_bytes());
        let head = [&[FORMAT, flags, 4][..], b"2026", &[kind], &lengths.0, &name].concat();
        let signed = [&head[..], &[9; 32], &lengths.1, &rest].concat();
        let sealed = [&signed[..], &keys().signing().sign(&signed)].concat();
        if let Ok((claims, body)) = keys().open(&sealed, Kind::Session, u64::MAX, Duration::MAX, MOST) {
            // One thing is written one way; but a body may be packed in many.
            prop_assert!(flags == PACKED || keys().seal(&claims, &body) == sealed);
        }
    }

    #[test]
    fn any_claims_and_any_body_come_back(
        texts in any::<(String, String)>(),
        ids in any::<(u128, u128)>(),
        numbers in any::<(u64, u32)>(),
        issued in 0..=NOW + 60_000,
        body in vec(any::<u8>(), 0..3_000),
        encrypted: bool,
    ) {
        let claims = Claims {
            kind: Kind::Session,
            component: texts.0.into(),
            instance: InstanceId::from_u128(ids.0),
            session: SessionId::from_u128(ids.1),
            subject: texts.1.into(),
            version: numbers.0,
            schema: numbers.1,
            issued,
        };
        let keys = if encrypted { keys().encrypted() } else { keys() };
        let opened = keys.open(&keys.seal(&claims, &body), Kind::Session, NOW, Duration::MAX, MOST);
        prop_assert_eq!(opened, Ok((claims, body)));
    }
}
