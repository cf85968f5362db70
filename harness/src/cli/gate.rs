//! `conform gate`: a record judged into an exit code.

use super::args::GateArgs;
use super::place::{self, CommandError};
use crate::baseline::Baseline;
use crate::exit_code::Exit;
use crate::gate::judge;
use crate::record::CatalogueId;
use crate::report::plain;

/// Judges the selected features of a record.
pub(super) fn gate(args: &GateArgs) -> Result<Exit, CommandError> {
    let catalogue = place::catalogue(args.which.catalogue.as_deref())?;
    let record = place::record(args.record.as_deref())?.ok_or(CommandError::NoRecord)?;
    let selection = place::select(&args.which.selection, &catalogue, Some(&record))?;
    let known = args.baseline.as_deref().map(Baseline::load).transpose()?.unwrap_or_default();
    let mut verdict = judge(&record, &selection, args.accept_partial, &known);
    verdict.rotten = known.rotten(&record, chrono::Utc::now().date_naive());
    if record.header.catalogue != CatalogueId::of(&catalogue) {
        let why = "the record goes by another catalogue; run the features again";
        verdict.record.get_or_insert_with(|| why.to_owned());
    }
    place::print(&(plain::text(&verdict.to_string()) + "\n"))?;
    Ok(if verdict.passes() { Exit::Fine } else { Exit::Failed })
}
