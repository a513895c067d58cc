//! Servers that mean harm: what a plugin may have called, when whoever it calls is no friend either.
//!
//! Owns the bytes that they send, written by hand, because no HTTP library would send them, and what they saw: how often they were called, and how
//! much they were able to send. On the loopback address, gone when dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a server answers with, once a request has come.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// 200 and two bytes.
    Honest,
    /// Nothing.
    Silent,
    /// These bytes, and then the end of the connection.
    Says(Vec<u8>),
    /// These bytes, and then these again and again.
    Endless { head: Vec<u8>, again: Vec<u8> },
    /// These bytes, and then one byte at a time, with this long in between.
    Drips { head: Vec<u8>, every: Duration },
}

/// A server, and what it saw.
pub struct Upstream {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    sent: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Upstream {
    /// On a free port of this address: `127.0.0.1`, and the others of that network, which all lead to this machine.
    pub async fn start(host: &str, behaviour: Behaviour) -> Self {
        Self::start_at(host, 0, behaviour).await.unwrap()
    }

    /// Two on the same port of two addresses of this machine: what a name leads to, and what it leads to when it is asked again.
    pub async fn pair([one, other]: [(&str, Behaviour); 2]) -> [Self; 2] {
        // A port that is free under one address may be taken under another.
        loop {
            let first = Self::start(one.0, one.1.clone()).await;
            if let Ok(second) = Self::start_at(other.0, first.address.port(), other.1.clone()).await {
                return [first, second];
            }
        }
    }

    async fn start_at(host: &str, port: u16, behaviour: Behaviour) -> std::io::Result<Self> {
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr().unwrap();
        let (connections, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let (counted, counting) = (connections.clone(), sent.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, behaviour.clone(), counting.clone()));
            }
        });
        Ok(Self { address, connections, sent, task })
    }

    pub fn url(&self) -> String {
        format!("http://{}/members", self.address)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Bytes that the other side, and the kernel's buffers, have taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Until the other side has had enough: writing fails then, and reading ends.
async fn serve(mut stream: TcpStream, behaviour: Behaviour, sent: Arc<AtomicU64>) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    match behaviour {
        Behaviour::Honest => {
            send(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", &sent).await;
            let _ = stream.read(&mut request).await;
        }
        Behaviour::Silent => _ = stream.read(&mut request).await,
        Behaviour::Says(bytes) => _ = send(&mut stream, &bytes, &sent).await,
        Behaviour::Endless { head, again } => {
            let mut going = send(&mut stream, &head, &sent).await;
            while going {
                going = send(&mut stream, &again, &sent).await;
            }
        }
        Behaviour::Drips { head, every } => {
            let mut going = send(&mut stream, &head, &sent).await;
            while going {
                tokio::time::sleep(every).await;
                going = send(&mut stream, b"x", &sent).await;
            }
        }
    }
}

/// False: the other side is gone.
async fn send(stream: &mut TcpStream, bytes: &[u8], sent: &AtomicU64) -> bool {
    let written = stream.write_all(bytes).await.is_ok();
    if written {
        sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    }
    written
}

/// An answer whose body is zeros, packed: 66 KB, of which whoever unpacks them makes 10 MB.
pub fn gzip_bomb() -> Vec<u8> {
    /// Of 258 bytes, the longest that there are; each takes 13 bits.
    const RUNS: usize = 40_650;
    let mut bits = Bits::default();
    // The last block, with the fixed code (RFC 1951 §3.2.6): a zero, and then "258 times the byte before" again and again.
    bits.put(0b1, 1);
    bits.put(0b01, 2);
    bits.code(0b0011_0000, 8);
    for _ in 0..RUNS {
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    bits.code(0, 7);
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    body.extend(bits.bytes);
    // Checksum and length, which nobody gets as far as.
    body.extend([0; 8]);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// From the lowest bit on.
    fn put(&mut self, value: u32, bits: u32) {
        for bit in 0..bits {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= (((value >> bit) & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }

    /// A code, which goes the other way round.
    fn code(&mut self, value: u32, bits: u32) {
        self.put(value.reverse_bits() >> (32 - bits), bits);
    }
}
