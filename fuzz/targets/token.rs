//! Tokens of callers. The first byte chooses a good token, whose bytes the rest changes (place, byte, …), or says that
//! the rest is the whole `Authorization` header.

#![no_main]

use fuzz::town::TOWN;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [kind, rest @ ..] = bytes else { return };
    let Some(good) = TOWN.tokens().get(usize::from(kind % 4)) else {
        TOWN.sign_in_with(rest).refused();
        return;
    };
    let mut token = good.clone().into_bytes();
    for edit in rest.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % token.len();
        token[place] = edit[2];
    }
    let answer = TOWN.sign_in_with(&[b"Bearer ", token.as_slice()].concat());
    if token == good.as_bytes() {
        answer.accepted();
    } else {
        answer.refused();
    }
});
