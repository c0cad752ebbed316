//! Makes sure the folder of the built front end exists, so that the Rust half builds without it.
//!
//! `cargo xtask demo` builds the front end first; without it the binary says so on its page.

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=web/dist");
    std::fs::create_dir_all("web/dist")
}
