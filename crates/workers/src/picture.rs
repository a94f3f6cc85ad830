//! Pictures as models want them: a VP8 key frame or a WebP still becomes RGB, under limits that hold before anything is
//! decoded.

use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images::Image};
use image_webp::{ColorType, WebPDecoder, WebPEncoder};

use crate::Error;

/// Sides of a picture: the lowest layer of a camera is far smaller, a shared screen may be of this. A header may claim sixteen
/// thousand, and what is larger takes seconds from everybody else.
const MAX_SIDE: u32 = 2_560;
/// Sides of a still that a page sends in: four times what our own sends. Of one colour, four thousand by four thousand fit into a
/// few bytes, and looking at them takes seconds from everybody else.
const MAX_STILL: u32 = 1_280;
/// What decoding may take.
const MAX_MEMORY: usize = 128 << 20;
/// A compressed picture: a key frame of the lowest layer has some kilobytes.
const MAX_BYTES: usize = 4 << 20;

/// Columns of a blurred picture: a face is two or three of them.
const BLURRED_WIDTH: u32 = 48;
/// Sides of what is looked at to tell pictures apart.
const PRINT_SIDE: u32 = 16;
/// Difference of light, of 255, below which nothing is to be seen.
const BLANK: u16 = 12;

/// Rows of red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Three bytes each.
    pub rgb: Vec<u8>,
}

