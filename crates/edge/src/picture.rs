//! A stranger's picture becomes two small ones that were made here: what it was made with, where and by what camera is gone,
//! and whatever its bytes would have done to a browser. Sizes are looked at before pixels are.

mod rows;

use std::{
    collections::HashSet,
    io::Cursor,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::webp::WebPEncoder,
    imageops::FilterType, metadata::Orientation,
};
use tokio::sync::Semaphore;
use visavis_domain::{Code, Fault, id::UserId};

use crate::{Edge, problem::Problem};

/// Bytes of a picture (protocol section 2).
const MAX_BYTES: usize = 5 << 20;
/// Pixels of a picture, and of a side.
const MAX_PIXELS: u64 = 50_000_000;
const MAX_SIDE: u32 = 16_384;
/// What decoding may take: four bytes for each pixel of the largest.
const MAX_MEMORY: u64 = 4 * MAX_PIXELS + (8 << 20);
/// Sides of what is made.
pub(crate) const LARGE: u32 = 256;
pub(crate) const SMALL: u32 = 64;
/// Pictures that are decoded at a time in this process: each may take two hundred megabytes.
const AT_ONCE: usize = 1;
/// Longest wait for one's turn: as long as a few of the largest take.
const TURN: Duration = Duration::from_secs(10);
/// Whoever has one being made asks again after this.
const AGAIN_MS: u64 = 2_000;

/// The two that are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) large: Vec<u8>,
    pub(crate) small: Vec<u8>,
}

/// Where pictures wait for their turn: one of each person at a time, so that nobody stands in the queue twice.
#[derive(Debug, Clone)]
pub struct Studio {
    turns: Arc<Semaphore>,
    people: Arc<Mutex<HashSet<UserId>>>,
}

impl Default for Studio {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), people: Arc::default() }
    }
}

/// Somebody's place in the studio, until it is dropped.
#[derive(Debug)]
struct Place {
    user: UserId,
    people: Arc<Mutex<HashSet<UserId>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.user);
    }
}

impl Studio {
    fn place(&self, user: UserId) -> Result<Place, Fault> {
        let new = self.people.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
        if new {
            Ok(Place { user, people: Arc::clone(&self.people) })
        } else {
            Err(Fault::rate_limited(AGAIN_MS))
        }
    }

    pub(crate) async fn make(&self, user: UserId, upload: Upload) -> Result<Made, Fault> {
        let place = self.place(user)?;
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.turns).acquire_owned());
        let Ok(Ok(turn)) = turn.await else { return Err(Fault::unavailable()) };
        // Both are kept to the end, whether somebody still waits for it or not.
        let making = tokio::task::spawn_blocking(move || {
            let made = make(upload.format, &upload.bytes);
            drop((turn, place));
            made
        });
        making.await.map_err(|_| Fault::internal())?
    }
}

/// The raw body of a picture.
#[derive(Debug)]
pub(crate) struct Upload {
    format: ImageFormat,
    bytes: Vec<u8>,
}

impl FromRequest<Edge> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Edge) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let format = match kind.map(|kind| kind.trim().to_ascii_lowercase()).as_deref() {
            Some("image/png") => ImageFormat::Png,
            Some("image/jpeg") => ImageFormat::Jpeg,
            Some("image/webp") => ImageFormat::WebP,
            _ => {
                let detail = "The body must be a picture: image/png, image/jpeg or image/webp.";
                return Err(Fault::new(Code::UnsupportedMediaType, detail).into());
            }
        };
        let body = Limited::new(request.into_body(), MAX_BYTES).collect().await.map_err(|error| {
            if error.downcast_ref::<LengthLimitError>().is_some() {
                too_large("A picture may have at most 5 MiB.")
            } else {
                Fault::bad_request("The body broke off.")
            }
        })?;
        Ok(Self { format, bytes: body.to_bytes().to_vec() })
    }
}

fn too_large(detail: &str) -> Fault {
    Fault::new(Code::PayloadTooLarge, detail)
}

fn make(format: ImageFormat, bytes: &[u8]) -> Result<Made, Fault> {
    let unreadable = |_| Fault::bad_request("That isn't a picture that can be read.");
    let guessed = image::guess_format(bytes).map_err(unreadable)?;
    if guessed != format {
        return Err(Fault::new(
            Code::UnsupportedMediaType,
            "The picture isn't of the type that it is said to be.",
        ));
    }
    let (mut square, turned) =
        if format == ImageFormat::Png { rows::square(bytes)? } else { whole(format, bytes)? };
    square = square.resize_exact(LARGE, LARGE, FilterType::Triangle);
    square.apply_orientation(turned);
    let small = square.resize_exact(SMALL, SMALL, FilterType::Triangle);
    Ok(Made { large: webp(&square)?, small: webp(&small)? })
}

/// The middle square of a picture that has to be there as a whole, and how it is to be turned.
fn whole(format: ImageFormat, bytes: &[u8]) -> Result<(DynamicImage, Orientation), Fault> {
    let unreadable = |_| Fault::bad_request("That isn't a picture that can be read.");
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        image::ImageError::Limits(_) => too_large("A picture may have at most 50 megapixels."),
        error => unreadable(error),
    })?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large("A picture may have at most 50 megapixels."));
    }
    let turned = decoder.orientation().map_err(unreadable)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    // First the middle, then smaller, then turned: each step has less to do.
    let side = width.min(height);
    Ok((picture.crop_imm((width - side) / 2, (height - side) / 2, side, side), turned))
}

