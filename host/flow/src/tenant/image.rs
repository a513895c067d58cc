//! Images of a template: are they PNG, and small enough for a phone?
//!
//! Owns the look at a file's head. Does not own the pixels: nothing here is decoded, so a hostile image costs a checksum.

/// An image of a pass at three times its size is about 200 KB; Apple names no limit, and a package is signed and sent at every update.
pub const IMAGE_LIMIT: usize = 1024 * 1024;

/// The largest image of a pass is 358 x 448 points (artwork), 1074 x 1344 pixels at three times; Google's hero image is 1032 wide. Anything far
/// above was exported for print.
const LONGEST_SIDE: u32 = 4096;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// What keeps the bytes from being an image of a pass.
pub fn fault(content: &[u8]) -> Option<&'static str> {
    if content.len() > IMAGE_LIMIT {
        return Some("the image is larger than 1 MiB; a pass is sent to the phone at every update");
    }
    let Some(rest) = content.strip_prefix(SIGNATURE) else {
        return Some("the image is not PNG, the only format that every wallet shows");
    };
    // Length (13), "IHDR", width, height: the first chunk of every PNG.
    let Some((b"\0\0\0\rIHDR", rest)) = rest.split_first_chunk::<8>() else {
        return Some("the PNG image is damaged");
    };
    let (Some((width, rest)), true) = (rest.split_first_chunk::<4>(), content.ends_with(b"IEND\xaeB`\x82")) else {
        return Some("the PNG image is cut off");
    };
    let height = rest.first_chunk::<4>().copied().unwrap_or_default();
    let sides = [u32::from_be_bytes(*width), u32::from_be_bytes(height)];
    if sides.contains(&0) {
        return Some("the PNG image is damaged");
    }
    if sides.iter().any(|side| *side > LONGEST_SIDE) {
        return Some("the image is more than 4096 pixels wide or high; a pass shows about 1000");
    }
    if !is_whole(content) {
        return Some("the PNG image is damaged: the checksum of a part of it does not fit");
    }
    None
}

/// Every chunk has its length, its name, its content and a checksum over the last two (PNG, 5.3).
fn is_whole(content: &[u8]) -> bool {
    let mut rest = content.get(SIGNATURE.len()..).unwrap_or_default();
    while !rest.is_empty() {
        let Some((length, after)) = rest.split_first_chunk::<4>() else { return false };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((chunk, after)) = length.checked_add(4).and_then(|end| after.split_at_checked(end)) else {
            return false;
        };
        let Some((checksum, after)) = after.split_first_chunk::<4>() else { return false };
        if crc32fast::hash(chunk) != u32::from_be_bytes(*checksum) {
            return false;
        }
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend(b"\0\0\0\rIHDR");
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(b"\x08\x06\0\0\0");
        bytes.extend(crc32fast::hash(&bytes[12..]).to_be_bytes());
        bytes.extend(b"\0\0\0\0IEND\xaeB`\x82");
        bytes
    }

    #[test]
    fn a_png_of_a_pass_is_accepted_and_all_else_is_not() {
        assert_eq!(fault(&png(320, 100)), None);
        assert!(fault(b"\xff\xd8\xff\xe0 JFIF").is_some_and(|text| text.contains("not PNG")));
        assert!(fault(b"").is_some_and(|text| text.contains("not PNG")));
        assert!(fault(SIGNATURE).is_some_and(|text| text.contains("damaged")));
        assert!(fault(&png(0, 1)).is_some_and(|text| text.contains("damaged")));
        assert!(fault(&png(1, 5000)).is_some_and(|text| text.contains("4096")));
        let mut flipped = png(10, 10);
        flipped[25] ^= 1;
        assert!(fault(&flipped).is_some_and(|text| text.contains("checksum")));
        let mut cut = png(10, 10);
        cut.truncate(30);
        assert!(fault(&cut).is_some_and(|text| text.contains("cut off")));
        let mut large = png(10, 10);
        large.splice(24..24, std::iter::repeat_n(0, IMAGE_LIMIT));
        assert!(fault(&large).is_some_and(|text| text.contains("1 MiB")));
    }
}
