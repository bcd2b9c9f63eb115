//! A browser that is driven the way a person uses it: by labels, link texts and headings. Everything waits for what it wants
//! to see; when that does not come, the panic says what was wanted and where, and a picture is left in `tests/output`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::cdp::domains::emulation::{MediaFeature, SetEmulatedMedia};
use thirtyfour::common::log::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::aviary::{Aviary, Program, Stream};

const PATIENCE: Duration = Duration::from_secs(20);
/// The usual size of the window.
pub const DESK: (u32, u32) = (1400, 900);
const PAUSE: Duration = Duration::from_millis(40);
/// Who loads a page again and again gives it some time.
const RELOAD_AFTER: Duration = Duration::from_millis(400);

/// Browsers are heavy: however many tests run at once, this many browsers do.
static PLACES: Semaphore = Semaphore::const_new(2);

const ARGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--lang=en-US",
    "--window-size=1400,900",
];

/// Light or dark, as the system of the operator says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    pub fn word(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A browser with one window, fresh as on the first day. Gone when dropped.
pub struct Browser {
    // In this order: the session ends, then its driver, then its folder goes.
    driver: WebDriver,
    _program: Program,
    _profile: TempDir,
    _place: SemaphorePermit<'static>,
    base: String,
}

impl Browser {
    pub async fn start(aviary: &Aviary) -> Self {
        Self::start_with(aviary, json!({})).await
    }

    /// A browser that runs no script of any page.
    pub async fn without_javascript(aviary: &Aviary) -> Self {
        Self::start_with(aviary, json!({ "profile.managed_default_content_settings.javascript": 2 })).await
    }

    async fn start_with(aviary: &Aviary, preferences: Value) -> Self {
        let place = PLACES.acquire().await.expect("never closed");
        let profile = TempDir::new().expect("a folder");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", profile.path()).stderr(Stdio::null());
        let program = Program::start(command, Stream::Out);
        let port = program.word_after("started successfully on port");
        let port = port.trim_end_matches('.');

        let mut wanted = DesiredCapabilities::chrome();
        let made = (|| {
            for arg in ARGS {
                wanted.add_arg(arg)?;
            }
            wanted.add_arg(&format!("--user-data-dir={}", profile.path().join("profile").display()))?;
            wanted.add_experimental_option("prefs", preferences)?;
            wanted.set_browser_log_level(LoggingPrefsLogLevel::All)
        })();
        made.expect("capabilities");
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await;
        let driver = driver.expect("Chromium starts");
        Self { driver, _program: program, _profile: profile, _place: place, base: aviary.url.clone() }
    }

    // ---- Going somewhere

    /// Opens an address.
    pub async fn open(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        if let Err(error) = self.driver.goto(&*url).await {
            self.fail(&format!("cannot open {path}: {error}")).await;
        }
    }

    /// Signs in, and is on the overview.
    pub async fn sign_in(&self, aviary: &Aviary) {
        self.open("/admin/login").await;
        self.fill("E-mail address", &aviary.email).await;
        self.fill("Password", &aviary.password).await;
        self.press("Sign in").await;
        self.see_heading("Overview").await;
    }

    /// Loads the page again until the demo was synced for the first time.
    pub async fn see_the_demo(&self) {
        let count = "//nav[@aria-label='Main']//a[starts-with(normalize-space(.), 'Servers')]/span[@class='n']";
        let probe = async || {
            let servers = self.texts(count).await.first()?.parse::<u64>().ok()?;
            if servers > 100 {
                return Some(());
            }
            tokio::time::sleep(RELOAD_AFTER).await;
            self.reload().await;
            None
        };
        self.until("the servers of the demo", probe).await;
    }

    /// Presses the button with this text, and waits for the page that follows.
    pub async fn press(&self, name: &str) {
        self.leave(async || self.button(name).await).await;
    }

    /// Follows the link with this text in the content of the page.
    pub async fn follow(&self, name: &str) {
        self.leave(async || self.link(name).await).await;
    }

    /// Follows the link in the side bar.
    pub async fn go(&self, name: &str) {
        let path = format!("//nav[@aria-label='Main']//a[starts-with(normalize-space(.), {})]", quoted(name));
        self.leave(async || self.find(&format!("“{name}” in the main navigation"), &path).await).await;
    }

    /// Clicks on what leads to another page. A page that follows what happens may put another in its place just then, so it
    /// is looked for again.
    async fn leave(&self, find: impl AsyncFn() -> WebElement) {
        let element = find().await;
        let is_there = element.is_displayed().await.is_ok();
        let element = if is_there { element } else { find().await };
        self.leave_by(&element).await;
    }

    /// Clicks on what leads to another page, and waits until this one is gone.
    pub async fn leave_by(&self, element: &WebElement) {
        let page = self.driver.find(By::Tag("html")).await.expect("every page has html");
        self.click(element).await;
        self.until("the next page", async || page.tag_name().await.is_err().then_some(())).await;
        self.loaded().await;
    }