/// A part of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Picture {
    /// A key frame as it came out of RTP (RFC 6386): a lossy WebP is one behind a header of twenty bytes.
    ///
    /// # Errors
    /// When it isn't one, is larger than a camera's, or is broken.
    pub fn from_vp8(frame: &[u8]) -> Result<Self, Error> {
        if frame.len() > MAX_BYTES {
            return Err(Error::Sample("too large"));
        }
        // Start code and sizes stand in the first ten bytes; a frame that isn't a key frame has none.
        if frame.len() < 10 || frame[0] & 1 != 0 || frame[3..6] != [0x9D, 0x01, 0x2A] {
            return Err(Error::Sample("no VP8 key frame"));
        }
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let padding = length & 1;
        let mut webp = Vec::with_capacity(frame.len() + 21);
        webp.extend_from_slice(b"RIFF");
        webp.extend_from_slice(&(length + padding + 12).to_le_bytes());
        webp.extend_from_slice(b"WEBPVP8 ");
        webp.extend_from_slice(&length.to_le_bytes());
        webp.extend_from_slice(frame);
        webp.extend(std::iter::repeat_n(0, padding as usize));
        Self::from_webp(&webp)
    }

    /// A still, as a viewer's page sends it.
    ///
    /// # Errors
    /// When it isn't one, is larger than a camera's, or is broken.
    pub fn from_webp(bytes: &[u8]) -> Result<Self, Error> {
        Self::of_webp(bytes, MAX_SIDE)
    }

    fn of_webp(bytes: &[u8], most: u32) -> Result<Self, Error> {
        let broken = |_| Error::Sample("a broken picture");
        if bytes.len() > MAX_BYTES + 21 {
            return Err(Error::Sample("too large"));
        }
        let mut decoder = WebPDecoder::new(std::io::Cursor::new(bytes)).map_err(broken)?;
        decoder.set_memory_limit(MAX_MEMORY);
        let (width, height) = decoder.dimensions();
        if width == 0 || height == 0 || width > most || height > most {
            return Err(Error::Sample("larger than a camera's"));
        }
        let size = decoder.output_buffer_size().ok_or(Error::Sample("too large"))?;
        let mut rgb = vec![0; size];
        decoder.read_image(&mut rgb).map_err(broken)?;
        if decoder.has_alpha() {
            rgb = rgb.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        }
        Ok(Self { width, height, rgb })
    }

    /// A still of either kind that pages send: JPEG or WebP.
    ///
    /// # Errors
    /// When it is neither, is larger than a camera's, or is broken.
    pub fn from_still(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.starts_with(b"RIFF") {
            return Self::of_webp(bytes, MAX_STILL);
        }
        let broken = |_| Error::Sample("a broken picture");
        if bytes.len() > MAX_BYTES {
            return Err(Error::Sample("too large"));
        }
        let mut limits = image::Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(MAX_STILL), Some(MAX_STILL));
        limits.max_alloc = Some(MAX_MEMORY as u64);
        let mut reader =
            image::ImageReader::with_format(std::io::Cursor::new(bytes), image::ImageFormat::Jpeg);
        reader.limits(limits);
        let rgb = reader.decode().map_err(broken)?.into_rgb8();
        Ok(Self { width: rgb.width(), height: rgb.height(), rgb: rgb.into_raw() })
    }

    /// As WebP, with so few points that what happens is seen and who it is isn't. What isn't in them can't be brought back.
    ///
    /// # Errors
    /// When it can't be made smaller or written.
    pub fn blurred(&self) -> Result<Vec<u8>, Error> {
        let height = (u64::from(BLURRED_WIDTH) * u64::from(self.height) / u64::from(self.width)).clamp(1, 96);
        let height = u32::try_from(height).unwrap_or(1);
        let small = self.sized(self.whole(), BLURRED_WIDTH, height)?;
        let mut webp = Vec::new();
        WebPEncoder::new(&mut webp)
            .encode(&small, BLURRED_WIDTH, height, ColorType::Rgb8)
            .map_err(|err| Error::Run(err.to_string()))?;
        Ok(webp)
    }

    /// Nothing is to be seen: dark, or one colour, as from a covered lens.
    pub fn is_blank(&self) -> bool {
        let Ok(small) = self.square(self.whole(), PRINT_SIDE) else { return false };
        let light: Vec<u16> =
            small.chunks_exact(3).map(|p| p.iter().map(|c| u16::from(*c)).sum::<u16>() / 3).collect();
        let (least, most) = (light.iter().min(), light.iter().max());
        least.zip(most).is_some_and(|(least, most)| most - least < BLANK)
    }

    /// The same for the same picture, and for no other that a living camera makes: its noise is in it.
    pub fn print(&self) -> u64 {
        // FNV-1a.
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        self.square(self.whole(), PRINT_SIDE).map_or(0, |small| small.iter().fold(0xCBF2_9CE4_8422_2325, mix))
    }

    pub(crate) fn whole(&self) -> Part {
        Part { left: 0.0, top: 0.0, width: self.width.into(), height: self.height.into() }
    }

    /// The four quarters.
    pub(crate) fn quarters(&self) -> [Part; 4] {
        let Part { width, height, .. } = self.whole();
        let (width, height) = (width / 2.0, height / 2.0);
        [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)].map(|(left, top)| Part {
            left,
            top,
            width,
            height,
        })
    }

    /// A part of it, squashed into a square.
    pub(crate) fn square(&self, part: Part, side: u32) -> Result<Vec<u8>, Error> {
        self.sized(part, side, side)
    }

    fn sized(&self, part: Part, width: u32, height: u32) -> Result<Vec<u8>, Error> {
        let failed = |err: &dyn std::fmt::Display| Error::Run(err.to_string());
        let from = Image::from_vec_u8(self.width, self.height, self.rgb.clone(), PixelType::U8x3)
            .map_err(|err| failed(&err))?;
        let mut into = Image::new(width, height, PixelType::U8x3);
        let options = ResizeOptions::new()
            .crop(part.left, part.top, part.width, part.height)
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize(&from, &mut into, &options).map_err(|err| failed(&err))?;
        Ok(into.into_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: Result<Picture, Error>) -> String {
        result.err().map(|err| err.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_is_no_key_frame_or_claims_to_be_huge_is_refused_before_it_is_decoded() {
        assert_eq!(refused(Picture::from_vp8(&[])), "the sample is no VP8 key frame");
        assert_eq!(refused(Picture::from_vp8(&[1; 40])), "the sample is no VP8 key frame");
        // 16383 × 16383, the most that the header can say.
        let mut huge = vec![0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F];
        huge.extend([0; 200]);
        assert_eq!(refused(Picture::from_vp8(&huge)), "the sample is larger than a camera's");
        assert_eq!(refused(Picture::from_vp8(&vec![0; MAX_BYTES + 1])), "the sample is too large");
        assert_eq!(refused(Picture::from_webp(b"RIFF....WEBP")), "the sample is a broken picture");
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let noise =
            (0..u32::from(width) * u32::from(height) * 3).map(|i| u8::try_from(i * 37 % 251).unwrap());
        let (mut jpeg, rgb) = (Vec::new(), noise.collect::<Vec<u8>>());
        let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
        encoder.encode(&rgb, width.into(), height.into(), image::ExtendedColorType::Rgb8).unwrap();
        jpeg
    }

    /// A still that claims another size.
    fn claims(mut jpeg: Vec<u8>, side: u16) -> Vec<u8> {
        let frame = jpeg.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap();
        jpeg[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
        jpeg[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
        jpeg
    }

    #[test]
    fn a_still_of_either_kind_is_read_by_its_content() {
        let picture = Picture::from_still(&jpeg(64, 48)).unwrap();
        assert_eq!((picture.width, picture.height, picture.rgb.len()), (64, 48, 64 * 48 * 3));
        let webp = Picture { width: 8, height: 8, rgb: vec![9; 8 * 8 * 3] }.blurred().unwrap();
        assert!(Picture::from_still(&webp).is_ok());
    }

    #[test]
    fn a_still_that_claims_to_be_huge_is_refused_before_it_is_decoded() {
        for side in [4_097, 16_000, u16::MAX] {
            assert_eq!(
                refused(Picture::from_still(&claims(jpeg(16, 16), side))),
                "the sample is a broken picture"
            );
        }
        // A WebP without loss whose header says 16384 × 16384, and one of the extended kind.
        let chunk = |name: &[u8], data: &[u8]| {
            let length = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
            let (whole, part) = (length(data.len() + 12), length(data.len()));
            [b"RIFF", &whole[..], b"WEBP", name, &part[..], data].concat()
        };
        let lossless = [&[0x2F, 0xFF, 0xFF, 0xFF, 0x0F][..], &[0; 64]].concat();
        assert_eq!(
            refused(Picture::from_still(&chunk(b"VP8L", &lossless))),
            "the sample is larger than a camera's"
        );
        let extended = [&[0; 4][..], &[0xFF; 3], &[0xFF; 3]].concat();
        assert!(Picture::from_still(&chunk(b"VP8X", &extended)).is_err());
    }

    #[test]
    fn a_still_that_is_cut_off_anywhere_is_an_error_or_half_a_picture_and_no_panic() {
        let webp = Picture {
            width: 40,
            height: 30,
            rgb: (0..3_600_u32).map(|i| u8::try_from(i % 251).unwrap()).collect(),
        };
        for whole in [jpeg(40, 30), webp.blurred().unwrap()] {
            for length in 0..whole.len() {
                let _ = Picture::from_still(&whole[..length]);
            }
        }
    }

    #[test]
    fn a_blurred_picture_keeps_its_colours_and_nothing_fine() {
        let stripe = |x: u32| if x.is_multiple_of(2) { [255, 0, 0] } else { [255, 255, 255] };
        let rgb = (0..360_u32).flat_map(|_| (0..640_u32).flat_map(stripe)).collect();
        let picture = Picture { width: 640, height: 360, rgb };
        let small = Picture::from_webp(&picture.blurred().unwrap()).unwrap();
        assert_eq!((small.width, small.height), (48, 27));
        assert!(
            small.rgb.chunks_exact(3).all(|p| p[0] > 250 && (110..145).contains(&p[1])),
            "the stripes are gone"
        );
        let tall = Picture { width: 90, height: 1600, rgb: vec![9; 90 * 1600 * 3] };
        assert_eq!(Picture::from_webp(&tall.blurred().unwrap()).unwrap().height, 96);
    }

    #[test]
    fn a_covered_lens_is_blank_and_two_pictures_have_two_prints() {
        let noise = |seed: u32| Picture {
            width: 64,
            height: 48,
            rgb: (0..64 * 48 * 3_u32).map(|i| u8::try_from((i * 31 + seed) * 7_919 % 251).unwrap()).collect(),
        };
        let dark = Picture { width: 64, height: 48, rgb: vec![6; 64 * 48 * 3] };
        let half = Picture { rgb: [vec![6; 64 * 24 * 3], vec![90; 64 * 24 * 3]].concat(), ..dark.clone() };
        assert!(dark.is_blank() && !half.is_blank());
        assert_eq!(noise(1).print(), noise(1).print());
        assert_ne!(noise(1).print(), half.print());
    }

    #[test]
    fn a_key_frame_that_is_cut_off_anywhere_is_an_error_and_no_panic() {
        let mut frame = vec![0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 64, 0, 64, 0];
        frame.extend((0..400_u32).map(|i| u8::try_from(i * 37 % 251).unwrap()));
        for length in 0..frame.len() {
            let _ = Picture::from_vp8(&frame[..length]);
        }
    }
}
