//! `[apple]` and `[google]`: identities, keys and addresses of the two wallets.
//!
//! Owns what these two tables mean. Does not own what a certificate must be (`apple`), nor how a reference is read (`load`).

use passerelle_connector::template::Nfc;
use zeroize::Zeroizing;

use super::Loader;
use super::transpose;
use crate::apple::package::SigningIdentity;
use crate::apple::{self, IdentityProblem, PassIdentity, PushKey};
use crate::ports::{ClientIdentity, KeyRef};
use crate::tenant::config::{AppleConfig, GoogleConfig, NfcConfig, PushKeyConfig};
use crate::tenant::credential::{self, CredentialFault, Pkcs12, without_line_break};
use crate::tenant::form::{host, is_domain, is_pass_type};
use crate::tenant::problem::Fault;
use crate::tenant::secret::SecretReference;
use crate::tenant::{Apple, Google, key_pair};

impl Loader<'_> {
    pub(super) fn apple(&mut self, config: &AppleConfig) -> Option<Apple> {
        let pass_type = is_pass_type(&config.pass_type);
        let pass_type =
            self.rule("apple.pass_type", pass_type, "must be a Pass Type ID such as pass.org.example.tickets");
        let team = config.team.len() == 10 && config.team.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let team = self.rule("apple.team", team, "must be a Team ID: ten capital letters and digits");
        let push_url = self.address("apple.push_url", &config.push_url);
        let passphrase = self.passphrase(config);
        let given = self.certificates("apple.certificate", &config.certificate, passphrase.as_ref());
        let rest = config.intermediate.as_ref();
        let rest = rest.map(|text| self.certificates("apple.intermediate", text, passphrase.as_ref()));
        let key = self.pass_key(config, passphrase.as_ref());
        let push_key = config.push_key.as_ref().map(|push| self.push_key(push));
        let mut pool = given?;
        pool.extend(transpose(rest)?.unwrap_or_default());
        pass_type.and(team)?;
        let chain = apple::arrange(pool);
        if let (Some(leaf), Some((_, content))) = (chain.first(), &key) {
            let told = if config.key.is_some() { "apple.key" } else { "apple.certificate" };
            self.credential(told, key_pair::belong_together(leaf, content));
        }
        let judged = PassIdentity::read(&chain, &config.pass_type, &config.team);
        for problem in judged.lasting_problems() {
            let key = match problem {
                IdentityProblem::OtherIssuer { .. } if config.intermediate.is_some() => "apple.intermediate",
                _ => "apple.certificate",
            };
            self.report(key, Fault::Certificate { key: key.to_owned(), source: problem.clone() });
        }
        Some(Apple {
            pass_type: config.pass_type.clone(),
            team: config.team.clone(),
            identity: ClientIdentity { chain, key: key?.0 },
            signing: SigningIdentity::from(judged),
            push_key: transpose(push_key)?,
            push_url: push_url?,
        })
    }

    fn push_key(&mut self, config: &PushKeyConfig) -> Option<PushKey> {
        let id = config.id.len() == 10 && config.id.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let id = self.rule("apple.push_key.id", id, "must be a Key ID: ten capital letters and digits");
        let key = self.reference("apple.push_key.key", &config.key);
        let key = key.and_then(|reference| self.private_key("apple.push_key.key", reference));
        id.and(key).map(|key| PushKey::new(config.id.clone(), key))
    }

    /// Empty, where there is none. None: it cannot be read.
    fn passphrase(&mut self, config: &AppleConfig) -> Option<Zeroizing<String>> {
        let Some(text) = &config.passphrase else { return Some(Zeroizing::default()) };
        let content = without_line_break(self.secret("apple.passphrase", text)?);
        let text = std::str::from_utf8(&content).map(|text| Zeroizing::new(text.to_owned()));
        self.credential("apple.passphrase", text.map_err(|_| CredentialFault::PassphraseText))
    }

    fn open(&mut self, key: &str, content: &[u8], passphrase: Option<&Zeroizing<String>>) -> Option<Pkcs12> {
        let passphrase = passphrase?;
        let opened = self.defaults.pkcs12.ok_or(CredentialFault::Pkcs12Elsewhere);
        self.credential(key, opened.and_then(|open| open(content, passphrase)))
    }

    fn certificates(&mut self, key: &str, text: &str, passphrase: Option<&Zeroizing<String>>) -> Option<Vec<Vec<u8>>> {
        let content = self.secret(key, text)?;
        if credential::is_pkcs12(&content) {
            return self.open(key, &content, passphrase).map(|opened| opened.certificates);
        }
        self.credential(key, credential::certificates(&content))
    }

    /// The certificate's key, to be looked at and dropped, and its name in the signer: a file of its own, or the `.p12` that holds both.
    fn pass_key(
        &mut self,
        config: &AppleConfig,
        passphrase: Option<&Zeroizing<String>>,
    ) -> Option<(KeyRef, Zeroizing<Vec<u8>>)> {
        const NEEDED: &str = "must be set, unless \"certificate\" is a .p12 file, which holds the key as well";
        let reference = match &config.key {
            Some(text) => self.reference("apple.key", text)?,
            // What is wrong with it was told when the certificates were read.
            None => SecretReference::parse(&config.certificate).ok()?,
        };
        let content = match &config.key {
            Some(_) => self.resolve("apple.key", &reference)?,
            None => (self.secrets)(&reference).ok()?,
        };
        let pkcs12 = credential::is_pkcs12(&content);
        let seen = credential::key_content(&content);
        let key = match &config.key {
            Some(_) if pkcs12 => self.open("apple.key", &content, passphrase)?.key,
            Some(_) => {
                self.credential("apple.key", credential::private_key_armour(&content))?;
                content
            }
            None => {
                self.rule("apple.key", pkcs12, NEEDED)?;
                // Whether it opens was told when the certificates were read.
                self.defaults.pkcs12.and_then(|open| open(&content, passphrase?).ok())?.key
            }
        };
        let passphrase = config.passphrase.clone().filter(|_| pkcs12);
        Some((KeyRef { tenant: self.id.clone(), reference: reference.to_string(), passphrase, content: seen }, key))
    }

    pub(super) fn google(&mut self, config: &GoogleConfig, public_url: Option<&str>) -> Option<Google> {
        let issuer = (1..=20).contains(&config.issuer.len()) && config.issuer.bytes().all(|c| c.is_ascii_digit());
        let issuer = self.rule("google.issuer", issuer, "must be the issuer's number, digits in quotes");
        let api_url = self.address("google.api_url", &config.api_url);
        let token_url = self.address("google.token_url", &config.token_url);
        let save_url = self.address("google.save_url", &config.save_url);
        let keys_url = self.address("google.keys_url", &config.keys_url);
        let reference = self.reference("google.account", &config.account);
        let whole = reference.as_ref().is_none_or(|reference| reference.field.is_none());
        let whole = self.rule("google.account", whole, "must name the whole JSON file, without #");
        let account = reference.filter(|_| whole.is_some()).and_then(|reference| {
            let content = self.resolve("google.account", &reference)?;
            let account = self.credential("google.account", credential::service_account(&content))?;
            // The signer reads the file again and is given the key alone.
            let key = self.private_key("google.account", reference.with_field("private_key"))?;
            Some((account, key))
        });
        let mut origins = config.origins.clone().unwrap_or_default();
        if config.origins.is_none() {
            origins.extend(public_url.and_then(host));
        }
        let mut plain = true;
        for (index, origin) in origins.iter().enumerate() {
            let rule = "must be a domain alone, such as tickets.example.org";
            plain &= self.rule(&format!("google.origins[{index}]"), is_domain(origin), rule).is_some();
        }
        issuer.filter(|()| plain)?;
        let (account, key) = account?;
        Some(Google {
            issuer: config.issuer.clone(),
            account,
            key,
            api_url: api_url?,
            token_url: token_url?,
            save_url: save_url?,
            keys_url: keys_url?,
            origins,
            requests_per_second: config.requests_per_second.into(),
        })
    }

    pub(super) fn nfc(&mut self, config: &NfcConfig) -> Option<Nfc> {
        const RULE: &str = "must be a P-256 public key: its SubjectPublicKeyInfo in base64, without line breaks";
        let key = config.encryption_public_key.as_str();
        self.rule("apple.nfc.encryption_public_key", credential::is_p256_public_key(key), RULE)?;
        Some(Nfc { encryption_public_key: key.to_owned(), requires_authentication: config.requires_authentication })
    }
}
