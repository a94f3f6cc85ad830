//! A PNG row by row: its middle square, made smaller while it is read, so that fifty megapixels take no more memory than a few
//! rows of them. What else is in the file (texts, profiles) isn't unpacked at all.

use std::io::Cursor;

use image::{DynamicImage, RgbaImage, metadata::Orientation};
use png::{ColorType, Decoder, DecodingError, Limits, Reader, Transformations};
use visavis_domain::Fault;

use super::{LARGE, MAX_PIXELS, MAX_SIDE, too_large};

/// Beside the rows: an interlaced picture has to be there as a whole.
const MAX_INTERLACED: u64 = 12_000_000;
const MAX_MEMORY: usize = 56 << 20;
/// The square comes out with at least twice the pixels of a side that are wanted, where it has them.
const ENOUGH: u32 = 2 * LARGE;

/// The middle square, and how it is to be turned.
pub(super) fn square(bytes: &[u8]) -> Result<(DynamicImage, Orientation), Fault> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MAX_MEMORY });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let head = decoder.read_header_info().map_err(|error| unreadable(&error))?;
    let pixels = u64::from(head.width) * u64::from(head.height);
    if head.width > MAX_SIDE || head.height > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(too_large("A picture may have at most 50 megapixels."));
    }
    if head.interlaced && pixels > MAX_INTERLACED {
        return Err(too_large("An interlaced picture may have at most 12 megapixels."));
    }
    let mut reader = decoder.read_info().map_err(|error| unreadable(&error))?;
    let info = reader.info();
    let (width, height, interlaced) = (info.width, info.height, info.interlaced);
    let turned = info.exif_metadata.as_ref().and_then(|exif| Orientation::from_exif_chunk(exif));
    let mut shrink = Shrink::new(width, height, reader.output_color_type().0)?;
    if interlaced {
        let size = reader.output_buffer_size().ok_or_else(broken)?;
        let mut whole = vec![0; size];
        reader.next_frame(&mut whole).map_err(|error| unreadable(&error))?;
        let line = reader.output_line_size(width).ok_or_else(broken)?;
        whole.chunks_exact(line).for_each(|row| shrink.take(row));
    } else {
        rows(&mut reader, &mut shrink)?;
    }
    Ok((shrink.done()?, turned.unwrap_or(Orientation::NoTransforms)))
}

fn rows(reader: &mut Reader<Cursor<&[u8]>>, shrink: &mut Shrink) -> Result<(), Fault> {
    while let Some(row) = reader.next_row().map_err(|error| unreadable(&error))? {
        shrink.take(row.data());
    }
    Ok(())
}

/// Gathers `step` × `step` pixels of the middle square into one.
struct Shrink {
    channels: usize,
    /// Where the square begins, and how large it is.
    left: usize,
    top: usize,
    side: usize,
    step: usize,
    row: usize,
    /// Sums of the pixels that are being gathered, four channels each.
    sums: Vec<u32>,
    out: Vec<u8>,
}

impl Shrink {
    fn new(width: u32, height: u32, colours: ColorType) -> Result<Self, Fault> {
        let channels = match colours {
            ColorType::Grayscale => 1,
            ColorType::GrayscaleAlpha => 2,
            ColorType::Rgb => 3,
            ColorType::Rgba => 4,
            // The transformation has put colours in place of their numbers.
            ColorType::Indexed => return Err(broken()),
        };
        let side = width.min(height);
        let step = (side / ENOUGH).max(1) as usize;
        let made = side as usize / step;
        Ok(Self {
            channels,
            left: (width - side) as usize / 2,
            top: (height - side) as usize / 2,
            side: made * step,
            step,
            row: 0,
            sums: vec![0; made * 4],
            out: Vec::with_capacity(made * made * 4),
        })
    }

    fn take(&mut self, row: &[u8]) {
        let at = self.row;
        self.row += 1;
        if at < self.top || at >= self.top + self.side {
            return;
        }
        let pixels = row.chunks_exact(self.channels).skip(self.left).take(self.side);
        for (n, pixel) in pixels.enumerate() {
            let rgba = match *pixel {
                [grey] => [grey, grey, grey, 255],
                [grey, alpha] => [grey, grey, grey, alpha],
                [red, green, blue] => [red, green, blue, 255],
                [red, green, blue, alpha] => [red, green, blue, alpha],
                _ => return,
            };
            let sums = &mut self.sums[n / self.step * 4..][..4];
            sums.iter_mut().zip(rgba).for_each(|(sum, value)| *sum += u32::from(value));
        }
        if (at - self.top + 1).is_multiple_of(self.step) {
            let count = u32::try_from(self.step * self.step).unwrap_or(u32::MAX);
            let mean = |sum: &mut u32| u8::try_from(std::mem::take(sum) / count).unwrap_or(u8::MAX);
            self.out.extend(self.sums.iter_mut().map(mean));
        }
    }

    fn done(self) -> Result<DynamicImage, Fault> {
        let side = u32::try_from(self.side / self.step).map_err(|_| broken())?;
        RgbaImage::from_raw(side, side, self.out).map(DynamicImage::ImageRgba8).ok_or_else(broken)
    }
}

fn broken() -> Fault {
    Fault::bad_request("That isn't a picture that can be read.")
}

fn unreadable(error: &DecodingError) -> Fault {
    match error {
        DecodingError::LimitsExceeded => too_large("The picture takes too much to read."),
        _ => broken(),
    }
}
