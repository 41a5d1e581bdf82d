//! What answers look like where several routes show the same thing.

mod connection;
mod device;
mod enrolment;
mod form;
mod qr;
mod session;
mod taught_key;
mod user;

pub(crate) use connection::ConnectionView;
pub(crate) use device::DeviceView;
pub(crate) use enrolment::EnrolmentView;
pub(crate) use form::{Form, Png};
pub(crate) use qr::Qr;
pub(crate) use session::SessionsView;
pub(crate) use taught_key::TaughtKey;
pub(crate) use user::UserSummary;
