//! `passerelle record`: saves what SecuTix really answers as a test case, with every personal value replaced by a fake.
//!
//! Owns the sequence (fetch, let a person make the change, fetch again, scrub, write) and the files of a case. What is fetched stays in memory
//! until it is scrubbed; the key of the fakes is forgotten with the process. Does not own the replacing (`scrub`), nor what is expected of
//! the case: that is written by whoever reviews it.

mod known;
mod scrub;
mod shape;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use passerelle_flow::ports::Host;
use passerelle_flow::refusal::code_of;
use passerelle_flow::secutix::{SecutixClient, SecutixError};
use passerelle_flow::store::Priority;
use passerelle_flow::tenant::Tenant;
use serde_json::Value;

pub use scrub::Scrubber;

/// The notification.
pub const CHANGE: &str = "notification.json";
/// The answer before the change, and the one after it: by their names a case knows whose they are.
const OF_A_FILE: [&str; 2] = ["before.json", "after.json"];
const OF_A_CONTACT: [&str; 2] = ["before.contact.json", "after.contact.json"];

/// Characters of a `statusCode` that is told.
const LONGEST_CODE: usize = 64;

/// What is recorded.
#[derive(Clone)]
pub enum Subject {
    File(String),
    /// An order, by its `orderSecretToken`.
    Token(String),
    Contact(String),
}

impl Subject {
    fn answers(&self) -> [&'static str; 2] {
        match self {
            Self::File(_) | Self::Token(_) => OF_A_FILE,
            Self::Contact(_) => OF_A_CONTACT,
        }
    }
}

pub struct RecordOptions {
    pub subject: Subject,
    /// The folder of the case; made when it is missing. Files in it are never overwritten.
    pub out: PathBuf,
    /// A notification as SecuTix sent it, to be scrubbed along.
    pub change: Option<Bytes>,
}

/// What was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Recorded {
    pub files: Vec<PathBuf>,
    /// The two answers say the same: the change has not arrived, or was none.
    pub unchanged: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Secutix(#[from] SecutixError),
    /// HTTP 200 and a refusal in it: there is nothing to change and to look at again.
    #[error(
        "SecuTix answered {0}; nothing was written. Is the number or the token right, and may this operator see it?"
    )]
    Refused(String),
    /// Nothing that is not understood can be scrubbed, so it is not written.
    #[error("{0} is not JSON; nothing was written")]
    NotJson(&'static str),
    #[error("{} is there already; a recording never overwrites another", .0.display())]
    Exists(PathBuf),
    #[error("{} cannot be written: {}", .0.display(), .1)]
    Write(PathBuf, std::io::Error),
    #[error("the answer cannot be read from the terminal: {0}")]
    Prompt(std::io::Error),
}

/// Where answers come from: SecuTix, or a test.
pub trait Answers {
    /// The body of an HTTP 200, as it came.
    fn fetch(&self, subject: &Subject) -> impl Future<Output = Result<Bytes, SecutixError>>;
}

/// SecuTix, as a tenant reaches it.
pub struct Live<'a, H: Host> {
    client: SecutixClient<'a, H>,
}

impl<'a, H: Host> Live<'a, H> {
    pub fn new(host: &'a H, tenant: &'a Tenant) -> Self {
        Self { client: SecutixClient::new(host, tenant) }
    }
}

impl<H: Host> Answers for Live<'_, H> {
    async fn fetch(&self, subject: &Subject) -> Result<Bytes, SecutixError> {
        // A person waits.
        match subject {
            Subject::File(file) => self.client.get_file(file, Priority::Demand).await,
            Subject::Token(token) => self.client.get_file_by_token(token, Priority::Demand).await,
            Subject::Contact(number) => self.client.get_contact(number, Priority::Demand).await,
        }
    }
}

/// Records a case. `between` lets the person make the change in SecuTix: true fetches again, false is content with one answer.
pub async fn record<A: Answers>(
    answers: &A,
    key: &[u8; 32],
    options: &RecordOptions,
    between: impl AsyncFnOnce() -> std::io::Result<bool>,
) -> Result<Recorded, RecordError> {
    let [name_before, name_after] = options.subject.answers();
    // Either kind: a case has one answer for each moment.
    for name in [CHANGE].into_iter().chain(OF_A_FILE).chain(OF_A_CONTACT) {
        let path = options.out.join(name);
        if path.exists() {
            return Err(RecordError::Exists(path));
        }
    }
    let change = options.change.as_deref().map(|change| read(change, "the notification")).transpose()?;
    let before = read(&answers.fetch(&options.subject).await?, "the answer")?;
    if let Some(code) = refused(&before) {
        return Err(RecordError::Refused(code));
    }
    let after = if between().await.map_err(RecordError::Prompt)? {
        Some(read(&answers.fetch(&options.subject).await?, "the answer")?)
    } else {
        None
    };
    let unchanged = after.as_ref() == Some(&before);

    let (names, documents): (Vec<&str>, Vec<Value>) =
        [(CHANGE, change), (name_before, Some(before)), (name_after, after)]
            .into_iter()
            .filter_map(|(name, document)| Some((name, document?)))
            .unzip();
    let scrubbed = Scrubber::new(key).scrub(&documents);

    std::fs::create_dir_all(&options.out).map_err(|error| RecordError::Write(options.out.clone(), error))?;
    let mut files = Vec::new();
    for (name, document) in names.into_iter().zip(&scrubbed) {
        files.push(write(&options.out, name, document)?);
    }
    Ok(Recorded { files, unchanged })
}

