//! Profiles as QR codes.

use std::fmt::Write as _;

use axum::http::StatusCode;
use fast_qr::{ECL, QRBuilder, QRCode};

use crate::error::ApiError;

/// Pixels of one module of the code.
const SCALE: usize = 6;
/// Modules that stay white around the code (ISO/IEC 18004, section 6.3.8).
const QUIET: usize = 4;

/// A text as a QR code: with medium error correction, or with little where it fits only then.
pub(crate) struct Qr(QRCode);

impl Qr {
    /// The code of a text; none where the text is longer than a code can hold (about 2,950 bytes).
    pub(crate) fn of(text: &str) -> Option<Self> {
        [ECL::M, ECL::L]
            .into_iter()
            .find_map(|level| QRBuilder::new(text).ecl(level).build().ok())
            .map(Self)
    }

    /// The same for a request that asked for nothing else.
    ///
    /// # Errors
    /// 409 `profile_too_long`.
    pub(crate) fn wanted(text: &str) -> Result<Self, ApiError> {
        Self::of(text).ok_or_else(|| {
            ApiError::new(
                StatusCode::CONFLICT,
                "profile_too_long",
                "the profile is longer than a QR code can hold: fetch it as text",
            )
        })
    }

    /// Pixels of a side of the picture.
    fn side(&self) -> usize {
        (self.0.size + 2 * QUIET) * SCALE
    }

    /// The dark modules of each row.
    fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = usize>> {
        (0..self.0.size).map(|y| {
            let row = self.0[y].iter().take(self.0.size);
            row.enumerate().filter(|(_, module)| module.value()).map(|(x, _)| x)
        })
    }

    /// As SVG.
    pub(crate) fn svg(&self) -> String {
        let side = self.side();
        let mut dark = String::new();
        for (row, y) in self.rows().zip((QUIET * SCALE..).step_by(SCALE)) {
            for x in row.map(|x| (x + QUIET) * SCALE) {
                // Writing to a string does not fail.
                let _ = write!(dark, "M{x} {y}h{SCALE}v{SCALE}H{x}V{y}");
            }
        }
        format!(
            "<?xml version=\"1.0\" standalone=\"yes\"?>\
             <svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"{side}\" \
             height=\"{side}\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
             <path fill=\"#000\" d=\"{dark}\"/></svg>"
        )
    }

    /// As PNG, black on white.
    ///
    /// # Errors
    /// Where the encoder fails, which it has no reason to.
    pub(crate) fn png(&self) -> Result<Vec<u8>, ApiError> {
        let side = self.side();
        // Eight pixels a byte, the leftmost in the highest bit; white is 1.
        let line = side.div_ceil(8);
        let white = |pixels: usize| vec![0xff; line * pixels];
        let mut rows = white(QUIET * SCALE);
        for row in self.rows() {
            let mut pixels = white(1);
            for x in row.flat_map(|x| (x + QUIET) * SCALE..(x + QUIET + 1) * SCALE) {
                if let Some(byte) = pixels.get_mut(x / 8) {
                    *byte &= !(0x80 >> (x % 8));
                }
            }
            rows.extend(pixels.repeat(SCALE));
        }
        rows.extend(white(QUIET * SCALE));
        encode(side, &rows).map_err(|e| ApiError::internal(&e))
    }
}

fn encode(side: usize, rows: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let side = u32::try_from(side).map_err(std::io::Error::other)?;
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    // Most rows are like the one above.
    encoder.set_filter(png::Filter::Up);
    encoder.set_deflate_compression(png::DeflateCompression::FdeflateUltraFast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rows)?;
    writer.finish()?;
    Ok(bytes)
}
