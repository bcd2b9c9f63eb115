//! The check at set-up: what the key may read, what would be lost without, and what else a person should know before the first
//! sync.

use aviary_kernel::model::{Dialect, Kind, Target};
use serde::Serialize;
use serde_json::Value;

use super::call::{Api, Ask, Caller};
use super::judge::resource;
use super::wire::{self, Relation, relation};
use super::{FaultKind, PanelError};
use crate::http::{Answer, http_date};

/// A clock that is further off than this is worth a word.
const CLOCKS_MAY_DIFFER_S: i64 = 60;

/// What a look at a panel showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PanelCheck {
    /// Which API it speaks.
    pub dialect: Dialect,
    /// What can be read of it, kind by kind.
    pub access: Vec<Access>,
    /// The limit of the Application API.
    pub application_limit: Option<RateLimit>,
    /// The limit of the Client API, when a client key is set.
    pub client_limit: Option<RateLimit>,
    /// Whether the client key belongs to a root administrator; none without a key or when it does not work.
    pub client_is_admin: Option<bool>,
    /// Seconds that the panel's clock is ahead of ours.
    pub clock_ahead_s: Option<i64>,
    /// Whether the connection is encrypted.
    pub is_secure: bool,
    /// Requests that the check took.
    pub requests: u64,
    /// What a person should know, worst first.
    pub findings: Vec<Finding>,
}

impl PanelCheck {
    /// Whether nothing stands in the way of a whole mirror.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Problem)
    }
}

/// Whether a kind of object can be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// The part of a sync it belongs to.
    pub target: Target,
    /// The kind.
    pub kind: Kind,
    /// Whether the key may read it.
    pub readable: Readable,
    /// How many there are, where the panel says so.
    pub total: Option<u64>,
    /// What the mirror lacks without it.
    pub without: String,
    /// What to do when it cannot be read, or is not known to be.
    pub remedy: Option<String>,
}

/// Whether something can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Readable {
    /// It can.
    Yes,
    /// The key lacks the level for it.
    No,
    /// It could not be told, mostly because the panel has nothing yet to show it with.
    Unknown,
}

/// How many requests a panel allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests a minute.
    pub per_minute: u32,
    /// How many were left at the last answer.
    pub remaining: Option<u32>,
}

/// Something that a person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, in one word.
    pub code: String,
    /// What is the case.
    pub what: String,
    /// What to do; none when nothing needs to be done.
    pub remedy: Option<String>,
}

/// How bad a finding is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The mirror will lack something.
    Problem,
    /// It works, but should not stay so.
    Warning,
    /// Good to know.
    Note,
}

/// Looks at everything that a mirror needs.
pub(crate) async fn check(caller: &Caller, dialect: Dialect) -> Result<PanelCheck, PanelError> {
    let before = requests(caller);
    let mut look = Look { caller, dialect, access: Vec::new(), findings: Vec::new(), clock_ahead_s: None };
    let node = look.list(Kind::Node, "/nodes").await?;
    look.places(node).await?;
    look.list(Kind::User, "/users").await?;
    look.servers().await?;
    let client_is_admin = look.client_key().await;
    look.connection();
    look.mostly_refused();
    let mut findings = look.findings;
    findings.sort_by_key(|finding| finding.severity);
    look.access.sort_by_key(|access| access.kind);
    Ok(PanelCheck {
        dialect,
        access: look.access,
        application_limit: limit(caller, Api::Application),
        client_limit: limit(caller, Api::Client),
        client_is_admin,
        clock_ahead_s: look.clock_ahead_s,
        is_secure: caller.is_secure(),
        requests: requests(caller) - before,
        findings,
    })
}

struct Look<'a> {
    caller: &'a Caller,
    dialect: Dialect,
    access: Vec<Access>,
    findings: Vec<Finding>,
    clock_ahead_s: Option<i64>,
}

/// The first row of a list, where there is one.
type First = Option<Value>;

