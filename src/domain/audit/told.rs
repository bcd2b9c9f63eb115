use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{AuditChange, AuditEvent, AuditTarget};
use serde::{Deserialize, Serialize};

use super::chain::hex;

/// An event as it is told to programs: in answers and exports.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Its number; later events have larger ones.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: ToldActor,
    /// What was done, such as `panel.add`.
    pub action: String,
    /// The same for people.
    pub does: String,
    /// To what.
    pub target: Option<AuditTarget>,
    /// What became different, secrets masked.
    pub changes: Vec<AuditChange>,
    /// `done`, `refused` or `failed`.
    pub outcome: String,
    /// Why it was refused or failed.
    pub reason: Option<String>,
    /// What ties it to the event before, in hex.
    pub hash: String,
}

/// Who, and from where.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToldActor {
    /// Kind and id, such as `person/0190…`; what the list is filtered by.
    pub id: String,
    /// `person`, `api-key`, `job` and so on.
    pub kind: String,
    /// The name at that time.
    pub name: String,
    /// The address of the caller.
    pub address: Option<String>,
    /// What the caller said it is.
    pub user_agent: Option<String>,
    /// Names the request in the log.
    pub request_id: Option<String>,
}

impl From<(u64, AuditEvent)> for Told {
    fn from((seq, event): (u64, AuditEvent)) -> Self {
        let origin = event.actor.origin;
        let actor = ToldActor {
            id: event.actor.who.to_string(),
            kind: event.actor.who.kind().to_owned(),
            name: event.actor.name,
            address: origin.address.map(|address| address.to_string()),
            user_agent: origin.user_agent,
            request_id: origin.request_id,
        };
        Self {
            seq,
            at: event.at,
            actor,
            action: event.action.name().to_owned(),
            does: event.action.does().to_owned(),
            target: event.target,
            changes: event.changes,
            outcome: event.outcome.went().word().to_owned(),
            reason: event.outcome.reason().map(str::to_owned),
            hash: hex(&event.hash),
        }
    }
}
