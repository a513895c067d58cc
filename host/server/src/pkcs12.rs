//! `.p12` files (PKCS#12, RFC 7292), as Keychain Access and OpenSSL export a certificate with its key.
//!
//! Owns the opening. Does not own which of the certificates is the right one (`passerelle_flow::apple`) nor the key's use (`signer`). A file is the
//! operator's own: what it costs to open (its iterations) is theirs.

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;
use passerelle_flow::tenant::credential::{CredentialFault, Pkcs12};
use zeroize::Zeroizing;

/// All certificates of the file, and its only key.
pub fn open(content: &[u8], passphrase: &str) -> Result<Pkcs12, CredentialFault> {
    let archive = Pkcs12Archive::from_pkcs12(content, passphrase).map_err(|error| match error {
        // With the wrong key the padding is wrong, except once in 256 times, which the checksum tells.
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => CredentialFault::Passphrase,
        _ => CredentialFault::Pkcs12,
    })?;
    let [key] = archive.keys.as_slice() else { return Err(CredentialFault::Pkcs12Keys) };
    let key = Zeroizing::new(key.key.as_der().to_vec());
    let certificates: Vec<Vec<u8>> = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec()).collect();
    if certificates.is_empty() { Err(CredentialFault::NoCertificate) } else { Ok(Pkcs12 { certificates, key }) }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use passerelle_flow::apple::arrange;
    use passerelle_simulator::Authority;

    use super::*;
    use crate::private_key::PrivateKey;

    struct Files {
        folder: tempfile::TempDir,
        chain: Vec<Vec<u8>>,
    }

    impl Files {
        fn new() -> Self {
            let authority = Authority::new().unwrap();
            let issued = authority.pass_certificate(&passerelle_simulator::PassCertificate {
                pass_type: "pass.org.example.demo".to_owned(),
                team: "A1B2C3D4E5".to_owned(),
                ..Default::default()
            });
            let issued = issued.unwrap();
            let folder = tempfile::tempdir().unwrap();
            for (name, content) in [
                ("pass.pem", &issued.certificate_pem),
                ("pass.key", &issued.key_pem),
                ("intermediate.pem", &authority.intermediate_pem()),
            ] {
                std::fs::write(folder.path().join(name), content).unwrap();
            }
            Self { folder, chain: issued.chain_der }
        }

        fn export(&self, options: &[&str]) -> Vec<u8> {
            let output = Command::new("openssl")
                .args(["pkcs12", "-export", "-in", "pass.pem", "-inkey", "pass.key", "-certfile", "intermediate.pem"])
                .args(["-passout", "pass:Sésame, 7", "-out", "pass.p12"])
                .args(options)
                .current_dir(self.folder.path())
                .output()
                .expect("openssl is installed by `cargo xtask test`");
            assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
            std::fs::read(self.folder.path().join("pass.p12")).unwrap()
        }
    }

    #[test]
    fn every_usual_protection_opens_and_gives_the_pair_and_its_chain() {
        let files = Files::new();
        let ways: [&[&str]; 4] = [
            // PBES2 with AES-256.
            &[],
            // 3DES and RC2 with 40 bits, as Keychain Access exports.
            &["-legacy"],
            &["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
            &["-certpbe", "AES-128-CBC", "-keypbe", "AES-128-CBC", "-macalg", "sha512", "-iter", "5000"],
        ];
        for way in ways {
            let opened = open(&files.export(way), "Sésame, 7").unwrap_or_else(|fault| panic!("{way:?}: {fault}"));
            assert_eq!(arrange(opened.certificates), files.chain, "{way:?}");
            assert!(PrivateKey::from_pkcs8(&opened.key).unwrap().sign(b"m").is_ok());
        }
    }

    #[test]
    fn a_wrong_passphrase_a_damaged_file_and_one_without_a_key_are_told_apart() {
        let files = Files::new();
        let file = files.export(&[]);
        for wrong in ["", "sésame, 7"] {
            assert_eq!(open(&file, wrong).err(), Some(CredentialFault::Passphrase), "{wrong:?}");
        }
        assert_eq!(open(&file[..file.len() / 2], "Sésame, 7").err(), Some(CredentialFault::Pkcs12));
        assert_eq!(open(b"0\x03\x02\x01\x03", "").err(), Some(CredentialFault::Pkcs12));
        assert_eq!(open(&files.export(&["-nokeys"]), "Sésame, 7").err(), Some(CredentialFault::Pkcs12Keys));
    }
}
