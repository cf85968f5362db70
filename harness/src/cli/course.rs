//! How a run goes: what of it is done here, how often, and whether it goes on with an earlier one.

use crate::runner::Rounds;
use crate::shard::{INDEX, NoShard, Part, Shard};
use clap::Args;
use std::path::PathBuf;

/// Rounds of `--until-fail` where nobody says how many.
const MANY: u32 = 1_000;

/// Arguments of `conform run` about its course.
#[derive(Debug, Clone, Args)]
pub struct CourseArgs {
    /// Go on with a run that was broken off: what has no outcome in this record yet is checked, and added to it
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["selection", "record", "seed", "patience", "shard", "repeat", "until_fail"])]
    pub resume: Option<PathBuf>,
    /// Only the features of one part of several, such as 3/10; `conform merge` joins the records. In a pod of an indexed
    /// Kubernetes Job, index/10 takes K from its JOB_COMPLETION_INDEX
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Part>,
    /// Run each check so often; a verdict that changes is flaky, which no gate lets pass
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: Option<u32>,
    /// Run each check until it fails, at most as often as --repeat says [default: 1000 times]
    #[arg(long)]
    pub until_fail: bool,
}

impl CourseArgs {
    /// The part that is done here, if not all is.
    pub(super) fn shard(&self) -> Result<Option<Shard>, NoShard> {
        let place = std::env::var(INDEX).ok();
        self.shard.map(|part| part.shard(place.as_deref())).transpose()
    }

    /// How often each check is run.
    pub(super) fn rounds(&self) -> Rounds {
        let usual = if self.until_fail { MANY } else { 1 };
        Rounds { most: self.repeat.unwrap_or(usual), until_fail: self.until_fail }
    }
}
