//! What a page and a schema say of themselves, looked at before memory is made for it: the reader takes counts at their
//! word, and a count that is wrong ends the process, not the run.

use parquet::basic::{Compression, Type as PhysicalType};

use super::thrift::{Seen, varint, walk};

/// Largest page, unpacked. Writers aim at 1 MiB (parquet.page.size).
const PAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest dictionary, unpacked. Writers aim at 1 MiB, and each value takes some 40 bytes in memory.
const DICTIONARY_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Levels of groups and lists.
const DEPTH_MAX: usize = 64;
/// Elements of a schema: columns, and what they stand in.
const SCHEMA_ELEMENTS_MAX: usize = 10_000;

/// `parquet.thrift`: PageType and Encoding.
const DICTIONARY_PAGE: i64 = 2;
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;

/// What is known of the column of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnOf {
    pub(super) physical: PhysicalType,
    /// Bytes of a value of fixed length.
    pub(super) type_length: i32,
    pub(super) codec: Compression,
    pub(super) has_repetition_levels: bool,
    pub(super) has_definition_levels: bool,
}

/// The header of a page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Of the header itself, in bytes.
    pub(super) length: usize,
    pub(super) is_dictionary: bool,
    /// Of the page, in bytes.
    pub(super) unpacked: u64,
    pub(super) packed: u64,
    values: u64,
    encoding: i64,
    /// Of a page of the second version: bytes of levels, which are not packed, and whether the rest is.
    second: Option<(u64, bool)>,
}

impl PageHeader {
    /// Reads it. `None` when it can't be read or is not whole.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let mut kind = -1;
        let mut header = Self::default();
        let (mut levels, mut is_packed, mut is_second) = (0, true, false);
        let mut sizes = [-1, -1];
        let mut bad = false;
        header.length = walk(bytes, &mut |path, seen| match (path, seen) {
            ([1], Seen::Number(number)) => kind = number,
            ([2], Seen::Number(number)) => sizes[0] = number,
            ([3], Seen::Number(number)) => sizes[1] = number,
            // The number of values, nulls included, is the first field of each kind.
            ([5 | 7 | 8, 1], Seen::Number(number)) => match u64::try_from(number) {
                Ok(number) => header.values = number,
                Err(_) => bad = true,
            },
            ([5, 2] | [8, 4], Seen::Number(number)) => header.encoding = number,
            ([8], Seen::Struct) => is_second = true,
            ([8, 5 | 6], Seen::Number(number)) => match u64::try_from(number) {
                Ok(number) => levels += number,
                Err(_) => bad = true,
            },
            ([8, 7], Seen::Bool(packed)) => is_packed = packed,
            _ => {}
        })
        .ok()?;
        header.is_dictionary = kind == DICTIONARY_PAGE;
        header.unpacked = u64::try_from(sizes[0]).ok()?;
        header.packed = u64::try_from(sizes[1]).ok()?;
        header.second = is_second.then_some((levels, is_packed));
        (!bad).then_some(header)
    }

    /// Whether it is small enough.
    ///
    /// # Errors
    /// What is not, for the customer.
    pub(super) fn check(&self, column: &ColumnOf) -> Result<(), String> {
        let largest = if self.is_dictionary { DICTIONARY_BYTES_MAX } else { PAGE_BYTES_MAX };
        if self.unpacked > largest || self.packed > largest {
            return Err(format!("a page of it needs more memory than {} MiB", largest >> 20));
        }
        // Each takes so many bytes where it is not in a dictionary or packed otherwise.
        let least = match column.physical {
            PhysicalType::INT64 | PhysicalType::DOUBLE => 8,
            PhysicalType::INT96 => 12,
            PhysicalType::FIXED_LEN_BYTE_ARRAY => u64::try_from(column.type_length).unwrap_or(1).max(1),
            PhysicalType::BOOLEAN | PhysicalType::INT32 | PhysicalType::FLOAT | PhysicalType::BYTE_ARRAY => 4,
        };
        if self.is_dictionary && self.values.saturating_mul(least) > self.unpacked {
            return Err("a dictionary of it says that it has more values than it can".to_owned());
        }
        Ok(())
    }

    /// Whether what is in the page has to be looked at as well.
    pub(super) fn is_to_be_unpacked(&self) -> bool {
        !self.is_dictionary && matches!(self.encoding, DELTA_LENGTH_BYTE_ARRAY | DELTA_BYTE_ARRAY)
    }

    /// Whether a page whose lengths are counted in it has as many of them as values at most.
    ///
    /// # Errors
    /// What is wrong, for the customer.
    pub(super) fn check_lengths(&self, packed: &[u8], column: &ColumnOf) -> Result<(), String> {
        let broken = || "a page of it can't be read".to_owned();
        let (levels, rest, is_packed) = match self.second {
            Some((levels, is_packed)) => {
                let levels = usize::try_from(levels)
                    .ok()
                    .filter(|&levels| levels <= packed.len())
                    .ok_or_else(broken)?;
                (levels, &packed[levels..], is_packed)
            }
            None => (0, packed, true),
        };
        let room = usize::try_from(self.unpacked)
            .ok()
            .and_then(|room| room.checked_sub(levels))
            .ok_or_else(broken)?;
        let unpacked = match column.codec {
            _ if !is_packed || rest.is_empty() => rest.to_vec(),
            Compression::UNCOMPRESSED => rest.to_vec(),
            Compression::ZSTD(_) => zstd::bulk::decompress(rest, room).map_err(|_| broken())?,
            Compression::SNAPPY => {
                if snap::raw::decompress_len(rest).map_err(|_| broken())? > room {
                    return Err(broken());
                }
                snap::raw::Decoder::new().decompress_vec(rest).map_err(|_| broken())?
            }
            // It is not read at all.
            _ => return Ok(()),
        };
        let mut values = unpacked.as_slice();
        if self.second.is_none() {
            for has_levels in [column.has_repetition_levels, column.has_definition_levels] {
                if has_levels {
                    let (length, after) = values.split_first_chunk::<4>().ok_or_else(broken)?;
                    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| broken())?;
                    values = after.get(length..).ok_or_else(broken)?;
                }
            }
        }
        // No value at all is written so too.
        if values.is_empty() {
            return Ok(());
        }
        let too_many = || "a page of it says that it has more values than it can".to_owned();
        let count = delta_count(&mut values).ok_or_else(broken)?;
        if count > self.values {
            return Err(too_many());
        }
        // The lengths of what values share with the one before, and then those of the rest of each.
        if self.encoding == DELTA_BYTE_ARRAY && delta_count(&mut values).ok_or_else(broken)? > self.values {
            return Err(too_many());
        }
        Ok(())
    }
}

