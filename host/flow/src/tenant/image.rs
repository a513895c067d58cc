//! Images of a template: are they PNG, small enough for a phone, and large enough for what it draws?
//!
//! Owns the look at a file's head. Does not own the pixels: nothing here is decoded, so a hostile image costs a checksum.

/// An image of a pass at three times its size is about 200 KB; Apple names no limit, and a package is signed and sent at every update.
pub const IMAGE_LIMIT: usize = 1024 * 1024;

/// The largest image of a pass is 358 x 448 points (artwork), 1074 x 1344 pixels at three times; Google's hero image is 1032 wide. Anything far
/// above was exported for print.
const LONGEST_SIDE: u32 = 4096;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// What Apple draws, in points: width and height, and whether an image fills them or has them as its limits. From Apple's Pass Builder; the strip of an
/// event ticket is lower than others, 98 points, which is taken here.
const SIZES: [(&str, u32, u32, bool); 9] = [
    ("icon", 38, 38, true),
    ("logo", 160, 50, false),
    ("strip", 375, 98, true),
    ("thumbnail", 90, 90, false),
    ("background", 345, 505, true),
    ("artwork", 358, 448, true),
    ("footer", 286, 15, false),
    ("primaryLogo", 126, 30, false),
    ("secondaryLogo", 135, 12, false),
];

/// An image that the phone would have to enlarge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall {
    pub pixels: (u32, u32),
    /// What is drawn at the image's scale.
    pub drawn: (u32, u32),
}

/// `name` relative to the folder of images. None where it is large enough, or nothing that a phone draws.
pub fn too_small(name: &str, content: &[u8]) -> Option<TooSmall> {
    let stem = name.rsplit('/').next()?.strip_suffix(".png")?;
    let scaled = [("@3x", 3), ("@2x", 2)].iter().find_map(|(suffix, scale)| Some((stem.strip_suffix(suffix)?, *scale)));
    let (stem, scale) = scaled.unwrap_or((stem, 1));
    let (_, width, height, fills) = SIZES.iter().find(|(name, ..)| *name == stem)?;
    let drawn = (width * scale, height * scale);
    let pixels = sides(content)?;
    let (narrow, low) = (pixels.0 < drawn.0, pixels.1 < drawn.1);
    // What is as wide or as high as its place allows cannot be larger in the other direction.
    let small = if *fills { narrow || low } else { narrow && low };
    small.then_some(TooSmall { pixels, drawn })
}

/// Signature, length (13), "IHDR", width, height.
fn sides(content: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| content.get(at..)?.first_chunk::<4>().map(|side| u32::from_be_bytes(*side));
    Some((side(16)?, side(20)?))
}

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
    fn an_image_that_a_phone_would_enlarge_is_told() {
        let too_small = |name: &str, width, height| {
            super::too_small(name, &png(width, height)).map(|small| (small.pixels, small.drawn))
        };
        assert_eq!(too_small("icon@3x.png", 7, 7), Some(((7, 7), (114, 114))));
        assert_eq!(too_small("fr.lproj/icon@2x.png", 76, 75), Some(((76, 75), (76, 76))));
        assert_eq!(too_small("strip.png", 375, 97), Some(((375, 97), (375, 98))));
        assert_eq!(too_small("logo@2x.png", 319, 99), Some(((319, 99), (320, 100))));
        for (name, width, height) in [
            ("icon.png", 38, 38),
            ("strip@3x.png", 1125, 294),
            ("logo.png", 50, 50),
            ("logo.png", 160, 20),
            ("x.png", 1, 1),
        ] {
            assert_eq!(too_small(name, width, height), None, "{name}");
        }
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
