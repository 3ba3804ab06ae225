//! Child processes: started, waited for until they answer, and stopped in order.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, ChildStdout, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// A child that is stopped when this is dropped.
pub struct Running {
    pub name: &'static str,
    child: Child,
}

impl Running {
    pub fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("can't start {name}"))?;
        Ok(Self { name, child })
    }

    /// What it prints, if that was asked for. Once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// What it says about that, if that was asked for. Once.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Whether it has ended, and if so well.
    pub fn ended(&mut self) -> Result<Option<bool>> {
        Ok(self.child.try_wait()?.map(|status| status.success()))
    }

    /// Waits until `http://address/path` answers 200.
    pub fn wait_for(&mut self, address: SocketAddr, path: &str, at_most: Duration) -> Result<()> {
        let until = Instant::now() + at_most;
        while !answers(address, path) {
            ensure!(
                self.ended()?.is_none(),
                "{} has ended before it was ready",
                self.name
            );
            if Instant::now() > until {
                bail!(
                    "{} was not ready after {} seconds",
                    self.name,
                    at_most.as_secs()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Asks it to end, and waits.
    pub fn stop(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            let asked = Command::new("kill")
                .args(["-TERM", &self.child.id().to_string()])
                .status();
            if !asked.is_ok_and(|status| status.success()) {
                self.child.kill()?;
            }
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(head.ends_with(b"200"))
    };
    ask().unwrap_or(false)
}

/// Refuses a port that somebody else listens at.
pub fn check_free(address: SocketAddr) -> Result<()> {
    let taken = std::net::TcpListener::bind(address).err();
    if let Some(error) = taken {
        bail!(
            "Port {} can't be used ({error}): stop what listens there, or choose another with --port.",
            address.port()
        );
    }
    Ok(())
}
