//! Does this private key belong to this certificate? A pass that is signed with another one is refused by every phone.
//!
//! Owns the comparison of the two public keys. Does not read keys nor sign (`signer`).

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use crate::signer::PrivateKey;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PairProblem {
    #[error("the private key is neither RSA (2048 bits or more) nor P-256, or it is damaged")]
    Key,
    #[error(
        "the private key is not the one that the certificate was requested with; Keychain Access shows the pair that belongs together"
    )]
    Other,
}

/// `certificate` in DER; no key is one that cannot be read.
pub(super) fn belong_together(certificate: &[u8], key: Option<&PrivateKey>) -> Result<(), PairProblem> {
    // A chain that is not X.509 is told by whoever looks at certificates; here it only matches no key.
    let certificate = Certificate::from_der(certificate).map_err(|_| PairProblem::Other)?;
    let certified = certificate.tbs_certificate.subject_public_key_info.to_der().map_err(|_| PairProblem::Other)?;
    let own = key.and_then(PrivateKey::public_key).ok_or(PairProblem::Key)?;
    if certified == own { Ok(()) } else { Err(PairProblem::Other) }
}