    /// Clicks on it, having it in the middle of the window: what sticks to the edges covers nothing there.
    pub async fn click(&self, element: &WebElement) {
        let middle = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
        self.script_with(middle, vec![element.to_json().expect("an element")]).await;
        if let Err(error) = element.click().await {
            let error = error.to_string();
            self.fail(&format!(
                "cannot click: {}",
                error.lines().find(|line| line.contains("element")).unwrap_or(&error)
            ))
            .await;
        }
    }

    /// Waits until this page is gone, without a click.
    pub async fn leave_when(&self, act: impl AsyncFnOnce(&Self)) {
        let page = self.driver.find(By::Tag("html")).await.expect("every page has html");
        act(self).await;
        self.until("the next page", async || page.tag_name().await.is_err().then_some(())).await;
        self.loaded().await;
    }

    /// Scripts included.
    async fn loaded(&self) {
        let done = async || (self.script("return document.readyState").await == "complete").then_some(());
        self.until("the end of loading", done).await;
    }

    pub async fn back(&self) {
        self.driver.back().await.expect("there is a way back");
    }

    pub async fn reload(&self) {
        self.driver.refresh().await.expect("the page can be loaded again");
    }

    /// Lets the panel of the demo live a little, syncs it by hand and waits for the end. It has a request limit, so this is
    /// not done faster.
    pub async fn live_and_sync(&self) {
        tokio::time::sleep(Duration::from_secs(4)).await;
        self.open("/admin/panels/1").await;
        self.press("Sync now").await;
        self.see("What changed").await;
    }

    // ---- Looking

    /// Path and query of the address.
    pub async fn address(&self) -> String {
        let url = self.driver.current_url().await.expect("an address");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Waits until the address is like this.
    pub async fn at(&self, what: &str, matches: impl Fn(&str) -> bool) -> String {
        let probe = async || Some(self.address().await).filter(|address| matches(address));
        self.until(&format!("an address {what}"), probe).await
    }

    /// Waits for the heading.
    pub async fn see_heading(&self, text: &str) {
        let probe = async || {
            let heading = self.driver.find(By::Tag("h1")).await.ok()?;
            heading.text().await.ok()?.starts_with(text).then_some(())
        };
        self.until(&format!("the heading “{text}”"), probe).await;
    }

    /// Waits for a text anywhere.
    pub async fn see(&self, text: &str) {
        self.until(&format!("the text “{text}”"), async || self.text().await.contains(text).then_some(())).await;
    }

    /// Loads the page again until it shows the text.
    pub async fn see_after_reload(&self, text: &str, patience: Duration) {
        let probe = async || {
            if self.text().await.contains(text) {
                return Some(());
            }
            tokio::time::sleep(RELOAD_AFTER).await;
            self.reload().await;
            None
        };
        self.until_within(patience, &format!("the text “{text}” after loading again"), probe).await;
    }

    /// All that can be read on the page now.
    pub async fn text(&self) -> String {
        let Ok(body) = self.driver.find(By::Tag("body")).await else { return String::new() };
        body.text().await.unwrap_or_default()
    }

    pub async fn title(&self) -> String {
        self.driver.title().await.expect("a title")
    }

    /// The link with this text in the content.
    pub async fn link(&self, name: &str) -> WebElement {
        let text = quoted(name);
        self.find(&format!("the link “{name}”"), &format!("//main//a[normalize-space(.) = {text}]")).await
    }

    /// The button with this text.
    pub async fn button(&self, name: &str) -> WebElement {
        self.find(&format!("the button “{name}”"), &format!("//button[normalize-space(.) = {}]", quoted(name))).await
    }

    /// The field with this label.
    pub async fn field(&self, label: &str) -> WebElement {
        let text = quoted(label);
        let path = format!("//*[@id = //label[starts-with(normalize-space(.), {text})]/@for]");
        let around = format!("//label[starts-with(normalize-space(.), {text})]//input");
        self.find(&format!("the field “{label}”"), &format!("{path} | {around}")).await
    }

    /// What stands in the field.
    pub async fn value(&self, label: &str) -> String {
        self.field(label).await.prop("value").await.ok().flatten().unwrap_or_default()
    }

    /// Writes into the field, in place of what is there.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await.expect("the field takes text");
        field.send_keys(text).await.expect("the field takes text");
    }

    /// Chooses in the list with this label.
    pub async fn choose(&self, label: &str, option: &str) {
        let field = self.field(label).await;
        let path = format!(".//option[normalize-space(.) = {}]", quoted(option));
        let option = field.find(By::XPath(path)).await.expect("the option is there");
        option.click().await.expect("the option can be chosen");
    }

    /// What can be seen under this path, waited for.
    pub async fn find(&self, what: &str, path: &str) -> WebElement {
        let probe = async || self.all(path).await.into_iter().next();
        self.until(what, probe).await
    }

    /// Everything under this path that can be seen now.
    pub async fn all(&self, path: &str) -> Vec<WebElement> {
        let mut seen = Vec::new();
        for one in self.driver.find_all(By::XPath(path)).await.unwrap_or_default() {
            if one.is_displayed().await.unwrap_or(false) {
                seen.push(one);
            }
        }
        seen
    }

