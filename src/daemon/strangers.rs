//! Targets of no inventory: visited as an endpoint with nothing but the defaults would be, and forgotten.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    clock::Timestamp,
    diagnosis::Judged,
    endpoint::{Endpoint, Host, Target},
    monitor::{AddressView, EndpointView, Watch},
    visit::{Visitor, When},
    web::Visiting,
};

/// Shares resolver, limits and what was learnt with the visits of the inventory.
pub(super) struct Strangers {
    pub(super) visitor: Visitor,
    /// What holds for all, in the configuration that is in force.
    pub(super) common: watch::Receiver<Arc<Watch>>,
}

impl Visiting for Strangers {
    fn visit(&self, target: Target, name: Host, within: Duration) -> Pin<Box<dyn Future<Output = EndpointView> + Send>> {
        let (visitor, mut watch) = (self.visitor.clone(), Watch::clone(&self.common.borrow()));
        watch.expectation.host = Some(name.clone());
        watch.endpoint = Endpoint { server_name: name, timeout: within, ..Endpoint::new(target) };
        let now = Timestamp::now();
        Box::pin(async move {
            let visit = visitor.visit(&watch.endpoint, &watch.expectation, &watch.trust, When::now(now)).await;
            let addresses = visit.seen.into_iter().map(view).collect();
            EndpointView { watch: Arc::new(watch), addresses, renewals: Vec::new() }
        })
    }
}

fn view(judged: Judged) -> AddressView {
    let (address, has_chain) = (judged.observation.address, judged.observation.chain().is_some());
    let (known, failed) = if has_chain { (Some(Arc::new(judged)), None) } else { (None, Some(Arc::new(judged))) };
    AddressView { address, known, failed }
}
