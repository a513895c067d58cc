//! The tenant next door: its plugin is called a thousand times a second, and how long each caller waits is what harm would show in.
//!
//! A caller is outside, as whoever sends a request to the server is: a thread with a socket, which the runtime has to notice. Each call has its time; one
//! that could not be made at its time waits from then on, so that a long stall counts for all the calls that fell into it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use passerelle_flow::plugin::hook::{Hook, Turn};
use passerelle_flow::plugin::setup::PluginLimits;
use passerelle_guests::call;
use passerelle_sandbox::Plugin;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// From one call to the next: little beside what a call takes, and enough of them in half a second for a 99th percentile.
const EVERY: Duration = Duration::from_millis(1);
/// How long it is called alone before each row.
const ALONE: Duration = Duration::from_millis(300);
/// A caller gives up on one call after this.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a caller is told.
const ANSWERED: u8 = b'y';
const UNANSWERED: u8 = b'n';

pub struct Neighbour {
    address: SocketAddr,
}

/// Calls of the neighbour over some time.
pub struct Calls {
    /// Milliseconds, sorted.
    times: Vec<f64>,
    pub unanswered: usize,
}

impl Calls {
    pub fn p99(&self) -> f64 {
        self.times.get(self.times.len() * 99 / 100).copied().unwrap_or(f64::NAN)
    }

    pub fn number(&self) -> usize {
        self.times.len()
    }
}

impl Neighbour {
    pub async fn new(plugin: Plugin) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, plugin) = (listener.local_addr()?, Arc::new(plugin));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let plugin = plugin.clone();
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    while stream.read_u8().await.is_ok() {
                        let answer = plugin.call(&PluginLimits::default(), call(Hook::ChooseTemplate)).await;
                        let answered = answer == Ok(Ok(Turn::Chosen("gold".to_owned())));
                        if stream.write_u8(if answered { ANSWERED } else { UNANSWERED }).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Ok(Self { address })
    }

    pub async fn alone(&self) -> Result<Calls> {
        Ok(self.beside(tokio::time::sleep(ALONE)).await?.1)
    }

    /// What is done, and the neighbour's calls meanwhile.
    pub async fn beside<T>(&self, harm: impl Future<Output = T>) -> Result<(T, Calls)> {
        let (going, address) = (Arc::new(AtomicBool::new(true)), self.address);
        let still = going.clone();
        let caller = std::thread::Builder::new().name("neighbour".to_owned()).spawn(move || calls(address, &still))?;
        let done = harm.await;
        going.store(false, Ordering::Relaxed);
        let calls = tokio::task::spawn_blocking(move || caller.join()).await?;
        Ok((done, calls.ok().context("the neighbour's caller")??))
    }
}

/// One call after the other, each at its time or as soon as the one before it is answered.
fn calls(address: SocketAddr, going: &AtomicBool) -> Result<Calls> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut times, mut unanswered) = (Vec::new(), 0);
    let (mut due, mut answer) = (Instant::now(), [0]);
    while going.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(&[0])?;
        stream.read_exact(&mut answer)?;
        times.push(due.elapsed().as_secs_f64() * 1000.0);
        unanswered += usize::from(answer != [ANSWERED]);
        due += EVERY;
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(Calls { times, unanswered })
}
