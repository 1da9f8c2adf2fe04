//! Thrift's compact protocol (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>), as far
//! as it takes to look at what a Parquet file says of itself before its reader believes it: sizes and counts. Deliberately
//! absent: making anything of it.

/// Elements of a list; files of a terabyte have some ten thousand row groups.
const ELEMENTS_MAX: u64 = 100_000;
/// Structures within structures; Parquet has six.
const DEPTH_MAX: usize = 16;

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A structure begins, which is the whole, a field, or an element of a list.
    Struct,
    Number(i64),
    Bool(bool),
}

/// It is not what it should be, or says something that can't be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// Walks through a structure and tells what it sees, with the ids of the fields that lead there. The length of the
/// structure, in bytes.
pub(super) fn walk(bytes: &[u8], see: &mut dyn FnMut(&[i64], Seen)) -> Result<usize, Broken> {
    let mut walk = Walk { rest: bytes, path: Vec::new(), see };
    walk.structure()?;
    Ok(bytes.len() - walk.rest.len())
}

struct Walk<'a> {
    rest: &'a [u8],
    path: Vec<i64>,
    see: &'a mut dyn FnMut(&[i64], Seen),
}

impl Walk<'_> {
    fn structure(&mut self) -> Result<(), Broken> {
        if self.path.len() > DEPTH_MAX {
            return Err(Broken);
        }
        (self.see)(&self.path, Seen::Struct);
        let mut id = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            id = match head >> 4 {
                0 => self.number()?,
                delta => id + i64::from(delta),
            };
            self.path.push(id);
            match head & 0x0F {
                kind @ (1 | 2) => (self.see)(&self.path, Seen::Bool(kind == 1)),
                kind => self.value(kind)?,
            }
            self.path.pop();
        }
    }

    fn value(&mut self, kind: u8) -> Result<(), Broken> {
        match kind {
            // Of a list: a byte each.
            1..=3 => self.skip(1),
            4..=6 => {
                let number = self.number()?;
                (self.see)(&self.path, Seen::Number(number));
                Ok(())
            }
            7 => self.skip(8),
            8 => {
                let length = self.varint()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => self.varint()?,
                    count => u64::from(count),
                };
                if count > ELEMENTS_MAX {
                    return Err(Broken);
                }
                (0..count).try_for_each(|_| self.element(head & 0x0F))
            }
            11 => {
                let count = self.varint()?;
                if count > ELEMENTS_MAX {
                    return Err(Broken);
                }
                if count > 0 {
                    let kinds = self.byte()?;
                    for _ in 0..count {
                        self.element(kinds >> 4)?;
                        self.element(kinds & 0x0F)?;
                    }
                }
                Ok(())
            }
            12 => self.structure(),
            13 => self.skip(16),
            _ => Err(Broken),
        }
    }

    /// A value within a collection, which is a level of its own where it holds others.
    fn element(&mut self, kind: u8) -> Result<(), Broken> {
        if !matches!(kind, 9..=11) {
            return self.value(kind);
        }
        if self.path.len() > DEPTH_MAX {
            return Err(Broken);
        }
        self.path.push(0);
        let value = self.value(kind);
        self.path.pop();
        value
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        let (&byte, rest) = self.rest.split_first().ok_or(Broken)?;
        self.rest = rest;
        Ok(byte)
    }

    fn skip(&mut self, count: u64) -> Result<(), Broken> {
        let count = usize::try_from(count).map_err(|_| Broken)?;
        self.rest = self.rest.get(count..).ok_or(Broken)?;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        varint(&mut self.rest).ok_or(Broken)
    }

    /// Zigzag: 0, -1, 1, -2, …
    fn number(&mut self) -> Result<i64, Broken> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

/// A number in groups of seven bits, the lowest first; the rest is what follows it.
pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value: u64 = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Broken, Seen, varint, walk};

    type Told = Vec<(Vec<i64>, Seen)>;

    fn seen(bytes: &[u8]) -> Result<(usize, Told), Broken> {
        let mut all = Vec::new();
        let length = walk(bytes, &mut |path, seen| all.push((path.to_vec(), seen)))?;
        Ok((length, all))
    }

    #[test]
    fn fields_are_told_with_their_places() {
        // {1: 3, 2: true, 5: {1: -2}, 6: [{1: 7}], 7: "ab"} and something that follows.
        let bytes = b"\x15\x06\x11\x3C\x15\x03\x00\x19\x1C\x15\x0E\x00\x18\x02ab\x00\xFF";
        let (length, all) = seen(bytes).expect("it is whole");
        assert_eq!(length, bytes.len() - 1);
        assert_eq!(
            all,
            [
                (vec![], Seen::Struct),
                (vec![1], Seen::Number(3)),
                (vec![2], Seen::Bool(true)),
                (vec![5], Seen::Struct),
                (vec![5, 1], Seen::Number(-2)),
                (vec![6], Seen::Struct),
                (vec![6, 1], Seen::Number(7)),
            ]
        );
    }

    #[test]
    fn what_can_not_be_true_is_refused() {
        for bytes in [
            &b""[..],
            b"\x15",
            b"\x15\x06",
            b"\x18\x05ab\x00",
            // A list of a million that is not there, and one that is.
            b"\x19\xFC\xC0\x84\x3D",
            &[b"\x19\xFC\xC0\x84\x3D".as_slice(), &[0; 1_000_000]].concat(),
            // Too deep.
            &[0x1C; 100],
            &[&[0x19][..], &[0x19; 100]].concat(),
            b"\x1F\x00",
            b"\x15\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        ] {
            assert_eq!(seen(bytes), Err(Broken), "{bytes:?}");
        }
        assert_eq!(varint(&mut &b"\x80\x01"[..]), Some(128));
    }
}
