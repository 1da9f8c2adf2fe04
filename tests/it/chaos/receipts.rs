//! The keys in a block of receipts, read by what is written down of its bytes and not by the program's own code.

const HAS_DESTINATION_KEY: u8 = 4;
const IS_IN_DOUBT: u8 = 8;

/// Keys of a block, in its order.
pub(super) fn keys(block: &[u8]) -> Vec<String> {
    assert_eq!(block.first(), Some(&1), "a version that is known");
    let mut rest = &block[1..];
    let (mut keys, mut runs) = (Vec::new(), 0);
    let mut key: Vec<u8> = Vec::new();
    while !rest.is_empty() {
        let shared = number(&mut rest);
        key.truncate(shared);
        let length = number(&mut rest);
        key.extend_from_slice(take(&mut rest, length));
        let flags = take(&mut rest, 1)[0];
        if number(&mut rest) == runs {
            runs += 1;
            take(&mut rest, 16);
        }
        take(&mut rest, 16);
        if flags & HAS_DESTINATION_KEY != 0 {
            let length = number(&mut rest);
            take(&mut rest, length);
        }
        if flags & IS_IN_DOUBT != 0 {
            take(&mut rest, 24);
        }
        keys.push(String::from_utf8(key.clone()).expect("a text"));
    }
    keys
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

fn number(rest: &mut &[u8]) -> usize {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = take(rest, 1)[0];
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return number;
        }
    }
}
