//! What people call a file: shown, kept, offered at a download, and never a path.

/// Bytes a name may have, as on nearly all disks where it may be saved.
const LONGEST: usize = 255;
/// Bytes of an extension that is kept when a name is cut.
const LONGEST_EXTENSION: usize = 32;
/// What a file without a name is called.
const NAMELESS: &str = "file";

/// A name that can be shown and saved anywhere: no folders, nothing invisible, nothing that turns the order of the
/// letters around, nothing that means something to Windows. Never empty.
pub(super) fn clean(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).map(str::trim).find(|part| !part.is_empty()).unwrap_or_default();
    let mut clean: String = base.chars().filter(|sign| !is_hidden(*sign)).map(plain).collect();
    trim(&mut clean);
    cut(&mut clean);
    // Behind the cut, which can make one of these.
    if is_reserved(&clean) {
        clean.insert(0, '_');
        cut(&mut clean);
    }
    if clean.is_empty() { NAMELESS.to_owned() } else { clean }
}

/// The extension in lower case and without its dot: letters and digits behind a name.
pub(super) fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    let plain = !stem.is_empty() && is_extension(extension);
    plain.then(|| extension.to_ascii_lowercase())
}

/// What looks like an extension before the last one: `php` in `x.php.jpg`.
pub(super) fn inner_extensions(name: &str) -> impl Iterator<Item = String> {
    let parts: Vec<&str> = name.split('.').collect();
    let inner = parts.len().saturating_sub(2);
    let inner = parts.into_iter().skip(1).take(inner).map(str::trim).filter(|part| is_extension(part));
    inner.map(str::to_ascii_lowercase).collect::<Vec<_>>().into_iter()
}

fn is_extension(text: &str) -> bool {
    (1..=LONGEST_EXTENSION).contains(&text.len()) && text.bytes().all(|sign| sign.is_ascii_alphanumeric())
}

/// What nobody sees, or what changes how the rest is seen. Joiners stay: some scripts, and emoji, are written with them.
fn is_hidden(sign: char) -> bool {
    sign.is_control()
        || matches!(
            sign,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0001}'
        )
}

/// What stands for something else in a name on Windows, or in a shell.
fn plain(sign: char) -> char {
    match sign {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' => '_',
        sign if sign.is_whitespace() => ' ',
        sign => sign,
    }
}

/// Takes off what Windows does not see at the end, and what hides a file at the beginning.
fn trim(name: &mut String) {
    name.truncate(name.trim_end_matches(['.', ' ']).len());
    let start = name.len() - name.trim_start_matches(['.', ' ']).len();
    name.drain(..start);
}

