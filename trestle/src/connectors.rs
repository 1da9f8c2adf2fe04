//! The pages about connectors, to read or to keep in `docs/connectors`. Deliberately absent: their words, which are the
//! connectors' own.

use std::fs;
use std::path::Path;

use anyhow::Context;
use connector::{Egress, Registry};

use crate::serve::say;

/// Prints the pages, or writes them into a directory, which is made.
pub fn describe(directory: Option<&Path>) -> anyhow::Result<()> {
    let pages = connector::pages(&Registry::standard(Egress::default()));
    let Some(directory) = directory else {
        let texts: Vec<&str> = pages.iter().map(|(_, text)| text.trim_end()).collect();
        say(&texts.join("\n\n"));
        return Ok(());
    };
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    for (file, text) in pages {
        let path = directory.join(file);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
