//! Parquet files, broken anywhere: records come, or an error that is the file's. A panic of the decoder is such an error,
//! one of ours is a finding.

#![no_main]

use std::sync::Once;

use fuzz::files;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static HOOK: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    HOOK.call_once(|| {
        let finding = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.location().is_none_or(|location| !location.file().contains("/parquet-")) {
                finding(panic);
            }
        }));
    });
    let options = json!({ "path": "in.parquet", "format": "parquet" });
    files::read_what_may_be_broken("in.parquet", bytes, &options, "id");
});
