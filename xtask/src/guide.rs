//! The plugin author's way, walked as docs/plugins/first-plugin.md has it, and languages.md for those who
//! don't write Rust: their commands are run word for word, against a host that was just started, with
//! nothing from this workspace but the program.
//! Then every other project that `althing plugin new` makes, and `althing plugin dev`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::built;
use crate::packages;
use crate::process::{Running, check_free};
use crate::toolchain;

const GUIDE: &str = "docs/plugins/first-plugin.md";
const LANGUAGES: &str = "docs/plugins/languages.md";
/// Beside the ports of the demo and its test.
const PORT: u16 = 17_610;
/// The hooks whose projects the guide doesn't make.
const OTHERS: [&str; 11] = [
    "message-guard",
    "events",
    "interactions",
    "message-kind",
    "schedule",
    "membership-guard",
    "session-guard",
    "file-guard",
    "endpoint",
    "feed",
    "lifecycle",
];
/// A build on a busy machine, and what comes after it.
const AT_MOST: Duration = Duration::from_secs(180);

/// Walks it.
pub fn run(root: &Path) -> Result<()> {
    // What is missing on this machine is got first, so that `althing plugin build` finds it.
    toolchain::find()?;
    packages::node()?;
    packages::python()?;
    packages::clang()?;
    let built = toolchain::cargo()
        .args(["build", "--package", "althing", "--bin", "althing"])
        .current_dir(root)
        .status();
    ensure!(
        built.context("cargo")?.success(),
        "the host could not be built"
    );
    let folder = built::folder(root)?.join("guide");
    // What cargo has built stays, all else begins anew.
    for made in ["cache", "host", "work", "languages"] {
        if folder.join(made).exists() {
            fs::remove_dir_all(folder.join(made))?;
        }
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    check_free(address)?;
    fs::create_dir_all(folder.join("work"))?;
    let mut host = Running::start(
        "the host",
        Command::new(built::program(root, "debug", "althing")?)
            .arg("serve")
            .env("ALTHING_DATA_DIR", folder.join("host"))
            .env("ALTHING_SERVER__LISTEN", address.to_string())
            .stderr(fs::File::create(folder.join("host.log"))?),
    )?;
    host.wait_for(address, "/readyz", Duration::from_secs(60))?;
    let mut author = Author {
        programs: built::programs(root, "debug")?,
        work: folder.join("work"),
        folder,
        address,
        key: String::new(),
    };
    author.open_an_app()?;
    author.follow(root, GUIDE)?;
    for hook in OTHERS {
        let name = format!("a-{hook}");
        author.shell(&format!(
            "althing plugin new {name} --hook {hook}\ncd {name}\ncargo test --quiet\n\
             althing plugin build\nalthing plugin test {name}.wasm"
        ))?;
    }
    author.without_the_target()?;
    author.develop()?;
    // Its plugins have the names of those in the first guide.
    author.begin_anew("languages")?;
    author.open_an_app()?;
    author.follow(root, LANGUAGES)?;
    author.in_other_languages()?;
    host.stop()
}

/// Somebody with the program, a shell, and the key of an app.
struct Author {
    programs: PathBuf,
    folder: PathBuf,
    /// Where projects are made.
    work: PathBuf,
    address: SocketAddr,
    key: String,
}

impl Author {
    fn command(&self, program: &str) -> Command {
        let mut path = self.programs.clone().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        // Called as from a shell, not from cargo.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_PKG_")
                || name.to_string_lossy().starts_with("CARGO_MANIFEST_")
            {
                command.env_remove(name);
            }
        }
        command
            .current_dir(&self.work)
            .stdin(Stdio::null())
            .env("PATH", path)
            .env("ALTHING_URL", format!("http://{}", self.address))
            .env("ALTHING_KEY", &self.key)
            // One cache for all projects. The crates are those that the workspace has fetched.
            .env("CARGO_TARGET_DIR", self.folder.join("build"))
            .env("CARGO_NET_OFFLINE", "true")
            .env("XDG_CACHE_HOME", self.folder.join("cache"));
        command
    }

    /// Runs a script up to its first failure, and gives what it printed.
    fn shell(&self, script: &str) -> Result<String> {
        let done = self
            .command("sh")
            .args(["-eu", "-c", script])
            .output()
            .context("sh")?;
        let out = String::from_utf8_lossy(&done.stdout).into_owned();
        ensure!(
            done.status.success(),
            "this failed:\n{script}\n\nIt printed:\n{out}{}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(out)
    }

    fn open_an_app(&mut self) -> Result<()> {
        let operator = fs::read_to_string(self.folder.join("host/operator.key"))?;
        self.key = operator.trim().to_owned();
        let org = self.shell("althing --json org create Authors --email authors@example.com")?;
        let org: serde_json::Value = serde_json::from_str(&org)?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let id = text(&org["org"]["id"]);
        self.key = text(&org["key"]);
        self.key = self
            .shell(&format!("althing app create Dice --org {id}"))?
            .trim()
            .to_owned();
        Ok(())
    }

    /// Goes on in a folder of its own.
    fn begin_anew(&mut self, folder: &str) -> Result<()> {
        self.work = self.folder.join(folder);
        Ok(fs::create_dir_all(&self.work)?)
    }

    /// Runs a guide's commands as one shell would, and looks for what it says they print.
    fn follow(&self, root: &Path, path: &str) -> Result<()> {
        let guide = fs::read_to_string(root.join(path)).with_context(|| path.to_owned())?;
        let commands = blocks(&guide, "sh").join("\n");
        ensure!(
            commands.contains("althing plugin new"),
            "{path} has no commands"
        );
        let printed = self.shell(&commands)?;
        for line in blocks(&guide, "output")
            .iter()
            .flat_map(|text| text.lines())
        {
            ensure!(
                printed.contains(line),
                "{path} says that this is printed:\n{line}\n\nIt was:\n{printed}"
            );
        }
        Ok(())
    }

    /// The projects that their guide doesn't make, and what is said to those who lack a tool.
    fn in_other_languages(&self) -> Result<()> {
        for (name, hook, language) in [
            ("js-guard", "message-guard", "javascript"),
            ("py-dice", "commands", "python"),
            ("c-dice", "commands", "c"),
        ] {
            self.shell(&format!(
                "althing plugin new {name} --hook {hook} --language {language}\ncd {name}\n\
                 althing plugin build\nalthing plugin test {name}.wasm"
            ))?;
        }
        self.shell("althing plugin new bare-js --language javascript")?;
        self.shell("althing plugin new bare-py --language python")?;
        for (project, says) in [
            ("bare-js", "apt-get install nodejs npm"),
            ("bare-py", "apt-get install python3 python3-venv"),
            ("c-dice", "apt-get install clang"),
        ] {
            let done = self
                .command(&self.programs.join("althing").display().to_string())
                .args(["plugin", "build", project])
                .env("PATH", "/nowhere")
                .output()?;
            let said = String::from_utf8_lossy(&done.stderr);
            ensure!(
                done.status.code() == Some(1) && said.contains(says),
                "a build of {project} without its tools said: {said}"
            );
        }
        Ok(())
    }

    /// Who lacks the standard library is told what to do.
    fn without_the_target(&self) -> Result<()> {
        let compiler = self.folder.join("work/rustc");
        fs::write(
            &compiler,
            "#!/bin/sh\ncase $1 in --print) echo /nowhere;; *) echo host: none;; esac\n",
        )?;
        self.shell("chmod +x rustc")?;
        let done = self
            .command("althing")
            .args(["plugin", "build", "dice"])
            .env("RUSTC", &compiler)
            .output()?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(
            done.status.code() == Some(1) && said.contains("rustup target add"),
            "a build without the target said: {said}"
        );
        Ok(())
    }

    /// A change is built and runs on the host, and what it logs there is shown.
    fn develop(&self) -> Result<()> {
        self.ask("PUT", "/v1/users", r#"{"users":[{"id":"alice"}]}"#)?;
        let channel = r#"{"id":"general","owner":"alice"}"#;
        self.ask("POST", "/v1/channels", channel)?;
        let mut command = self.command("althing");
        command
            .args(["plugin", "dev", "dice"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut dev = Running::start("`althing plugin dev`", &mut command)?;
        let (out, notes) = (lines(dev.stdout()), lines(dev.stderr()));
        let source = self.folder.join("work/dice/src/lib.rs");
        let code = fs::read_to_string(&source)?;
        let first = wait_for(&out, " runs")?;

        fs::write(&source, format!("{code}\nbroken"))?;
        wait_for(&notes, "doesn't compile")?;
        let logging = code.replace(
            "chat::send(",
            "log::info!(\"thrown\");\n        chat::send(",
        );
        ensure!(logging != code, "the guide's code sends nothing");
        fs::write(&source, logging)?;
        let second = wait_for(&out, " runs")?;
        ensure!(first != second, "the change was not built: {second}");
        let roll = r#"{"name":"roll","text":"2d6","as":"alice"}"#;
        self.ask("POST", "/v1/channels/general/commands", roll)?;
        wait_for(&out, "thrown")?;
        dev.stop()
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(
            answer.starts_with("HTTP/1.1 2"),
            "{method} {path} was answered: {answer}"
        );
        Ok(())
    }
}

/// What stands in the code blocks of a language.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let mut lines = markdown.lines();
    let mut found = Vec::new();
    while lines.any(|line| line == fence) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push(block.join("\n"));
    }
    found
}

/// Reads lines as they come, so that nobody who writes them waits.
fn lines(from: Option<impl std::io::Read + Send + 'static>) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in from
            .into_iter()
            .flat_map(|from| BufReader::new(from).lines())
        {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn wait_for(lines: &Receiver<String>, words: &str) -> Result<String> {
    let mut seen = Vec::new();
    while let Ok(line) = lines.recv_timeout(AT_MOST) {
        if line.contains(words) {
            return Ok(line);
        }
        seen.push(line);
    }
    bail!("`{words}` did not come, but:\n{}", seen.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn blocks_are_told_by_their_language() {
        let guide = "a\n```sh\none\n```\n```text\nno\n```\n```sh\ntwo\n\nthree\n```\n";
        assert_eq!(blocks(guide, "sh"), ["one", "two\n\nthree"]);
        assert_eq!(blocks(guide, "output"), [""; 0]);
    }
}
