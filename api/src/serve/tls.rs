//! The certificate with which we speak TLS, and its key.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use x509_parser::parse_x509_certificate;

/// Where certificate and key are.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The chain in PEM, our own certificate first.
    pub cert: PathBuf,
    /// Our certificate's private key in PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the two is missing.
    #[error("--tls-cert and --tls-key belong together: give both or neither")]
    OnlyOne,
    /// A file cannot be used.
    #[error("cannot use {path} for TLS: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The two do not fit each other.
    #[error("the certificate {cert} and the key {key} cannot be used together: {reason}")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A certificate that can be read again while we serve. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    options: Arc<TlsOptions>,
    loaded: Arc<RwLock<Loaded>>,
}

#[derive(Clone)]
struct Loaded {
    acceptor: TlsAcceptor,
    pin: Option<[u8; 32]>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(options: TlsOptions) -> Result<Self, TlsError> {
        let loaded = Loaded::read(&options)?;
        Ok(Self { options: Arc::new(options), loaded: Arc::new(RwLock::new(loaded)) })
    }

    /// Reads the files again; new connections get the new certificate.
    ///
    /// # Errors
    /// [`TlsError`]; the old certificate stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = Loaded::read(&self.options)?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    /// The SHA-256 of our certificate, where it is self-signed: a node cannot check it otherwise.
    #[must_use]
    pub fn pin(&self) -> Option<[u8; 32]> {
        self.loaded().pin
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.loaded().acceptor
    }

    fn loaded(&self) -> Loaded {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Loaded {
    fn read(options: &TlsOptions) -> Result<Self, TlsError> {
        let TlsOptions { cert, key } = options;
        let unusable = |path: &Path, reason: String| TlsError::File { path: path.into(), reason };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .map_err(|e| unusable(cert, e.to_string()))?;
        let Some(own) = chain.first() else {
            return Err(unusable(cert, "it holds no certificate in PEM".into()));
        };
        let pin = pin(own).map_err(|reason| unusable(cert, reason))?;
        let private_key =
            PrivateKeyDer::from_pem_file(key).map_err(|e| unusable(key, e.to_string()))?;
        let pair = |e: rustls::Error| TlsError::Pair {
            cert: cert.clone(),
            key: key.clone(),
            reason: e.to_string(),
        };
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(pair)?
                .with_no_client_auth()
                .with_single_cert(chain, private_key)
                .map_err(pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), pin })
    }
}

/// The hash of a certificate that is its own issuer.
fn pin(own: &CertificateDer<'_>) -> Result<Option<[u8; 32]>, String> {
    let (_, certificate) =
        parse_x509_certificate(own).map_err(|e| format!("the certificate is damaged: {e}"))?;
    let own_issuer = certificate.issuer().as_raw() == certificate.subject().as_raw();
    Ok(own_issuer.then(|| Sha256::digest(own).into()))
}
