//! A client's configuration as text and as a picture, which is drawn while the client is stored.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use nexavpn_commands::{Meanwhile, Secret};
use serde::Serialize;
use tokio::task::{JoinHandle, spawn_blocking};

use super::error::DialectError;
use crate::{App, error::ApiError, routes::views::Qr};

/// The file for WireGuard, and the same as an image.
#[derive(Debug, Serialize)]
pub(super) struct Configuration {
    configuration: String,
    /// A PNG as a data URL; null where the file is longer than a QR code can hold.
    #[serde(rename = "qrcodeDataURL")]
    qrcode_data_url: Option<String>,
}

impl Configuration {
    pub(super) fn new(configuration: String) -> Result<Self, DialectError> {
        Ok(Self::draw(configuration)?)
    }

    fn draw(configuration: String) -> Result<Self, ApiError> {
        let png = Qr::of(&configuration).map(|qr| qr.png()).transpose()?;
        let url = png.map(|png| format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png)));
        Ok(Self { configuration, qrcode_data_url: url })
    }
}

/// The picture of a configuration that nobody has yet: what choosing a QR code's mask takes is most of
/// what a new client needs besides being stored, and needs nothing that is not known before.
#[derive(Clone, Default)]
pub(super) struct Drawing(Arc<Mutex<Option<Drawn>>>);

/// Being drawn.
type Drawn = JoinHandle<Result<Configuration, ApiError>>;

impl Drawing {
    /// Draws what the configuration of a device will be, in case it is stored.
    pub(super) fn meanwhile(&self, app: &App) -> Meanwhile {
        let (begun, fleet) = (Arc::clone(&self.0), app.fleet.clone());
        Arc::new(move |id, enrolment, secrets| {
            let private_key = secrets.private_key.as_ref().map(Secret::expose);
            let preshared_key = secrets.preshared_key.as_ref().map(Secret::expose);
            let preshared = preshared_key.is_some();
            let ahead = fleet.read(|fleet| fleet.client_profile_ahead(id, enrolment, preshared));
            let drawn = ahead.map(|profile| {
                let configuration = profile.render(private_key, preshared_key);
                spawn_blocking(|| Configuration::draw(configuration))
            });
            *begun.lock().unwrap_or_else(PoisonError::into_inner) = drawn;
        })
    }

    /// The configuration that it is, and its picture: the one that was drawn, where it shows just that.
    pub(super) async fn of(self, configuration: String) -> Result<Configuration, DialectError> {
        let drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(drawn) = drawn
            && let Ok(Ok(drawn)) = drawn.await
            && drawn.configuration == configuration
        {
            return Ok(drawn);
        }
        Configuration::new(configuration)
    }
}