/// What is see-through becomes white: it would look different on every page.
fn webp(picture: &DynamicImage) -> Result<Vec<u8>, Fault> {
    let mut flat = picture.to_rgba8();
    for pixel in flat.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0;
        let over = |colour: u8| {
            let mixed = u32::from(colour) * u32::from(alpha) + 255 * u32::from(255 - alpha);
            u8::try_from(mixed / 255).unwrap_or(u8::MAX)
        };
        pixel.0 = [over(red), over(green), over(blue), 255];
    }
    let rgb = DynamicImage::ImageRgba8(flat).to_rgb8();
    let mut bytes = Vec::new();
    let done = WebPEncoder::new_lossless(&mut bytes).encode(
        &rgb,
        rgb.width(),
        rgb.height(),
        image::ExtendedColorType::Rgb8,
    );
    done.map_err(|_| Fault::internal())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Rgb, RgbImage};

    use super::*;

    fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Left half red, right half blue, 400 × 200.
    fn halves() -> RgbImage {
        ImageBuffer::from_fn(400, 200, |x, _| if x < 200 { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) })
    }

    fn read(webp: &[u8]) -> RgbImage {
        image::load_from_memory_with_format(webp, ImageFormat::WebP).unwrap().to_rgb8()
    }

    #[test]
    fn the_middle_is_kept_in_two_sizes_whatever_the_format() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let made = make(format, &encoded(&halves(), format)).unwrap();
            let (large, small) = (read(&made.large), read(&made.small));
            assert_eq!((large.dimensions(), small.dimensions()), ((256, 256), (64, 64)));
            assert!(large.get_pixel(40, 128)[0] > 150 && large.get_pixel(216, 128)[2] > 150, "{format:?}");
            assert!(made.large.len() < 200_000);
        }
    }

    /// A JPEG with an Exif segment that says how it is to be turned (Exif 2.32, tag 0x0112).
    fn turned(orientation: u8) -> Vec<u8> {
        let plain = encoded(&halves(), ImageFormat::Jpeg);
        let tiff = [
            b"MM\0*\0\0\0\x08".as_slice(),
            &[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        let payload = [b"Exif\0\0".as_slice(), &tiff].concat();
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        [&plain[..2], &[0xFF, 0xE1], &length, &payload, &plain[2..]].concat()
    }

    #[test]
    fn a_photo_is_turned_as_its_camera_was_held_and_keeps_nothing_of_it() {
        // Where the red half is: left, right, right, left, top, top, bottom, bottom.
        let red =
            [(40, 128), (216, 128), (216, 128), (40, 128), (128, 40), (128, 40), (128, 216), (128, 216)];
        for (orientation, (x, y)) in (1..).zip(red) {
            let made = make(ImageFormat::Jpeg, &turned(orientation)).unwrap();
            let pixel = *read(&made.large).get_pixel(x, y);
            assert!(pixel[0] > 150 && pixel[2] < 80, "orientation {orientation}: {pixel:?}");
            assert!(!made.large.windows(4).any(|word| word == b"Exif"));
        }
    }

    /// A PNG that says it has these dimensions and holds nothing.
    fn claims(width: u32, height: u32) -> Vec<u8> {
        let mut png = encoded(&RgbImage::new(1, 1), ImageFormat::Png);
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let check = crc(&png[12..29]);
        png[29..33].copy_from_slice(&check.to_be_bytes());
        png
    }

    /// CRC-32 as PNG has it (ISO 3309).
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(
                crc ^ u32::from(*byte),
                |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 },
            )
        })
    }

    #[test]
    fn bombs_are_refused_before_their_pixels_are_looked_at() {
        let code = |format, bytes: &[u8]| make(format, bytes).unwrap_err().code;
        for (width, height) in
            [(60_000, 60_000), (1, 4_000_000_000), (16_385, 1), (16_000, 16_000), (8_000, 8_000)]
        {
            assert_eq!(
                code(ImageFormat::Png, &claims(width, height)),
                Code::PayloadTooLarge,
                "{width} × {height}"
            );
        }
        assert_eq!(code(ImageFormat::Png, &claims(0, 5)), Code::BadRequest);
        assert_eq!(code(ImageFormat::Png, &claims(500, 500)), Code::BadRequest, "nothing in it");
        assert_eq!(code(ImageFormat::Jpeg, &claims(5, 5)), Code::UnsupportedMediaType);
        assert_eq!(code(ImageFormat::Png, b"<svg onload=alert(1)>"), Code::BadRequest);
        assert_eq!(code(ImageFormat::Png, b""), Code::BadRequest);
    }

    fn upload() -> Upload {
        Upload { format: ImageFormat::Png, bytes: encoded(&halves(), ImageFormat::Png) }
    }

    #[tokio::test]
    async fn one_person_waits_for_one_picture_and_takes_nobody_elses_turn() {
        let studio = Studio::default();
        let (ada, bob) = (UserId::from_bits(1), UserId::from_bits(2));
        let busy = Arc::clone(&studio.turns).acquire_owned().await.unwrap();
        let mut ours = tokio::task::JoinSet::new();
        for user in [ada, bob] {
            let studio = studio.clone();
            ours.spawn(async move { studio.make(user, upload()).await.map(drop) });
        }
        while studio.people.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            let again = studio.make(ada, upload()).await.unwrap_err();
            assert_eq!((again.code, again.retry_after_ms), (Code::RateLimited, Some(AGAIN_MS)));
        }
        drop(busy);
        assert_eq!(ours.join_all().await, [Ok(()), Ok(())]);
        studio.make(ada, upload()).await.unwrap();
    }

    #[test]
    fn a_picture_that_is_cut_off_anywhere_is_refused_and_no_panic() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let whole = encoded(&RgbImage::from_pixel(40, 30, Rgb([9, 99, 199])), format);
            for length in 0..whole.len() {
                let _ = make(format, &whole[..length]);
            }
        }
    }
}
