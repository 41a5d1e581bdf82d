//! A device's profile in the form that the client asks for.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use nexavpn_domain::ids::DeviceId;

use super::{EnrolmentView, enrolment::Shown, qr::Qr};
use crate::{App, error::ApiError};

/// How a profile is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With everything around it.
    Json,
    /// The file for WireGuard.
    Text,
    /// That file as a QR code.
    Svg,
    /// That file as a QR code.
    Png,
}

/// The bytes of an image, for the description of the API.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct Png(Vec<u8>);

const FORMS: [(Form, &str, &str); 4] = [
    (Form::Json, "application", "json"),
    (Form::Text, "text", "plain"),
    (Form::Svg, "image", "svg+xml"),
    (Form::Png, "image", "png"),
];

impl Form {
    /// What an `Accept` header prefers (RFC 9110, section 12.5.1); the first of ours where it
    /// likes several equally. `None` where it takes none.
    fn accepted(accept: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for (form, kind, subtype) in FORMS {
            let mut fit: Option<(u8, f32)> = None;
            for range in accept.split(',') {
                let mut parts = range.split(';').map(str::trim);
                let (a, b) = parts.next().unwrap_or_default().split_once('/').unwrap_or_default();
                let exact = match (a, b) {
                    _ if a.eq_ignore_ascii_case(kind) && b.eq_ignore_ascii_case(subtype) => 2,
                    (_, "*") if a.eq_ignore_ascii_case(kind) => 1,
                    ("*", "*") => 0,
                    _ => continue,
                };
                let q = parts.find_map(|p| p.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
                // The range that names it most exactly counts.
                if fit.is_none_or(|(e, _)| exact > e) {
                    fit = Some((exact, q));
                }
            }
            if let Some((_, q)) = fit
                && q > 0.0
                && best.is_none_or(|(b, _)| q > b)
            {
                best = Some((q, form));
            }
        }
        best.map(|(_, form)| form)
    }

    /// The profile of a device in this form, without its private key.
    pub(crate) async fn answer(self, app: &App, id: DeviceId) -> Result<Response, ApiError> {
        self.written(EnrolmentView::of(app, id, Shown::default()).await?)
    }

    /// The same for the device's client, who knows its gateway's key from then on.
    pub(crate) async fn answer_client(self, app: &App, id: DeviceId) -> Result<Response, ApiError> {
        let view = EnrolmentView::of(app, id, Shown::default()).await?;
        view.note_key(app, self == Self::Json).await;
        self.written(view)
    }

    fn written(self, view: EnrolmentView) -> Result<Response, ApiError> {
        let typed = |kind: &'static str| [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
        let mut response = match self {
            Self::Json => axum::Json(view).into_response(),
            Self::Text => {
                let name = HeaderValue::from_static("attachment; filename=\"nexavpn.conf\"");
                let headers =
                    (typed("text/plain; charset=utf-8"), [(header::CONTENT_DISPOSITION, name)]);
                (headers.0, headers.1, view.into_content()).into_response()
            }
            Self::Svg => {
                (typed("image/svg+xml"), Qr::wanted(&view.into_content())?.svg()).into_response()
            }
            Self::Png => {
                (typed("image/png"), Qr::wanted(&view.into_content())?.png()?).into_response()
            }
        };
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        Ok(response)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Form {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(accept) = parts.headers.get(header::ACCEPT) else { return Ok(Self::Json) };
        accept.to_str().ok().and_then(Self::accepted).ok_or_else(|| {
            ApiError::new(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                "there is application/json, text/plain, image/svg+xml and image/png: accept one",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_the_client_prefers() {
        for (accept, form) in [
            ("*/*", Some(Form::Json)),
            ("text/plain", Some(Form::Text)),
            ("Image/PNG", Some(Form::Png)),
            ("image/*", Some(Form::Svg)),
            ("image/*;q=0.2, image/png;q=0.9", Some(Form::Png)),
            ("text/html, image/svg+xml ; q=0.5, */*;q=0.1", Some(Form::Svg)),
            ("application/json;q=0.1, text/plain;q=0.2", Some(Form::Text)),
            ("application/json;q=0, */*", Some(Form::Text)),
            ("text/html", None),
            ("*/*;q=0", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(Form::accepted(accept), form, "{accept}");
        }
    }
}
