//! What guests print: whole lines to this process's standard error with the component's id before them, and to files when asked.
//!
//! Written before the call returns, so that a trap does not swallow the message that explains it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// One write of a guest at most; more is asked for again.
const PERMIT: usize = 64 * 1024;

/// One of a component's two outputs, shared by all its instances.
#[derive(Clone)]
pub struct Output(Arc<Sink>);

struct Sink {
    prefix: String,
    quiet: bool,
    file: Option<File>,
}

/// One instance's view: it owns the line that is not finished yet.
pub struct Lines {
    sink: Arc<Sink>,
    open: Arc<Mutex<Vec<u8>>>,
}

impl Output {
    /// `name` is `stdout` or `stderr`; the file is `<component>_<name>.txt`, as Spin calls it.
    pub fn new(component: &str, name: &str, quiet: bool, folder: Option<&Path>) -> io::Result<Self> {
        let file = match folder {
            None => None,
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                let path = folder.join(format!("{component}_{name}.txt"));
                Some(File::options().create(true).append(true).open(path)?)
            }
        };
        Ok(Self(Arc::new(Sink { prefix: format!("[{component}] "), quiet, file })))
    }

    pub fn lines(&self) -> Lines {
        Lines { sink: Arc::clone(&self.0), open: Arc::default() }
    }
}

impl Sink {
    fn put(&self, lines: &[u8]) {
        if let Some(mut file) = self.file.as_ref() {
            // A full disk must not look like a fault of the guest.
            _ = file.write_all(lines);
        }
        if self.quiet {
            return;
        }
        let mut whole = Vec::with_capacity(lines.len() + self.prefix.len());
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            whole.extend_from_slice(self.prefix.as_bytes());
            whole.extend_from_slice(line);
        }
        _ = io::stderr().lock().write_all(&whole);
    }
}

impl Lines {
    fn take(&self, bytes: &[u8]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.extend_from_slice(bytes);
        if let Some(end) = open.iter().rposition(|&byte| byte == b'\n') {
            let rest = open.split_off(end + 1);
            self.sink.put(&std::mem::replace(&mut *open, rest));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if Arc::strong_count(&self.open) == 1 {
            let mut open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
            if !open.is_empty() {
                open.push(b'\n');
                self.sink.put(&open);
            }
        }
    }
}

impl Clone for Lines {
    fn clone(&self) -> Self {
        Self { sink: Arc::clone(&self.sink), open: Arc::clone(&self.open) }
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_the_last_one_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::new("c", "stdout", true, Some(folder.path())).unwrap();
        let one = output.lines();
        let two = output.lines();
        one.take(b"first ");
        two.take(b"other\n");
        one.take(b"line\nsecond");
        drop(one);
        let text = std::fs::read_to_string(folder.path().join("c_stdout.txt")).unwrap();
        assert_eq!(text, "other\nfirst line\nsecond\n");
    }
}
