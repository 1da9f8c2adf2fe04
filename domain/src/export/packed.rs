//! How lines are packed: pieces of DEFLATE (RFC 1951) that each stand for themselves and end at a byte without ending the
//! stream, so that pieces behind each other are one stream, and with a head and an end one member of gzip (RFC 1952). So a
//! file is begun before its end is known, goes on in another process, and is given out packed without being packed again.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::error::{Doing, Error, Result};

/// Bytes of lines in one piece: what does not get smaller gets larger by a thousandth, and stays below 1 MiB.
pub(crate) const PIECE_BYTES_MAX: usize = 1_000_000;
/// Bytes by which room for what is packed grows.
const ROOM_BYTES: usize = 64 * 1024;

/// Ahead of the pieces (section 2.3): DEFLATE, no name, no time, of no particular system.
pub(super) const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Ends the stream: an empty last block, filled up to a byte.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];
/// Bytes behind the pieces.
pub(super) const END_BYTES: usize = 10;

/// One piece.
pub(crate) fn deflate(lines: &[u8]) -> Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut packed = Vec::with_capacity(lines.len() / 4 + ROOM_BYTES);
    loop {
        let taken = usize::try_from(compress.total_in()).doing("packing lines")?;
        compress.compress_vec(&lines[taken..], &mut packed, FlushCompress::Sync).doing("packing lines")?;
        // All is flushed only where room is left.
        if compress.total_in() == lines.len() as u64 && packed.len() < packed.capacity() {
            return Ok(packed);
        }
        packed.reserve(ROOM_BYTES);
    }
}

/// The lines of a piece, of which there are so many bytes.
pub(super) fn inflate(packed: &[u8], byte_count: usize) -> Result<Vec<u8>> {
    let mut lines = Vec::with_capacity(byte_count);
    Decompress::new(false)
        .decompress_vec(packed, &mut lines, FlushDecompress::Sync)
        .doing("unpacking lines")?;
    if lines.len() == byte_count {
        Ok(lines)
    } else {
        Err(Error::internal("unpacking lines", "there are more or fewer than were packed"))
    }
}

/// The CRC-32 of lines behind those whose CRC-32 is given; 0 where there are none.
pub(crate) fn sum_up(checksum: u32, lines: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new_with_initial(checksum);
    sum.update(lines);
    sum.finalize()
}

/// Behind the pieces: the last block, the checksum, and the bytes of lines modulo 2³².
pub(super) fn end(checksum: u32, byte_count: u64) -> [u8; END_BYTES] {
    let mut end = [0; END_BYTES];
    end[..2].copy_from_slice(&LAST_BLOCK);
    end[2..6].copy_from_slice(&checksum.to_le_bytes());
    end[6..].copy_from_slice(&byte_count.to_le_bytes()[..4]);
    end
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::bufread::GzDecoder;

    use super::{HEAD, PIECE_BYTES_MAX, deflate, end, inflate, sum_up};

    /// What no packing makes smaller.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let step = |_index| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..bytes).map(step).collect()
    }

    #[test]
    fn pieces_behind_each_other_are_one_member_of_gzip() {
        let noise = noise(PIECE_BYTES_MAX);
        let line = b"{\"id\":\"failure_1\",\"code\":\"record.invalid\"}\n".repeat(20_000);
        for pieces in [vec![], vec![b"{}\n".as_slice()], vec![&line[..], &noise[..], b"{}\n", &line[..7]]] {
            let (mut file, mut checksum, mut lines) = (HEAD.to_vec(), 0, Vec::new());
            for piece in &pieces {
                let packed = deflate(piece).expect("it is packed");
                assert!(packed.len() <= 1024 * 1024, "{} bytes of {}", packed.len(), piece.len());
                assert_eq!(inflate(&packed, piece.len()).expect("it is unpacked"), *piece);
                checksum = sum_up(checksum, piece);
                lines.extend_from_slice(piece);
                file.extend(packed);
            }
            file.extend(end(checksum, lines.len() as u64));
            // Reads one member, compares its checksum and length, and stops there.
            let (mut read, mut decoder) = (Vec::new(), GzDecoder::new(file.as_slice()));
            decoder.read_to_end(&mut read).expect("it is gzip");
            assert_eq!(read, lines);
            assert!(decoder.into_inner().is_empty(), "nothing stands behind it");
        }
    }

    #[test]
    fn a_piece_of_another_length_is_a_fault() {
        let packed = deflate(b"{}\n").expect("it is packed");
        assert!(inflate(&packed, 4).is_err());
        assert!(inflate(&packed[..1], 3).is_err());
        assert!(inflate(b"\xff\xff\xff", 3).is_err());
    }
}
