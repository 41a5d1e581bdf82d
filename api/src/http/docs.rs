//! `/docs`: the API's document, to browse and to try out.

use axum::{
    Router,
    http::{HeaderValue, header},
};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{App, BASE_PATH};

/// Swagger UI sets styles itself and draws its icons from data URLs. Scripts and requests stay
/// with us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

pub(super) fn routes() -> Router<App> {
    let config = Config::from(format!("{BASE_PATH}/openapi.json"))
        .doc_expansion("none")
        .filter(true)
        .validator_url("none");
    let page: Router<App> = SwaggerUi::new("/docs").config(config).into();
    page.layer(SetResponseHeaderLayer::overriding(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ))
}