    /// The texts under this path, hidden ones too.
    pub async fn texts(&self, path: &str) -> Vec<String> {
        let script = "
            const found = document.evaluate(arguments[0], document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE);
            return Array.from({ length: found.snapshotLength }, (_, i) => found.snapshotItem(i).textContent.trim());";
        let texts = self.script_with(script, vec![json!(path)]).await;
        serde_json::from_value(texts).expect("texts")
    }

    /// The cells of a column of the only table.
    pub async fn column(&self, title: &str) -> Vec<String> {
        let place = format!("count(//main//th[normalize-space(.) = {}]/preceding-sibling::th) + 1", quoted(title));
        self.texts(&format!("//main//tbody/tr/td[{place}]")).await
    }

    // ---- Asking the page

    pub async fn script(&self, script: &str) -> Value {
        self.script_with(script, Vec::new()).await
    }

    pub async fn script_with(&self, script: &str, args: Vec<Value>) -> Value {
        match self.driver.execute(script, args).await {
            Ok(answer) => answer.json().clone(),
            Err(error) => self.fail(&format!("a script failed: {error}")).await,
        }
    }

    /// The same for a script that calls its last argument with the answer.
    pub async fn script_later(&self, script: &str) -> Value {
        match self.driver.execute_async(script, Vec::new()).await {
            Ok(answer) => answer.json().clone(),
            Err(error) => self.fail(&format!("a script failed: {error}")).await,
        }
    }

    /// What the browser has complained about since it was last asked.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.expect("a log");
        let bad = log.into_iter().filter(|entry| matches!(&*entry.level, "SEVERE" | "WARNING"));
        bad.map(|entry| format!("{} {}", entry.level, entry.message)).collect()
    }

    // ---- The keyboard

    pub async fn keys(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.expect("keys can be pressed");
    }

    /// Presses a key while another is held.
    pub async fn chord(&self, held: Key, key: &str) {
        let chain = self.driver.action_chain().key_down(held.clone()).send_keys(key).key_up(held);
        chain.perform().await.expect("keys can be pressed");
    }

    /// What has the focus: its text or label.
    pub async fn focused(&self) -> String {
        let script = "
            const one = document.activeElement;
            return (one.labels?.[0]?.textContent ?? one.getAttribute('aria-label') ?? one.textContent).trim().replace(/\\s+/g, ' ');";
        self.script(script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses Tab until this has the focus.
    pub async fn tab_to(&self, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..80 {
            self.keys(Key::Tab).await;
            let focused = self.focused().await;
            if focused.starts_with(name) {
                return;
            }
            passed.push(focused);
        }
        self.fail(&format!("Tab did not come to “{name}”, but to: {}", passed.join(" | "))).await
    }

    // ---- How it is shown

    pub async fn resize(&self, width: u32, height: u32) {
        let emulation = self.driver.cdp();
        emulation.emulation().set_device_metrics_override(width, height, 1.0, false).await.expect("a size");
    }

    pub async fn wear(&self, theme: Theme) {
        let scheme = MediaFeature { name: "prefers-color-scheme".into(), value: theme.word().into() };
        // Without motion, so that colors are what they become.
        let still = MediaFeature { name: "prefers-reduced-motion".into(), value: "reduce".into() };
        let media = SetEmulatedMedia { media: None, features: Some(vec![scheme, still]) };
        self.driver.cdp().send(media).await.expect("a theme");
    }

    /// Saves what is seen as PNG.
    pub async fn picture(&self, file: &Path) {
        std::fs::create_dir_all(file.parent().expect("in a folder")).expect("the folder can be made");
        self.driver.screenshot(file).await.expect("a picture");
    }

    /// Keeps how the page looks now, for those who come to see.
    pub async fn keep(&self, name: &str) {
        self.resize(DESK.0, DESK.1).await;
        for theme in Theme::ALL {
            self.wear(theme).await;
            self.picture(&output().join(format!("{name}-{}.png", theme.word()))).await;
        }
    }

    // ---- Waiting

    /// Asks again and again until there is an answer.
    pub async fn until<T>(&self, what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
        self.until_within(PATIENCE, what, probe).await
    }

    pub async fn until_within<T>(
        &self,
        patience: Duration,
        what: &str,
        mut probe: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let begin = Instant::now();
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            if begin.elapsed() > patience {
                self.fail(&format!("{what} did not come within {} s", patience.as_secs())).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends the test, with all there is to know.
    pub async fn fail(&self, what: &str) -> ! {
        let name = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let file = output().join(format!("failed-{name}.png"));
        let _ = std::fs::create_dir_all(output());
        let kept = self
            .driver
            .screenshot(&file)
            .await
            .map_or_else(|e| format!("no picture: {e}"), |()| file.display().to_string());
        let address = self.driver.current_url().await.map_or_else(|e| e.to_string(), |url| url.to_string());
        let text: String = self.text().await.chars().take(1500).collect();
        panic!("{what}\n  at {address}\n  {kept}\n{text}");
    }
}

/// Where pictures go.
pub fn output() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../output")
}

/// A text as a literal of XPath.
pub fn quoted(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let parts: Vec<_> = text.split('\'').map(|part| format!("'{part}'")).collect();
    format!("concat({})", parts.join(", \"'\", "))
}
