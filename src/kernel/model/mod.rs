//! Plain records: what the product knows, without how it is stored, fetched or shown.

mod mirror;
mod panel;
mod scalar;
mod sync;

pub use mirror::{
    Allocation, Egg, EggConfig, EggScript, EggVariable, FeatureLimits, Kind, Limits, Location, Nest, Node, ObjectKey,
    RemoteId, Resources, Server, ServerDatabase, ServerState, ServerVariable, Subuser, User,
};
pub use panel::{Dialect, Panel, PanelId, Reach};
pub use scalar::{HiddenText, JsonText, Pairs, Scalar};
pub use sync::{
    Counts, Drift, DriftKind, FieldChange, HistoryEntry, Missing, Operation, Removal, RemovalState, RemovalStop,
    StepReport, StepState, SyncId, SyncIssue, SyncRun, SyncStatus, Target,
};
