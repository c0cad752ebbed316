//! What does something when it is opened: pages, scripts, programs.
//!
//! A field takes such a file only if its author has named it. What it is served as is another matter, and no reason to
//! take it.

use super::kinds::Kind;

/// What somebody who opens it would have happen to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Active {
    /// A browser runs what is in it.
    Page,
    /// A picture, in which a browser runs what is in it.
    Svg,
    /// A browser may be told by it to run something.
    Xml,
    /// An interpreter runs it: on the machine of who opens it, or on a server that it lies on.
    Script,
    /// The system runs it.
    Program,
}

use Active::*;

const EXTENSIONS: &[(Active, &[&str])] = &[
    (Page, &["html", "htm", "xhtml", "xht", "shtml", "shtm", "mht", "mhtml"]),
    (Svg, &["svg", "svgz"]),
    (Xml, &["xml", "xsl", "xslt", "xbl", "rss", "atom"]),
    (
        Script,
        &[
            "js",
            "jse",
            "mjs",
            "cjs",
            "vbs",
            "vbe",
            "wsf",
            "wsh",
            "wsc",
            "sct",
            "hta",
            "ps1",
            "psm1",
            "psd1",
            "ps1xml",
            "sh",
            "bash",
            "zsh",
            "csh",
            "ksh",
            "fish",
            "command",
            "bat",
            "cmd",
            "php",
            "php2",
            "php3",
            "php4",
            "php5",
            "php6",
            "php7",
            "php8",
            "phtml",
            "phar",
            "pht",
            "phps",
            "asp",
            "aspx",
            "asax",
            "ashx",
            "asmx",
            "ascx",
            "jsp",
            "jspx",
            "jsw",
            "cfm",
            "cgi",
            "fcgi",
            "pl",
            "pm",
            "py",
            "pyw",
            "pyc",
            "rb",
            "lua",
            "tcl",
            "applescript",
            "scpt",
            "docm",
            "dotm",
            "xlsm",
            "xltm",
            "xlam",
            "pptm",
            "potm",
            "ppam",
            "ppsm",
            "sldm",
        ],
    ),
    (
        Program,
        &[
            "exe",
            "com",
            "scr",
            "pif",
            "msi",
            "msp",
            "mst",
            "msc",
            "dll",
            "sys",
            "drv",
            "ocx",
            "cpl",
            "so",
            "dylib",
            "app",
            "deb",
            "rpm",
            "apk",
            "ipa",
            "jar",
            "war",
            "ear",
            "class",
            "jnlp",
            "swf",
            "xap",
            "xbap",
            "lnk",
            "url",
            "desktop",
            "reg",
            "inf",
            "scf",
            "chm",
            "hlp",
            "gadget",
            "application",
            "xll",
            "wasm",
            "elf",
            "appimage",
            "run",
            "dex",
            "crx",
            "xpi",
            "library-ms",
            "settingcontent-ms",
            "diagcab",
        ],
    ),
];

/// What some servers run, and some systems, wherever it stands in a name: `x.php.jpg`. What is found in the middle of
/// ordinary names, as `com`, `js` and `svg`, is not here.
const INNER: &[&str] = &[
    "php", "php2", "php3", "php4", "php5", "php6", "php7", "php8", "phtml", "phar", "pht", "phps", "asp",
    "aspx", "ashx", "asmx", "jsp", "jspx", "cfm", "cgi", "fcgi", "pl", "shtml", "exe", "scr", "pif", "bat",
    "cmd", "vbs", "vbe", "jse", "wsf", "wsh", "hta", "ps1", "msi", "dll", "jar", "lnk",
];

const KINDS: &[(Active, &[&str])] = &[
    (Page, &["text/html", "application/xhtml+xml", "multipart/related", "message/rfc822"]),
    (Svg, &["image/svg+xml", "image/svg"]),
    (
        Xml,
        &[
            "application/xml",
            "text/xml",
            "text/xsl",
            "application/xslt+xml",
            "application/rss+xml",
            "application/atom+xml",
        ],
    ),
    (
        Script,
        &[
            "text/javascript",
            "application/javascript",
            "application/x-javascript",
            "application/ecmascript",
            "text/ecmascript",
            "text/jscript",
            "text/vbscript",
            "application/typescript",
            "text/x-shellscript",
            "application/x-shellscript",
            "application/x-sh",
            "application/x-csh",
            "text/x-sh",
            "application/x-bat",
            "application/x-msdos-batch",
            "application/x-httpd-php",
            "application/x-php",
            "text/x-php",
            "application/hta",
            "text/x-python",
            "application/x-python-code",
            "text/x-script.python",
            "application/x-perl",
            "text/x-perl",
            "application/x-ruby",
            "text/x-ruby",
            "application/x-powershell",
            "text/x-lua",
        ],
    ),
    (
        Program,
        &[
            "application/x-executable",
            "application/x-elf",
            "application/x-sharedlib",
            "application/x-pie-executable",
            "application/vnd.microsoft.portable-executable",
            "application/x-msdownload",
            "application/x-msdos-program",
            "application/x-dosexec",
            "application/exe",
            "application/x-exe",
            "application/x-msi",
            "application/x-ms-installer",
            "application/x-mach-binary",
            "application/java",
            "application/java-archive",
            "application/x-java-archive",
            "application/java-vm",
            "application/x-java-applet",
            "application/x-java-jnlp-file",
            "application/vnd.android.dex",
            "application/vnd.android.dey",
            "application/vnd.android.package-archive",
            "application/x-llvm",
            "application/wasm",
            "application/x-shockwave-flash",
            "application/vnd.debian.binary-package",
            "application/x-rpm",
            "application/x-google-chrome-extension",
            "application/x-ms-shortcut",
            "application/x-mswinurl",
            "application/x-desktop",
            "application/vnd.appimage",
        ],
    ),
];

/// What a type does, if anything.
pub(super) fn of_kind(kind: Kind<'_>) -> Option<Active> {
    let found = KINDS.iter().find(|(_, kinds)| kinds.contains(&kind)).map(|(active, _)| *active);
    // All types of that form are XML, and say so.
    found.or_else(|| kind.ends_with("+xml").then_some(Xml))
}

/// What a file with this extension does, if anything.
pub(super) fn of_extension(extension: &str) -> Option<Active> {
    EXTENSIONS.iter().find(|(_, extensions)| extensions.contains(&extension)).map(|(active, _)| *active)
}

/// Whether an extension makes a name a trap even if it is not the last one.
pub(super) fn is_inner_trap(extension: &str) -> bool {
    INNER.contains(&extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traps_are_active_by_themselves() {
        for extension in INNER {
            assert!(of_extension(extension).is_some(), "{extension}");
        }
    }

    #[test]
    fn what_can_be_active_is_no_ordinary_type() {
        for (_, extensions) in EXTENSIONS {
            for extension in *extensions {
                assert_eq!(super::super::kinds::of_extension(extension), None, "{extension}");
            }
        }
        for (_, kinds) in KINDS {
            for kind in *kinds {
                assert_eq!(super::super::kinds::canonical(kind), *kind, "{kind}");
            }
        }
    }
}