impl Look<'_> {
    /// What hangs on nodes, locations and nests.
    async fn places(&mut self, node: First) -> Result<(), PanelError> {
        match id_of(&node) {
            Some(id) => drop(self.list(Kind::Allocation, &format!("/nodes/{id}/allocations")).await?),
            None => self.unknown(Kind::Allocation, "there is no node to try it with"),
        }
        if self.dialect == Dialect::Pelican {
            self.eggs("/eggs").await?;
            return Ok(());
        }
        self.list(Kind::Location, "/locations").await?;
        let nest = self.list(Kind::Nest, "/nests").await?;
        match id_of(&nest) {
            Some(id) => self.eggs(&format!("/nests/{id}/eggs")).await,
            None => {
                self.unknown(Kind::Egg, "there is no nest to try it with");
                self.unknown(Kind::EggVariable, "there is no nest to try it with");
                Ok(())
            }
        }
    }

    async fn eggs(&mut self, path: &str) -> Result<(), PanelError> {
        let egg = self.list(Kind::Egg, path).await?;
        let level = self.access.last().map_or(Readable::Unknown, |access| access.readable);
        // The level for eggs covers their variables.
        let readable = if egg.is_some() { level } else { unseen(level) };
        self.note_access(Kind::EggVariable, readable, None, "there is no egg to try it with");
        Ok(())
    }

    async fn servers(&mut self) -> Result<(), PanelError> {
        let relations = [(Kind::Database, "databases"), (Kind::Subuser, "subusers"), (Kind::Allocation, "allocations")];
        let ask = Ask::application("/servers").with("include", "allocations,variables,subusers,databases");
        let server = self.ask_list(Kind::Server, ask).await?;
        let level = self.access.last().map_or(Readable::Unknown, |access| access.readable);
        let attributes = server.as_ref().and_then(|server| server.get("attributes"));
        for (kind, name) in relations {
            let readable = match attributes.map(|attributes| relation(attributes, name)) {
                Some(Relation::Rows(_)) => Readable::Yes,
                Some(Relation::Unknown) => Readable::No,
                Some(Relation::Odd) => Readable::Unknown,
                None => unseen(level),
            };
            if kind != Kind::Allocation {
                self.note_access(kind, readable, None, "there is no server to try it with");
            } else if readable == Readable::No {
                self.find(
                    Severity::Problem,
                    "allocations",
                    "servers do not show which allocations they have",
                    Some(remedy_for("allocations")),
                );
            }
        }
        if attributes.is_some_and(|attributes| matches!(relation(attributes, "variables"), Relation::Unknown)) {
            let what =
                "servers do not show their variables, so that every value of their environment is treated as hidden";
            self.find(Severity::Warning, "variables", what, Some(remedy_for("servers")));
        }
        Ok(())
    }

    /// The first row of a list. What keeps the panel from answering at all is an error, everything else a finding.
    async fn list(&mut self, kind: Kind, path: &str) -> Result<First, PanelError> {
        self.ask_list(kind, Ask::application(path)).await
    }

    async fn ask_list(&mut self, kind: Kind, ask: Ask) -> Result<First, PanelError> {
        let ask = ask.with("per_page", 1).with("page", 1);
        match self.caller.get(&ask).await {
            Ok(answer) => Ok(self.seen(kind, &ask, &answer)),
            Err(error) => match error.kind {
                FaultKind::Forbidden => {
                    self.note_access(kind, Readable::No, None, "");
                    Ok(None)
                }
                FaultKind::ServerFault | FaultKind::Gateway | FaultKind::UnknownDialect | FaultKind::NotFound => {
                    self.fault(kind, &error);
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }

    fn seen(&mut self, kind: Kind, ask: &Ask, answer: &Answer) -> First {
        self.note_clock(answer);
        match wire::list(&answer.body) {
            Ok(list) => {
                let total = list.paging.map_or(list.rows.len() as u64, |paging| paging.total);
                self.note_access(kind, Readable::Yes, Some(total), "");
                list.rows.first().and_then(|raw| serde_json::from_str(raw.get()).ok())
            }
            Err(why) => {
                let what = format!("the list of {} {why}", resource(&ask.path));
                let remedy = "the panel may be patched or of an unknown release; check its version".to_owned();
                self.find(Severity::Problem, "bad_shape", what, Some(remedy));
                self.unknown(kind, "the panel answers in a shape of its own");
                None
            }
        }
    }

    fn fault(&mut self, kind: Kind, error: &PanelError) {
        self.find(
            Severity::Problem,
            error.kind.code(),
            format!("{}: {}", kind.plural(), error.what),
            Some(error.remedy.clone()),
        );
        self.unknown(kind, &error.what);
    }

    fn unknown(&mut self, kind: Kind, why: &str) {
        self.note_access(kind, Readable::Unknown, None, why);
    }

    /// `why` says why it is not known, when it is not.
    fn note_access(&mut self, kind: Kind, readable: Readable, total: Option<u64>, why: &str) {
        let level = level(kind);
        let remedy = match readable {
            Readable::Yes => None,
            Readable::No if is_optional(kind) => Some(format!("if they are wanted, {}", remedy_for(level))),
            Readable::No => Some(remedy_for(level)),
            Readable::Unknown => Some(format!("check again later: {why}")),
        };
        if readable == Readable::No {
            let what = format!("the application key may not read {level}: {}", without(kind));
            let severity = if is_optional(kind) { Severity::Note } else { Severity::Problem };
            self.find(severity, "forbidden", what, remedy.clone());
        }
        self.access.push(Access {
            target: kind.target(),
            kind,
            readable,
            total,
            without: without(kind).to_owned(),
            remedy,
        });
    }

    async fn client_key(&mut self) -> Option<bool> {
        if !self.caller.has_client_key() {
            return None;
        }
        let ask = Ask::client("/account");
        let outcome = match self.caller.get(&ask).await {
            Ok(answer) => wire::single(&answer.body).map_err(|_| "the account has an unknown shape".to_owned()),
            Err(error) => {
                self.find(Severity::Problem, error.kind.code(), error.what, Some(error.remedy));
                return None;
            }
        };
        let Ok(account) = outcome else {
            self.find(Severity::Warning, "bad_shape", "the account of the client key has an unknown shape", None);
            return None;
        };
        let flag = |name: &str| account["attributes"].get(name).and_then(Value::as_bool);
        let is_admin = flag("root_admin").or(flag("admin"))?;
        if !is_admin {
            self.find(
                Severity::Problem,
                "client_key",
                "the client key belongs to a user who is no administrator, and sees only that user's servers",
                Some("make a client key on the account of a root administrator".to_owned()),
            );
        }
        Some(is_admin)
    }

    fn note_clock(&mut self, answer: &Answer) {
        if self.clock_ahead_s.is_some() {
            return;
        }
        let Some(theirs) = answer.header("date").and_then(http_date) else { return };
        let ahead = (theirs - self.caller.env().now().millis()).div_euclid(1000);
        self.clock_ahead_s = Some(ahead);
        if ahead.abs() > CLOCKS_MAY_DIFFER_S {
            let direction = if ahead > 0 { "ahead of" } else { "behind" };
            self.find(
                Severity::Warning,
                "clock",
                format!("the panel's clock is {} s {direction} ours", ahead.abs()),
                Some("let both machines set their clocks by NTP".to_owned()),
            );
        }
    }

    fn connection(&mut self) {
        if !self.caller.is_secure() {
            self.find(
                Severity::Warning,
                "tls",
                "the connection is not encrypted, so that the key can be read on the way",
                Some("use https:// unless the way to the panel is yours alone".to_owned()),
            );
        }
    }

    /// A key that may read nothing at all is most likely another problem than missing levels.
    fn mostly_refused(&mut self) {
        if self.access.iter().any(|access| access.readable == Readable::Yes) {
            return;
        }
        let finding = Finding {
            severity: Severity::Problem,
            code: "not_an_administrator".to_owned(),
            what: "the application key may read nothing at all".to_owned(),
            remedy: Some("check that the key's owner is still an administrator of the panel".to_owned()),
        };
        // The cause of all the others.
        self.findings.insert(0, finding);
    }

    fn find(&mut self, severity: Severity, code: &str, what: impl Into<String>, remedy: Option<String>) {
        self.findings.push(Finding { severity, code: code.to_owned(), what: what.into(), remedy });
    }
}

/// What is known of something that was not seen, from what may be done with what it belongs to.
fn unseen(parent: Readable) -> Readable {
    if parent == Readable::No { Readable::No } else { Readable::Unknown }
}

fn id_of(row: &First) -> Option<u64> {
    row.as_ref().and_then(wire::id_of)
}

fn remedy_for(level: &str) -> String {
    format!("make an application key with Read on {level} and set it here")
}

/// Whether a key does well to lack the level for it: who may read databases may read their passwords.
fn is_optional(kind: Kind) -> bool {
    kind == Kind::Database
}

/// The level of a key that a kind hangs on.
fn level(kind: Kind) -> &'static str {
    match kind {
        Kind::Location => "locations",
        Kind::Node => "nodes",
        Kind::Allocation => "allocations",
        Kind::Nest => "nests",
        Kind::Egg | Kind::EggVariable => "eggs",
        Kind::User | Kind::Subuser => "users",
        Kind::Server => "servers",
        Kind::Database => "server databases",
    }
}

fn without(kind: Kind) -> &'static str {
    match kind {
        Kind::Location => "without them nodes are not grouped by place",
        Kind::Node => "without them it is not known where servers run, nor what is free",
        Kind::Allocation => "without them there are no addresses and ports",
        Kind::Nest => "without them eggs cannot be found, because they are listed by nest",
        Kind::Egg => "without them it is not known what servers run",
        Kind::EggVariable => "without them the settings of eggs are missing",
        Kind::User => "without them servers have no owners, and people cannot be matched to accounts",
        Kind::Server => "without them there is hardly anything to mirror",
        Kind::Database => "without them databases are not mirrored, but the key cannot read their passwords either",
        Kind::Subuser => "without them it is not known who else may use a server",
    }
}

fn limit(caller: &Caller, api: Api) -> Option<RateLimit> {
    let pace = caller.pacer(api)?.pace();
    Some(RateLimit { per_minute: pace.limit?, remaining: pace.remaining })
}

fn requests(caller: &Caller) -> u64 {
    [Api::Application, Api::Client].iter().filter_map(|api| caller.pacer(*api)).map(|pacer| pacer.pace().requests).sum()
}