/// Names of devices on Windows, whatever comes behind a dot.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$") {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let mut number = number.unwrap_or_default().chars();
    matches!((number.next(), number.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
}

fn cut(name: &mut String) {
    if name.len() <= LONGEST {
        return;
    }
    let ending = match name.rsplit_once('.') {
        Some((_, ending)) if ending.len() < LONGEST_EXTENSION => format!(".{ending}"),
        _ => String::new(),
    };
    let mut end = LONGEST - ending.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    trim(name);
    name.push_str(&ending);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_becomes_what_can_be_shown() {
        let cases: &[(&str, &str)] = &[
            ("photo.png", "photo.png"),
            ("Größe und Maß.pdf", "Größe und Maß.pdf"),
            ("写真.jpg", "写真.jpg"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\windows\\system32\\evil.png", "evil.png"),
            ("C:\\fakepath\\photo.png", "photo.png"),
            ("/", "file"),
            ("", "file"),
            (".", "file"),
            ("..", "file"),
            ("...", "file"),
            ("   ", "file"),
            ("folder/", "folder"),
            ("a/..", "file"),
            (".htaccess", "htaccess"),
            ("..hidden", "hidden"),
            ("photo.png.", "photo.png"),
            ("photo.png . . ", "photo.png"),
            ("photo\0.php.png", "photo.php.png"),
            ("line\nbreak\r.txt", "linebreak.txt"),
            ("tab\there.txt", "tabhere.txt"),
            ("photo\u{202e}gnp.exe", "photognp.exe"),
            ("\u{feff}a\u{200b}b\u{2066}c.txt", "abc.txt"),
            ("family \u{1f468}\u{200d}\u{1f469}.png", "family \u{1f468}\u{200d}\u{1f469}.png"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("Aux .tar.gz", "_Aux .tar.gz"),
            ("com1", "_com1"),
            ("COM¹.log", "_COM¹.log"),
            ("lpt9.png", "_lpt9.png"),
            ("com10.png", "com10.png"),
            ("console.log", "console.log"),
            ("x.php::$DATA", "x.php__$DATA"),
            ("a<b>c|d?e*f\"g.txt", "a_b_c_d_e_f_g.txt"),
            ("no\u{a0}break\u{3000}.txt", "no break .txt"),
        ];
        for (said, shown) in cases {
            assert_eq!(clean(said), *shown, "{said:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_letters_and_keeps_its_extension() {
        for letter in ["a", "ß", "写", "\u{1f468}"] {
            let name = clean(&format!("{}.jpeg", letter.repeat(400)));
            assert!(name.len() <= LONGEST && name.len() > LONGEST - 4, "{letter}: {}", name.len());
            assert!(name.ends_with(".jpeg") && name.starts_with(letter));
        }
        assert_eq!(clean(&"x".repeat(1_000)).len(), LONGEST);
        assert_eq!(clean(&format!("x.{}", "y".repeat(1_000))).len(), LONGEST);
        assert_eq!(
            clean(&format!("{}  . {}.txt", "x".repeat(249), "y".repeat(9))),
            format!("{}.txt", "x".repeat(249))
        );
    }

    #[test]
    fn whatever_is_said_is_a_name_and_stays_one() {
        let signs: Vec<char> = (0..=0x2fff)
            .chain(0xfe00..=0xffff)
            .chain(0x1f300..0x1f320)
            .chain(0xe0000..0xe0010)
            .filter_map(char::from_u32)
            .collect();
        let names = signs.iter().flat_map(|sign| {
            [
                sign.to_string(),
                format!("a{sign}b.png"),
                format!("{sign}.png"),
                format!("a.{sign}"),
                format!("../{sign}/.."),
            ]
        });
        for said in names {
            let name = clean(&said);
            assert!(!name.is_empty() && name.len() <= LONGEST, "{said:?}");
            assert!(
                !name.contains(['/', '\\', '\0', ':'])
                    && !name.starts_with('.')
                    && !name.ends_with(['.', ' ']),
                "{said:?}: {name:?}"
            );
            assert!(!name.chars().any(is_hidden), "{said:?}: {name:?}");
            assert_eq!(clean(&name), name, "{said:?}");
        }
    }

    #[test]
    fn a_name_that_becomes_that_of_a_device_when_it_is_cut_is_none_and_stays_as_it_is() {
        let gap = " ".repeat(300);
        for (said, shown) in [(format!("CON{gap}x.txt"), "_CON.txt"), (format!("lpt1{gap}x"), "_lpt1")] {
            assert_eq!(clean(&said), shown);
            assert_eq!(clean(shown), shown);
        }
        let long = clean(&format!("aux.{}.txt", "y".repeat(300)));
        assert!(long.len() == LONGEST && long.starts_with("_aux.y") && long.ends_with("y.txt"));
    }

    proptest::proptest! {
        #[test]
        fn a_name_that_was_made_plain_stays_as_it_is(
            start in r"(con|COM1|[a. ]){0,4}",
            gap in 0..300_usize,
            middle in r"[. x写\u{200d}]{0,3}",
            long in 0..300_usize,
            end in r"\PC{0,4}[. ]{0,2}(txt|\PC{0,40})",
        ) {
            let said = format!("{start}{}{middle}{}{end}", " ".repeat(gap), "y".repeat(long));
            let name = clean(&said);
            proptest::prop_assert!(!name.is_empty() && name.len() <= LONGEST && !is_reserved(&name));
            proptest::prop_assert_eq!(clean(&name), name);
        }
    }

    #[test]
    fn extensions_are_what_is_behind_the_last_dot_and_inner_ones_what_is_between() {
        let cases: &[(&str, Option<&str>, &[&str])] = &[
            ("a.png", Some("png"), &[]),
            ("a.PNG", Some("png"), &[]),
            ("a", None, &[]),
            ("a.", None, &[]),
            ("a.p g", None, &[]),
            ("x.php.jpg", Some("jpg"), &["php"]),
            ("x.php .jpg", Some("jpg"), &["php"]),
            ("archive.tar.gz", Some("gz"), &["tar"]),
            ("a.b.c.d", Some("d"), &["b", "c"]),
            ("v1.2 final.pdf", Some("pdf"), &[]),
        ];
        for (name, last, inner) in cases {
            assert_eq!(extension(name).as_deref(), *last, "{name}");
            assert_eq!(inner_extensions(name).collect::<Vec<_>>(), *inner, "{name}");
        }
    }
}
