//! The smaller sizes of an image, made of the largest that a template has.
//!
//! Owns which sizes are missing and the reduction. Does not own the names (the template's compiler) nor the files (`tenant`), which are never
//! written. Done once per template, when a server loads it or by its first pass. Nothing is enlarged: a phone does that as well as we would. Bounded by the 4096 pixels and
//! the 1 MiB that an image may have.

use std::collections::BTreeMap;
use std::io::Cursor;

use bytes::Bytes;
use image::imageops::{FilterType, resize};
use image::{ImageFormat, RgbaImage};

const SCALES: [(&str, u32); 3] = [("", 1), ("@2x", 2), ("@3x", 3)];

/// Names of images whose pixels cannot be read, although their form is right (`tenant::image`).
pub(crate) fn unreadable(images: &BTreeMap<String, Bytes>) -> Vec<String> {
    let broken = |image: &Bytes| image::load_from_memory_with_format(image, ImageFormat::Png).is_err();
    images.iter().filter(|(_, image)| broken(image)).map(|(name, _)| name.clone()).collect()
}

/// The images, and every smaller size of theirs that is not among them.
pub(super) fn with_smaller(images: &BTreeMap<String, Bytes>) -> BTreeMap<String, Bytes> {
    let mut all = images.clone();
    for (name, image) in images {
        let Some((stem, scale)) = scale_of(name) else { continue };
        // Only of the largest.
        let larger = SCALES.iter().filter(|(_, factor)| *factor > scale);
        if larger.clone().any(|(suffix, _)| images.contains_key(&format!("{stem}{suffix}.png"))) {
            continue;
        }
        let missing = SCALES.iter().filter(|(_, factor)| *factor < scale);
        let missing = missing.map(|(suffix, factor)| (format!("{stem}{suffix}.png"), *factor));
        let missing: Vec<_> = missing.filter(|(name, _)| !images.contains_key(name)).collect();
        if missing.is_empty() {
            continue;
        }
        // One that cannot be read goes into the package as it is: the phone decides.
        let Ok(read) = image::load_from_memory_with_format(image, ImageFormat::Png) else { continue };
        let premultiplied = premultiply(read.into_rgba8());
        for (name, factor) in missing {
            all.extend(reduced(&premultiplied, factor, scale).map(|smaller| (name, smaller)));
        }
    }
    all
}

/// `fr.lproj/logo@2x.png` is `fr.lproj/logo` at 2.
fn scale_of(name: &str) -> Option<(&str, u32)> {
    let stem = name.strip_suffix(".png")?;
    let suffixed = SCALES.iter().skip(1).find_map(|(suffix, factor)| Some((stem.strip_suffix(suffix)?, *factor)));
    suffixed.or(Some((stem, 1)))
}

fn reduced(image: &RgbaImage, factor: u32, of: u32) -> Option<Bytes> {
    let side = |pixels: u32| (pixels * factor).div_ceil(of).max(1);
    let smaller = resize(image, side(image.width()), side(image.height()), FilterType::Lanczos3);
    let mut png = Cursor::new(Vec::new());
    divide(smaller).write_to(&mut png, ImageFormat::Png).ok()?;
    Some(png.into_inner().into())
}

/// The colour of a transparent pixel means nothing and must not bleed into its neighbours.
fn premultiply(mut image: RgbaImage) -> RgbaImage {
    for pixel in image.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0;
        let times = |colour: u8| u8::try_from(u32::from(colour) * u32::from(alpha) / 255).unwrap_or(255);
        pixel.0 = [times(red), times(green), times(blue), alpha];
    }
    image
}

fn divide(mut image: RgbaImage) -> RgbaImage {
    for pixel in image.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0;
        let by = |colour: u8| match alpha {
            0 => 0,
            alpha => u8::try_from(u32::from(colour) * 255 / u32::from(alpha)).unwrap_or(255),
        };
        pixel.0 = [by(red), by(green), by(blue), alpha];
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, colour: [u8; 4]) -> Bytes {
        let mut png = Cursor::new(Vec::new());
        RgbaImage::from_pixel(width, height, image::Rgba(colour)).write_to(&mut png, ImageFormat::Png).unwrap();
        png.into_inner().into()
    }

    fn size(image: &Bytes) -> (u32, u32) {
        let image = image::load_from_memory_with_format(image, ImageFormat::Png).unwrap();
        (image.width(), image.height())
    }

    #[test]
    fn what_is_missing_is_made_of_the_largest_and_what_is_there_stays() {
        let red = [200, 0, 0, 255];
        let given = [
            ("icon@3x.png", png(114, 114, red)),
            ("logo@3x.png", png(480, 150, red)),
            ("logo.png", png(160, 50, [0, 0, 200, 255])),
            ("fr.lproj/strip@2x.png", png(750, 287, red)),
            ("thumbnail.png", png(90, 90, red)),
            ("background@2x.png", Bytes::from_static(b"\x89PNG\r\n\x1a\nno image")),
        ];
        let given: BTreeMap<String, Bytes> = given.map(|(name, image)| (name.to_owned(), image)).into();
        let all = with_smaller(&given);
        let names: Vec<&str> = all.keys().map(String::as_str).filter(|name| !given.contains_key(*name)).collect();
        assert_eq!(names, ["fr.lproj/strip.png", "icon.png", "icon@2x.png", "logo@2x.png"]);
        assert!(given.iter().all(|(name, image)| all[name] == *image));
        assert_eq!((size(&all["icon.png"]), size(&all["icon@2x.png"])), ((38, 38), (76, 76)));
        assert_eq!((size(&all["logo@2x.png"]), size(&all["fr.lproj/strip.png"])), ((320, 100), (375, 144)));
        let icon = image::load_from_memory(&all["icon.png"]).unwrap().into_rgba8();
        assert_eq!(icon.get_pixel(19, 19).0, red);
        assert_eq!(with_smaller(&given), all, "equal inputs give equal bytes");
    }

    #[test]
    fn transparent_pixels_do_not_bleed() {
        // Left half opaque red, right half transparent green.
        let mut drawn = RgbaImage::from_pixel(30, 3, image::Rgba([255, 0, 0, 255]));
        for pixel in drawn.enumerate_pixels_mut().filter(|(x, ..)| *x >= 15).map(|(_, _, pixel)| pixel) {
            pixel.0 = [0, 255, 0, 0];
        }
        let mut bytes = Cursor::new(Vec::new());
        drawn.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let all = with_smaller(&BTreeMap::from([("icon@3x.png".to_owned(), bytes.into_inner().into())]));
        let small = image::load_from_memory(&all["icon.png"]).unwrap().into_rgba8();
        assert!(small.pixels().all(|pixel| pixel.0[1] == 0), "green shows");
    }
}
