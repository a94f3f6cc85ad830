//! Whoever sends a picture to be kept has blurred it before. Here that is made sure of, whoever sends: it is read under limits,
//! brought down to a size in which a face is two or three dots, and written anew, so that nothing rides along.

use std::io::Cursor;

use image_webp::{ColorType, WebPDecoder, WebPEncoder};

/// Columns of what is kept, and the most rows.
const WIDTH: u32 = 48;
const MAX_HEIGHT: u32 = 96;
/// The most that is read: what comes in is small already.
const MAX_SIDE: u32 = 1_920;
const MAX_BYTES: usize = 64 * 1024;

/// The picture as it is kept. Nothing of what isn't a WebP, or too large.
pub(super) fn blurred(webp: &[u8]) -> Option<Vec<u8>> {
    if webp.len() > MAX_BYTES {
        return None;
    }
    let mut decoder = WebPDecoder::new(Cursor::new(webp)).ok()?;
    let (width, height) = decoder.dimensions();
    if decoder.is_animated() || width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
        return None;
    }
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let mut pixels = vec![0; decoder.output_buffer_size()?];
    decoder.read_image(&mut pixels).ok()?;
    let small_width = width.min(WIDTH);
    let small_height =
        (u64::from(small_width) * u64::from(height) / u64::from(width)).clamp(1, MAX_HEIGHT.into());
    let small_height = u32::try_from(small_height).ok()?.min(height);
    let mut small = Vec::with_capacity(usize::try_from(small_width * small_height * 3).ok()?);
    for row in 0..small_height {
        for column in 0..small_width {
            let across = (column * width / small_width, (column + 1) * width / small_width);
            let down = (row * height / small_height, (row + 1) * height / small_height);
            small.extend(mean(&pixels, channels, width, across, down)?);
        }
    }
    let mut out = Vec::new();
    WebPEncoder::new(&mut out).encode(&small, small_width, small_height, ColorType::Rgb8).ok()?;
    Some(out)
}

/// The mean colour of a part.
fn mean(
    pixels: &[u8],
    channels: u32,
    width: u32,
    (left, right): (u32, u32),
    (top, bottom): (u32, u32),
) -> Option<[u8; 3]> {
    let mut sums = [0_u64; 3];
    for y in top..bottom {
        for x in left..right {
            let at = usize::try_from((y * width + x) * channels).ok()?;
            for (sum, byte) in sums.iter_mut().zip(pixels.get(at..at + 3)?) {
                *sum += u64::from(*byte);
            }
        }
    }
    let count = u64::from((right - left) * (bottom - top)).max(1);
    Some(sums.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webp(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
        let pixel = &pixel;
        let rgb: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
        let mut out = Vec::new();
        WebPEncoder::new(&mut out).encode(&rgb, width, height, ColorType::Rgb8).unwrap();
        out
    }

    fn read(webp: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut decoder = WebPDecoder::new(Cursor::new(webp)).unwrap();
        let (width, height) = decoder.dimensions();
        let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
        decoder.read_image(&mut pixels).unwrap();
        (width, height, pixels)
    }

    #[test]
    fn a_sharp_picture_is_kept_without_its_detail() {
        let stripes = webp(640, 360, |x, _| if x % 2 == 0 { [255, 0, 0] } else { [255, 255, 255] });
        let (width, height, pixels) = read(&blurred(&stripes).unwrap());
        assert_eq!((width, height), (48, 27));
        assert!(
            pixels.chunks_exact(3).all(|p| p[0] > 250 && (100..155).contains(&p[1])),
            "the stripes are gone"
        );
    }

    #[test]
    fn what_is_blurred_already_stays_as_it_is() {
        let small = webp(48, 27, |x, y| [u8::try_from(x * 5).unwrap(), u8::try_from(y * 9).unwrap(), 7]);
        assert_eq!(read(&blurred(&small).unwrap()), read(&small));
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_not_kept_and_no_panic() {
        let good = webp(64, 64, |x, y| [u8::try_from(x).unwrap(), u8::try_from(y).unwrap(), 9]);
        for length in 0..good.len() {
            let _ = blurred(&good[..length]);
        }
        assert_eq!(blurred(b"GIF89a"), None);
        assert_eq!(blurred(&vec![0; MAX_BYTES + 1]), None);
        assert_eq!(blurred(&webp(2_000, 2, |_, _| [0, 0, 0])), None);
        assert!(blurred(&webp(1, 1_900, |_, _| [1, 2, 3])).is_some());
    }
}
