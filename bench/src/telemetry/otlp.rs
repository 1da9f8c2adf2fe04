//! How many spans, points or lines are in a request of OTLP, by the lengths of its parts alone
//! (<https://protobuf.dev/programming-guides/encoding/>): nothing of them is read, which costs next to nothing.

use std::ops::RangeInclusive;

/// Where spans are in a request, and lines of a log: what has a resource, what has a scope, and themselves.
pub const SPANS: &[RangeInclusive<u64>] = &[1..=1, 2..=2, 2..=2];
/// Where points are in a request: a metric has them as one of five kinds, 5 to 11, and there are no others of these numbers.
pub const POINTS: &[RangeInclusive<u64>] = &[1..=1, 2..=2, 2..=2, 5..=11, 1..=1];

/// Counts the parts of a message that lie on this path of fields; `None` where it is no message.
pub fn count(mut message: &[u8], path: &[RangeInclusive<u64>]) -> Option<u64> {
    let Some((fields, rest)) = path.split_first() else { return Some(1) };
    let mut counted = 0;
    while !message.is_empty() {
        let key = integer(&mut message)?;
        let part = match key & 7 {
            0 => {
                integer(&mut message)?;
                continue;
            }
            1 => {
                bytes(&mut message, 8)?;
                continue;
            }
            5 => {
                bytes(&mut message, 4)?;
                continue;
            }
            2 => {
                let length = integer(&mut message)?;
                bytes(&mut message, usize::try_from(length).ok()?)?
            }
            _ => return None,
        };
        if fields.contains(&(key >> 3)) {
            counted += count(part, rest)?;
        }
    }
    Some(counted)
}

/// The one message of a gRPC request that is not compressed.
pub fn message(frame: &[u8]) -> Option<&[u8]> {
    let (&[is_compressed, a, b, c, d], message) = frame.split_first_chunk::<5>()?;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    (is_compressed == 0 && length == message.len()).then_some(message)
}

/// Takes an integer of seven bits a byte.
fn integer(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *message.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn bytes<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    message.split_off(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part of a message, as its field of this number.
    fn part(number: u8, content: &[u8]) -> Vec<u8> {
        let mut part = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            part.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        part.push(length as u8);
        part.extend_from_slice(content);
        part
    }

    #[test]
    fn spans_of_several_resources_and_scopes_are_counted() {
        // A trace id, a name that is longer than one byte of length, a start as eight bytes, and flags as four.
        let span = [
            part(1, &[7; 16]),
            part(5, &[b'n'; 300]),
            [&[7 << 3 | 1][..], &[0; 8]].concat(),
            vec![0x85, 0x01, 1, 2, 3, 4],
        ]
        .concat();
        let scope = |spans: usize| part(2, &[part(1, b"\x0a\x01s"), part(2, &span).repeat(spans)].concat());
        let of_resource = |scopes: &[Vec<u8>]| part(1, &[part(1, b""), scopes.concat()].concat());
        let request =
            [of_resource(&[scope(3), scope(2)]), of_resource(&[scope(0)]), of_resource(&[scope(1)])];
        assert_eq!(count(&request.concat(), SPANS), Some(6));
        assert_eq!(count(&[], SPANS), Some(0));
    }

    #[test]
    fn points_of_each_kind_are_counted() {
        let metric = |kind: u8, points: usize| {
            let data = [part(1, b"").repeat(points), vec![2 << 3, 2]].concat();
            part(2, &[part(1, b"name"), part(3, b"s"), part(kind, &data), part(12, b"\x0a\x00")].concat())
        };
        let metrics = [metric(5, 1), metric(7, 2), metric(9, 3), metric(10, 4), metric(11, 5)].concat();
        assert_eq!(count(&part(1, &part(2, &metrics)), POINTS), Some(15));
    }

    #[test]
    fn what_is_cut_off_is_no_message() {
        let request = part(1, &part(2, &part(2, &part(1, &[7; 16]))));
        for length in 1..request.len() {
            assert_eq!(count(&request[..length], SPANS), None, "{length} bytes");
        }
        assert_eq!(count(&[1 << 3 | 3], SPANS), None, "a kind that there is not");
    }

    #[test]
    fn a_frame_of_grpc_has_one_message() {
        assert_eq!(message(&[0, 0, 0, 0, 2, 8, 1]), Some(&[8, 1][..]));
        assert_eq!(message(&[0, 0, 0, 0, 0]), Some(&[][..]));
        assert_eq!(message(&[0, 0, 0, 0, 3, 8, 1]), None, "cut off");
        assert_eq!(message(&[1, 0, 0, 0, 2, 8, 1]), None, "compressed");
        assert_eq!(message(&[0, 0, 0]), None, "no head");
    }
}
