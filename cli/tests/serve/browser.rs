//! A real browser, driven by WebDriver (<https://www.w3.org/TR/webdriver2/>) and, for what that lacks, by the browser's own
//! DevTools commands. It resolves no names, so that nothing leaves this machine.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::http;

/// The key of an element in an answer, as the standard has it.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// The tab key, as the standard spells it.
pub(crate) const TAB: &str = "\u{e004}";
/// The enter key.
pub(crate) const ENTER: &str = "\u{e007}";

/// A browser with one window.
pub(crate) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it, or says why the test is skipped.
    pub(crate) fn start() -> Option<Self> {
        let missing: Vec<&str> =
            ["chromium", "chromedriver"].into_iter().filter(|name| find(name).is_none()).collect();
        if !missing.is_empty() {
            let reason =
                format!("{} not installed (scripts/test-requirements installs it)", missing.join(", "));
            assert!(!skipping_fails(), "may not be skipped on CI: {reason}");
            println!("skipped: {reason}");
            return None;
        }
        let mut driver = Command::new(find("chromedriver").unwrap())
            .arg("--port=0")
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", std::env::temp_dir())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = told.by_ref().find_map(|line| {
            let line = line.unwrap();
            line.strip_suffix('.')?.rsplit_once("on port ")?.1.parse().ok()
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap()));
        // What it says later is read too, or it would wait for a reader.
        std::thread::spawn(move || told.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, address, session: String::new(), _profile: profile };
        let arguments = [
            "--headless=new".to_owned(),
            // As root, which tests in containers are, there is no sandbox.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--no-first-run".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1".to_owned(),
            format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        let options = json!({ "binary": find("chromium").unwrap(), "args": arguments });
        let wanted = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let answer = browser.post("/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = answer["sessionId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        Some(browser)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let headers = [("host", "127.0.0.1"), ("content-type", "application/json"), ("connection", "close")];
        let answer = http::send(self.address, &format!("POST {path}"), &headers, &body.to_string());
        let text = answer.text();
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        assert_eq!(answer.status, 200, "{path} {body}: {value}");
        value["value"].clone()
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.post(&format!("/session/{}/{name}", self.session), body)
    }

    /// A DevTools command.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    pub(crate) fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// Runs a script in the page, for asking what it looks like.
    pub(crate) fn ask(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    pub(crate) fn url(&self) -> String {
        self.ask("return location.href").as_str().unwrap().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        self.ask("return document.body.innerText").as_str().unwrap().to_owned()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    /// Clicks the link with this text.
    pub(crate) fn follow(&self, text: &str) {
        let found = self.command("element", &json!({ "using": "link text", "value": text }));
        let element = found[ELEMENT].as_str().unwrap();
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Presses a key, wherever the focus is.
    pub(crate) fn press(&self, key: &str) {
        let actions = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.command("actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// What the browser has complained about since it was asked last.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.command("se/log", &json!({ "type": "browser" }));
        entries.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// A window so wide, light or dark or paper.
    pub(crate) fn look(&self, width: u32, media: &str, scheme: &str) {
        let metrics = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "media": media, "features": features }));
    }

    /// The whole page as a picture.
    pub(crate) fn picture(&self, file: &Path) {
        let answer = self
            .devtools("Page.captureScreenshot", &json!({ "captureBeyondViewport": true, "format": "png" }));
        std::fs::write(file, BASE64.decode(answer["data"].as_str().unwrap().as_bytes()).unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Closes the browser's processes; whatever goes wrong here, the driver ends.
            let line = format!("DELETE /session/{}", self.session);
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                http::send(self.address, &line, &[("host", "127.0.0.1"), ("connection", "close")], "")
            }));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place of this test that reads the environment")]
fn search_path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path()).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[expect(clippy::disallowed_methods, reason = "the one place of this test that reads the environment")]
fn skipping_fails() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}
