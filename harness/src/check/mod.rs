//! What a check is: a function from observations to verdicts, one for each feature.

mod case;
#[allow(clippy::module_inception, reason = "the folder and the type are one idea")]
mod check;
mod expect;
mod live;
mod partly;
mod pulse;
mod reads;
mod seen;
mod source;
mod stop;
mod vault;
mod wants;

pub use case::{Case, Finished};
pub(crate) use case::{mix, nth_id};
pub use check::{Check, CheckFuture};
pub use expect::{
    Matcher, above, absent, at_least, at_most, below, between, contains, is, is_not, one_of, present, such_that, within,
};
pub use live::{Live, Patience};
pub use partly::Partly;
pub use pulse::Pulse;
pub use reads::{Look, Reads};
pub use seen::Seen;
pub use source::{Shown, Source, Tampering};
pub use stop::{CannotLook, LONGEST_REASON, Stop};
pub use vault::Vault;
pub(crate) use vault::secret_names;
pub use wants::Want;