/// The code of an answer that is no success. An answer without any is for the connector to judge: it may be a case worth having.
fn refused(answer: &Value) -> Option<String> {
    let status =
        answer.get("statusCode").and_then(Value::as_str).filter(|status| !status.eq_ignore_ascii_case("success"))?;
    Some(code_of(status, LONGEST_CODE).unwrap_or("something that is no code").to_owned())
}

fn read(content: &[u8], what: &'static str) -> Result<Value, RecordError> {
    serde_json::from_slice(content).map_err(|_| RecordError::NotJson(what))
}

fn write(folder: &Path, name: &str, document: &Value) -> Result<PathBuf, RecordError> {
    let path = folder.join(name);
    // `{:#}` of a value cannot fail.
    let text = format!("{document:#}\n");
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(RecordError::Exists(path)),
        Err(error) => Err(RecordError::Write(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use serde_json::json;

    use super::*;

    struct Scripted(RefCell<VecDeque<&'static str>>);
    impl Answers for Scripted {
        async fn fetch(&self, _: &Subject) -> Result<Bytes, SecutixError> {
            self.0.borrow_mut().pop_front().map(Bytes::from).ok_or(SecutixError::NotFound)
        }
    }

    fn answers<const N: usize>(bodies: [&'static str; N]) -> Scripted {
        Scripted(RefCell::new(bodies.into()))
    }

    fn options(out: &Path) -> RecordOptions {
        let change = json!({"orderSecretToken": "9f3c0c7e5b", "state": "MODIFIED"}).to_string();
        RecordOptions {
            subject: Subject::Token("9f3c0c7e5b".to_owned()),
            out: out.join("case"),
            change: Some(change.into()),
        }
    }

    const BEFORE: &str = OF_A_FILE[0];
    const AFTER: &str = OF_A_FILE[1];
    const FIRST: &str = r#"{"statusCode":"success","orderSecretId":"9f3c0c7e5b","beneficiaryFirstname":"Ada"}"#;
    const SECOND: &str = r#"{"statusCode":"success","orderSecretId":"9f3c0c7e5b","beneficiaryFirstname":"Grace"}"#;

    fn load(folder: &Path, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(folder.join("case").join(name)).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_recording_is_a_case_without_the_person() {
        let folder = tempfile::tempdir().unwrap();
        let recorded =
            record(&answers([FIRST, SECOND]), &[1; 32], &options(folder.path()), async || Ok(true)).await.unwrap();
        assert_eq!(recorded.files.len(), 3);
        assert!(!recorded.unchanged);
        let (change, before, after) =
            (load(folder.path(), CHANGE), load(folder.path(), BEFORE), load(folder.path(), AFTER));
        assert_eq!(change["orderSecretToken"], after["orderSecretId"]);
        assert_eq!(before["orderSecretId"], after["orderSecretId"]);
        assert_ne!(before["beneficiaryFirstname"], after["beneficiaryFirstname"]);
        assert_eq!(after["statusCode"], "success");
        for document in [change, before, after] {
            let text = document.to_string();
            assert!(!text.contains("Ada") && !text.contains("Grace") && !text.contains("9f3c0c7e5b"), "{text}");
        }
    }

    #[tokio::test]
    async fn one_answer_is_a_case_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let recorded = record(&answers([FIRST]), &[1; 32], &options(folder.path()), async || Ok(false)).await.unwrap();
        assert_eq!(recorded.files.len(), 2);
        assert!(!folder.path().join("case").join(AFTER).exists());
    }

    #[tokio::test]
    async fn a_contact_is_recorded_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let contact = r#"{"statusCode":"success","contactData":{"contactNumber":"4711"}}"#;
        let options =
            RecordOptions { subject: Subject::Contact("4711".to_owned()), change: None, ..options(folder.path()) };
        let recorded = record(&answers([contact, contact]), &[1; 32], &options, async || Ok(true)).await.unwrap();
        let names: Vec<_> = recorded.files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, OF_A_CONTACT);
        // And no file is recorded beside it.
        let options = RecordOptions { subject: Subject::File("1".to_owned()), ..options };
        let failed = record(&answers([FIRST]), &[1; 32], &options, async || Ok(false)).await;
        assert!(matches!(failed, Err(RecordError::Exists(_))));
    }

    #[tokio::test]
    async fn a_change_that_has_not_arrived_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let recorded =
            record(&answers([FIRST, FIRST]), &[1; 32], &options(folder.path()), async || Ok(true)).await.unwrap();
        assert!(recorded.unchanged);
    }

    #[tokio::test]
    async fn nothing_is_written_when_something_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let failed =
            record(&answers([FIRST, "<html>Ada</html>"]), &[1; 32], &options(folder.path()), async || Ok(true)).await;
        assert!(matches!(failed, Err(RecordError::NotJson(_))));
        let failed = record(&answers([FIRST]), &[1; 32], &options(folder.path()), async || Ok(true)).await;
        assert!(matches!(failed, Err(RecordError::Secutix(SecutixError::NotFound))));
        assert!(!folder.path().join("case").exists());
    }

    #[tokio::test]
    async fn a_recording_never_overwrites_another() {
        let folder = tempfile::tempdir().unwrap();
        record(&answers([FIRST]), &[1; 32], &options(folder.path()), async || Ok(false)).await.unwrap();
        let before = load(folder.path(), BEFORE);
        let failed = record(&answers([SECOND]), &[1; 32], &options(folder.path()), async || Ok(false)).await;
        assert!(matches!(failed, Err(RecordError::Exists(_))));
        assert_eq!(load(folder.path(), BEFORE), before);
    }
}
