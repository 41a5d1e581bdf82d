//! Profiles as QR codes.

use axum::http::StatusCode;
use qrcode::{Color, EcLevel, QrCode, render::svg};

use crate::error::ApiError;

/// Pixels of one module of the code.
const SCALE: usize = 6;
/// Modules that stay white around the code (ISO/IEC 18004, section 6.3.8).
const QUIET: usize = 4;

/// A text as a QR code: with medium error correction, or with little where it fits only then.
pub(crate) struct Qr(QrCode);

impl Qr {
    /// The code of a text; none where the text is longer than a code can hold (about 2,950 bytes).
    pub(crate) fn of(text: &str) -> Option<Self> {
        [EcLevel::M, EcLevel::L]
            .into_iter()
            .find_map(|level| QrCode::with_error_correction_level(text, level).ok())
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

    /// As SVG.
    pub(crate) fn svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().quiet_zone(true).min_dimensions(256, 256).build()
    }

    /// As PNG, black on white.
    ///
    /// # Errors
    /// Where the encoder fails, which it has no reason to.
    pub(crate) fn png(&self) -> Result<Vec<u8>, ApiError> {
        let modules = self.0.width();
        let side = (modules + 2 * QUIET) * SCALE;
        let module = |pixel: usize| (pixel / SCALE).checked_sub(QUIET).filter(|m| *m < modules);
        let is_white = |x: usize, y: usize| {
            module(x).zip(module(y)).is_none_or(|at| self.0[at] == Color::Light)
        };
        let mut rows = Vec::with_capacity(side * side.div_ceil(8));
        for y in 0..side {
            // Eight pixels a byte, the leftmost in the highest bit.
            for first in (0..side).step_by(8) {
                let bits = (first..side.min(first + 8)).filter(|x| is_white(*x, y));
                rows.push(bits.fold(0_u8, |byte, x| byte | 0x80 >> (x - first)));
            }
        }
        encode(side, &rows).map_err(|e| ApiError::internal(&e))
    }
}

fn encode(side: usize, rows: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let side = u32::try_from(side).map_err(std::io::Error::other)?;
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rows)?;
    writer.finish()?;
    Ok(bytes)
}