/// How many numbers DELTA_BINARY_PACKED holds
/// (<https://github.com/apache/parquet-format/blob/master/Encodings.md>); the rest is what follows them.
fn delta_count(rest: &mut &[u8]) -> Option<u64> {
    let (block, minis, count) = (varint(rest)?, varint(rest)?, varint(rest)?);
    varint(rest)?;
    let per_mini = block.checked_div(minis)?;
    if per_mini == 0 || !per_mini.is_multiple_of(8) {
        return None;
    }
    let minis = usize::try_from(minis).ok()?;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        varint(rest)?;
        let (widths, mut after) = rest.split_at_checked(minis)?;
        for &width in widths {
            // Those after the last value are not there.
            if left == 0 {
                break;
            }
            let length = usize::try_from(per_mini / 8).ok()?.checked_mul(usize::from(width))?;
            after = after.get(length..)?;
            left = left.saturating_sub(per_mini);
        }
        *rest = after;
    }
    Some(count)
}

/// Whether the schema in the footer can be one: its elements are a tree, of which each says how many children it has.
///
/// # Errors
/// What is wrong, for the customer.
pub(super) fn check_footer(bytes: &[u8]) -> Result<(), String> {
    // FileMetaData.schema is field 2, SchemaElement.num_children is field 5 (parquet.thrift).
    let mut children: Vec<i64> = Vec::new();
    let walked = walk(bytes, &mut |path, seen| match (path, seen) {
        ([2], Seen::Struct) => children.push(0),
        ([2, 5], Seen::Number(number)) => {
            if let Some(last) = children.last_mut() {
                *last = number;
            }
        }
        _ => {}
    });
    walked.map_err(|_| "what it says of itself is broken".to_owned())?;
    if children.len() > SCHEMA_ELEMENTS_MAX {
        return Err(format!("it has more than {SCHEMA_ELEMENTS_MAX} columns"));
    }
    let broken = || "what it says of its columns is broken".to_owned();
    let mut open: Vec<usize> = Vec::new();
    for count in children.iter().copied() {
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        let count =
            usize::try_from(count).ok().filter(|&count| count <= children.len()).ok_or_else(broken)?;
        open.push(count);
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > DEPTH_MAX {
            return Err(format!("its columns are nested more than {DEPTH_MAX} levels deep"));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(broken()) }
}

#[cfg(test)]
mod tests {
    use parquet::basic::{Compression, Type as PhysicalType};

    use super::{ColumnOf, PageHeader, check_footer, delta_count};

    const TEXT: ColumnOf = ColumnOf {
        physical: PhysicalType::BYTE_ARRAY,
        type_length: 0,
        codec: Compression::UNCOMPRESSED,
        has_repetition_levels: false,
        has_definition_levels: false,
    };

    #[test]
    fn a_page_says_what_it_takes() {
        // {1: 2, 2: 8192, 3: 8, 7: {1: 5, 2: 0}}: a dictionary.
        let header = PageHeader::of(b"\x15\x04\x15\x80\x80\x01\x15\x10\x4C\x15\x0A\x15\x00\x00\x00rest")
            .expect("whole");
        assert_eq!(
            (header.length, header.is_dictionary, header.unpacked, header.packed),
            (15, true, 8192, 8)
        );
        assert_eq!(header.check(&TEXT), Ok(()));
        let many = PageHeader { values: 2049, ..header.clone() };
        assert!(many.check(&TEXT).is_err());
        assert_eq!(
            PageHeader { values: 1024, ..header.clone() }
                .check(&ColumnOf { physical: PhysicalType::INT64, ..TEXT }),
            Ok(())
        );
        let large = PageHeader { unpacked: 17 * 1024 * 1024, ..header };
        assert_eq!(large.check(&TEXT), Err("a page of it needs more memory than 16 MiB".to_owned()));
        // A negative size, none, and half a header.
        for bytes in
            [&b"\x15\x00\x15\x01\x15\x10\x00"[..], b"\x15\x00\x15\x02\x00", b"\x15\x00\x15\x02\x15", b""]
        {
            assert_eq!(PageHeader::of(bytes), None);
        }
    }

    #[test]
    fn lengths_are_not_more_than_values() {
        // Blocks of 128 in 4: three numbers, the first 5, and one block of width 0.
        let lengths = b"\x80\x01\x04\x03\x0A\x00\x00\x00\x00\x00";
        let mut rest = &[&lengths[..], b"next"].concat()[..];
        assert_eq!(delta_count(&mut rest), Some(3));
        assert_eq!(rest, b"next");
        let header = PageHeader {
            values: 3,
            encoding: super::DELTA_LENGTH_BYTE_ARRAY,
            unpacked: 100,
            ..PageHeader::default()
        };
        assert_eq!(header.check_lengths(lengths, &TEXT), Ok(()));
        assert!(PageHeader { values: 2, ..header.clone() }.check_lengths(lengths, &TEXT).is_err());
        let twice = PageHeader { encoding: super::DELTA_BYTE_ARRAY, ..header };
        assert_eq!(twice.check_lengths(&[&lengths[..], lengths].concat(), &TEXT), Ok(()));
        let more = b"\x80\x01\x04\xFF\xFF\xFF\xFF\x0F\x0A";
        assert!(twice.check_lengths(&[&lengths[..], more].concat(), &TEXT).is_err());
        for broken in [&b"\x80\x01\x00\x03\x0A"[..], b"\x80\x01\x04\x03\x0A\x00\xFF\xFF\xFF\xFF", b"\x80"] {
            assert!(twice.check_lengths(broken, &TEXT).is_err());
        }
    }

    #[test]
    fn a_schema_is_a_tree() {
        // FileMetaData {2: [SchemaElement {5: children}]}
        let footer = |children: &[u8]| {
            let mut bytes = vec![0x29];
            bytes.push(0xFC);
            bytes.push(u8::try_from(children.len()).expect("few"));
            for &count in children {
                bytes.extend([0x55, count * 2, 0]);
            }
            bytes.push(0);
            bytes
        };
        for good in [&[1, 0][..], &[2, 1, 0, 0], &[3, 0, 0, 0]] {
            assert_eq!(check_footer(&footer(good)), Ok(()));
        }
        for bad in [&[1][..], &[100, 0], &[2, 0], &[1; 100]] {
            assert!(check_footer(&footer(bad)).is_err(), "{bad:?}");
        }
        assert!(check_footer(b"\x29\xFC").is_err());
    }
}
