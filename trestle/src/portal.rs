//! The portal's files, as they were when the program was built (`build.rs`); none where it was built without Node.js.

/// Path and content of each.
pub static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/portal.rs"));

/// Whether the program has the portal in it.
pub fn is_built_in() -> bool {
    FILES.iter().any(|(path, _content)| *path == "/index.html")
}
