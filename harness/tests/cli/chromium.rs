//! Drives a headless Chromium over its debugging pipe: opens a page, asks it questions, and notes what it complains of.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long the browser may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// What it is called, and where a variable may say that it is.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const VARIABLE: &str = "CHROMIUM";

/// A browser with one page open. It ends when it is dropped.
pub struct Chromium {
    child: Child,
    pipe: ChildStdin,
    heard: Receiver<Value>,
    session: String,
    last: u64,
    /// Addresses that the page asked for, its own included.
    pub asked: Vec<String>,
    /// Errors that the page raised or the browser reported of it.
    pub complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

/// The browser of this machine; nothing where there is none, which is said aloud.
pub fn found() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let on_path = || NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = named.into_iter().chain(on_path()).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: no Chromium on this machine; install one or name it in {VARIABLE}");
    }
    found
}

impl Chromium {
    /// Starts the browser and opens a page.
    pub fn open(program: &Path, page: &Path) -> Chromium {
        let profile = tempfile::tempdir().unwrap();
        // The browser reads from its descriptor 3 and writes to 4; the shell turns our pipes into those.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"#])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, heard) = channel();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while out.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                message.pop();
                let told = serde_json::from_slice(&message).map(|value| tell.send(value));
                if !told.is_ok_and(|sent| sent.is_ok()) {
                    break;
                }
                message.clear();
            }
        });
        let pipe = child.stdin.take().unwrap();
        let (asked, complaints) = (Vec::new(), Vec::new());
        let mut browser =
            Chromium { child, pipe, heard, session: String::new(), last: 0, asked, complaints, _profile: profile };
        browser.attach();
        browser.go(&format!("file://{}", page.canonicalize().unwrap().display()));
        browser
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached = self.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        self.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Network", "Log", "Runtime"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    fn go(&mut self, url: &str) {
        let ready = json!("document.readyState === 'complete' && location.href !== 'about:blank'");
        self.call("Page.navigate", json!({"url": url}));
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(ready.as_str().unwrap()) != json!(true) {
            assert!(Instant::now() < deadline, "{url} was not loaded in time");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The value of an expression in the page; a promise is waited for.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.pipe.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let told = self.heard.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{method}: {error}"));
            if told["id"] == self.last {
                assert!(told["error"].is_null(), "{method}: {told}");
                return told["result"].clone();
            }
            self.note(&told);
        }
    }

    fn note(&mut self, told: &Value) {
        let params = &told["params"];
        match told["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                self.asked.extend(params["request"]["url"].as_str().map(str::to_owned));
            }
            "Runtime.exceptionThrown" => self.complaints.push(params["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" if ["error", "warning"].contains(&params["type"].as_str().unwrap_or("")) => {
                self.complaints.push(params["args"].to_string());
            }
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.complaints.push(params["entry"].to_string());
            }
            _ => {}
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Told to close, it ends its own children as well.
        self.last += 1;
        let close = json!({"id": self.last, "method": "Browser.close"});
        let _ = self.pipe.write_all(format!("{close}\0").as_bytes());
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
