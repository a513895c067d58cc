//! The other side, on real sockets: a SecuTix institution, Apple's push service, Google's wallet service, the phones of both, Vibes Platform, and a CRM.
//!
//! Owns everything that Passerelle talks to, for the demo, for the tests and for integrators (`passerelle simulate`). It is an
//! implementation of its own: it depends on no other crate of this workspace, parses what it is sent strictly and refuses what the
//! real counterpart would refuse, so that an agreement between the two is worth something. It deliberately does not cover what the
//! product never calls (SOAP, access control, Google's private content).
//!
//! Bounded by: loopback addresses only, memory only, nothing survives [`Simulator::stop`]. All persons in it are invented.
//!
//! ```no_run
//! # async fn demo() -> anyhow::Result<()> {
//! use passerelle_simulator::{Holder, Origin, Simulator, SimulatorConfig};
//! let world = Simulator::start(SimulatorConfig::default()).await?;
//! let secutix = world.secutix();
//! secutix.listen_at("http://127.0.0.1:8080/api/demo/webhooks/listeners/secutix/orders");
//! let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "Lovelace"), Origin::TicketShop).await?;
//! let movement = sale.movement().unwrap_or_default();
//! secutix.reprint(movement, Origin::BackOffice).await?;
//! world.stop().await;
//! # Ok(())
//! # }
//! ```

pub mod apple;
pub mod authority;
mod caller;
mod control;
pub mod crm;
mod form;
pub mod google;
mod jws;
mod listener;
pub mod secutix;
pub mod vibes;
mod world;

pub use apple::package::{Package, PackageError};
pub use apple::phone::{AddError, Iphone};
pub use apple::push::{PushProof, PushRecord, PushReply, PushService};
pub use apple::signature::SignatureError;
pub use apple::timeline::{FieldChange, PhoneEntry, PhoneEvent};
pub use apple::view::{Field, PassView};
pub use authority::{Authority, AuthorityError, Identity, KeyKind, PassCertificate, PushKey, ServiceAccount};
pub use crm::{ApiCall, ApiRoute, Behaviour, Crm, CrmApi, CrmDesk, CrmRecord, Customer, EVENT_TEXTS, Issued, Received};
pub use google::phone::{GooglePhone, GoogleView, SaveError};
pub use google::{Announcement, CallbackDelivery, CallbackRecord, GoogleCall, GoogleService};
pub use listener::ListenError;
pub use secutix::catalogue::{Catalogue, FIRST_PERFORMANCE, Performance, Product, ProductKind, Texts, Venue, texts};
pub use secutix::change::{Change, MATRIX, MatrixRow, TicketIds, UseCase};
pub use secutix::desk::{Purchase, Seat};
pub use secutix::model::{Contact, File, Holder, Origin, TicketState};
pub use secutix::notifier::{Delivery, Mode, Notice, Receipt};
pub use secutix::oddities::Oddities;
pub use secutix::webservice::ServiceCall;
pub use secutix::{Credentials, Institution, InstitutionError};
pub use vibes::{TimeForm, TypeField, VibesCall, VibesConfig, VibesDelivery, VibesOutcome, VibesQuirks, VibesService};
pub use world::{
    Addresses, AppleConfig, GoogleConfig, InstitutionConfig, Ports, Simulator, SimulatorConfig, StartError,
};

/// The wait ended before what was waited for was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not seen within {0:?}")]
pub struct NotSeen(pub std::time::Duration);

/// Waits until `look` finds something; it looks again with every change.
pub(crate) async fn seen<T>(
    changes: &tokio::sync::watch::Sender<u64>,
    look: impl Fn() -> Option<T>,
    limit: std::time::Duration,
) -> Result<T, NotSeen> {
    let mut changes = changes.subscribe();
    let waiting = async move {
        loop {
            changes.borrow_and_update();
            if let Some(found) = look() {
                return found;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::time::timeout(limit, waiting).await.map_err(|_| NotSeen(limit))
}

/// Milliseconds since 1970, as the timelines and the records have them.
pub type Millis = i64;

pub(crate) fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}
