//! The brain: `handle(event, now) -> effects` decides everything; `daemon` waits, asks and obeys.

mod event;
mod notice;
mod policy;
mod snapshot;

pub use event::{Effect, Event, Record, Restored, Settings, Visited, Waiting};
pub use notice::{Case, Notice, NoticeKind};
pub use policy::{Limits, Policy, Watch};
pub use snapshot::{AddressView, EndpointView, Histogram, MailResult, OutboxView, ReloadView, Snapshot};
