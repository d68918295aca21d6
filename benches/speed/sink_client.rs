//! A sink as the benchmark holds it: started, asked for its counts, ended with this value.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::sink::{self, Counts};

pub(crate) struct Sink {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
    /// The sink ends when this is closed.
    _alive: ChildStdin,
}

impl Sink {
    /// A sink that takes so long for each request.
    pub(crate) fn start(delay: Duration) -> Outcome<Self> {
        Self::spawn(&[&delay.as_millis().to_string()])
    }

    /// A sink that tells of each PUT.
    pub(crate) fn telling() -> Outcome<Self> {
        Self::spawn(&["0", sink::TELL])
    }

    fn spawn(arguments: &[&str]) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(sink::COMMAND)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let alive = child.stdin.take().ok_or("no pipe to the sink")?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe from the sink")?);
        let port = next_line(&mut lines)?.parse()?;
        Ok(Self {
            child,
            lines,
            port,
            _alive: alive,
        })
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn counts(&self) -> Outcome<Counts> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(b"GET /-/counts HTTP/1.1\r\n\r\n")?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer.split("\r\n\r\n").nth(1).ok_or("no counts")?;
        Ok(serde_json::from_str(body)?)
    }

    /// Does the work and fails if it did not make exactly so many PUTs.
    pub(crate) fn counted<T>(&self, puts: usize, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let before = self.counts()?;
        let result = work()?;
        let after = self.counts()?;
        let made = after.puts - before.puts;
        if made != puts as u64 {
            return Err(format!("{made} PUTs came, {puts} were to come").into());
        }
        Ok(result)
    }

    /// When the next PUT was answered, in nanoseconds since 1970.
    pub(crate) fn next_put(&mut self) -> Outcome<u128> {
        Ok(next_line(&mut self.lines)?.parse()?)
    }
}

fn next_line(lines: &mut BufReader<ChildStdout>) -> Outcome<String> {
    let mut line = String::new();
    if lines.read_line(&mut line)? == 0 {
        return Err("the sink ended".into());
    }
    Ok(line.trim().to_owned())
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
