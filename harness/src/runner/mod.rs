//! Runs checks in parallel, each within its deadline, and hands every outcome on at once.

mod deadline;
mod in_time;
mod place;
mod restore;
mod roll_call;
mod rounds;
mod schedule;
mod session;

pub use deadline::Deadline;
pub use place::{Place, Placed};
pub use restore::restore;
pub use roll_call::RollCall;
pub use rounds::Rounds;
pub use schedule::{Event, Plan, Run, decide, run};
pub use session::{News, Session, Subject, conduct};
