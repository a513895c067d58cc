//! A request off the wire, and an answer onto it, byte by byte: what a library would not let us get wrong.

use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Behaviour, Crm, LARGEST, Received};

/// Between two bytes of what drips.
const DRIP: Duration = Duration::from_millis(20);
/// How long what hangs is held: longer than any sender waits.
const HOLD: Duration = Duration::from_secs(600);

/// A status with its headers and its body.
#[derive(Clone)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What a desk says to a webhook.
impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, headers: Vec::new(), body: b"thanks".to_vec() }
    }
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    pub fn with(mut self, header: (&'static str, String)) -> Self {
        self.headers.push(header);
        self
    }
}

/// How a request is answered, and what with where the behaviour is an honest one.
pub(super) struct Told {
    pub behaviour: Behaviour,
    pub honest: Answer,
}

/// One request per connection.
pub(super) async fn serve<S>(crm: Crm, mut stream: S) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(received) = read(&mut stream).await? else { return Ok(()) };
    let told = received.body.clone();
    let own = format!("{}{}", crm.url(), received.path);
    let Told { behaviour, honest } = crm.receive(received);
    if let Some(delay) = behaviour.delay() {
        tokio::time::sleep(delay).await;
    }
    answer(&mut stream, &behaviour, &honest, &own, &told).await?;
    stream.shutdown().await
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Option<Received>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if bytes.len() > LARGEST || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let mut body = bytes.split_off(head + 4);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
    let mut start = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (start.next().unwrap_or_default().to_owned(), start.next().unwrap_or_default().to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let length: usize = length.unwrap_or(0).min(LARGEST);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    body.truncate(length);
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Some(Received {
        at: 0,
        method,
        path,
        headers,
        body,
        json,
        verified: None,
        repeated: false,
        answered: String::new(),
        taken: false,
    }))
}

async fn answer<S: AsyncWrite + Unpin>(
    stream: &mut S,
    behaviour: &Behaviour,
    honest: &Answer,
    own: &str,
    told: &[u8],
) -> std::io::Result<()> {
    match behaviour {
        Behaviour::Echoes => plain(stream, 200, &[], told).await,
        Behaviour::Honest | Behaviour::Slow { .. } | Behaviour::Recovers { .. } | Behaviour::Breaks { .. } => {
            plain(stream, honest.status, &honest.headers, &honest.body).await
        }
        Behaviour::Status { status, retry_after } => {
            let after = retry_after.map(|seconds| ("retry-after", seconds.to_string()));
            plain(stream, *status, after.as_slice(), b"as you were told").await
        }
        Behaviour::Hangs => {
            tokio::time::sleep(HOLD).await;
            Ok(())
        }
        Behaviour::HangsUp => Ok(()),
        Behaviour::Babbles => stream.write_all(b"220 mail.example ESMTP ready\r\n").await,
        Behaviour::Garbage => plain(stream, 200, &[], &[0xff, 0x00, 0xfe, 0x80, 0x0d, 0x0a, 0x1b]).await,
        Behaviour::ShortBody => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this").await,
        Behaviour::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = [&b"2000\r\n"[..], &[b'x'; 0x2000], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
                stream.flush().await?;
            }
        }
        Behaviour::Drips => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
            drip(stream).await
        }
        Behaviour::DripsHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ").await?;
            drip(stream).await
        }
        Behaviour::Redirects { status, to } => {
            let to = if to == "self" { own } else { to };
            plain(stream, *status, &[("location", to.to_owned())], b"over there").await
        }
        Behaviour::HugeHeaders => {
            let line = format!("x-filler: {}\r\n", "x".repeat(8_000));
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            for _ in 0..100 {
                stream.write_all(line.as_bytes()).await?;
            }
            stream.write_all(b"content-length: 0\r\n\r\n").await
        }
        Behaviour::GzipBomb => {
            // The head of a gzip member, and deflate blocks of zeros.
            let body = [&[0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff][..], &[0u8; 100_000]].concat();
            plain(stream, 200, &[("content-encoding", "gzip".to_owned())], &body).await
        }
    }
}

async fn drip<S: AsyncWrite + Unpin>(stream: &mut S) -> std::io::Result<()> {
    loop {
        stream.write_all(b"x").await?;
        stream.flush().await?;
        tokio::time::sleep(DRIP).await;
    }
}

async fn plain<S: AsyncWrite + Unpin>(
    stream: &mut S,
    status: u16,
    headers: &[(&str, String)],
    body: &[u8],
) -> std::io::Result<()> {
    let mut answer = Vec::new();
    write!(answer, "HTTP/1.1 {status} Told\r\ncontent-length: {}\r\nconnection: close\r\n", body.len())?;
    for (name, value) in headers {
        write!(answer, "{name}: {value}\r\n")?;
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body);
    stream.write_all(&answer).await?;
    stream.flush().await
}
