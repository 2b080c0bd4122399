//! Incidents as they stood where a watch is, kept from page to page: a call-out has tens of thousands of records, and each
//! page holds a few hundred of them.

use std::collections::BTreeMap;

use dispatch_core::ids::{IncidentId, TenantId};
use muster_engine::ports::{IncidentEntry, JournalError, JournalReader};

use crate::answer::Story;

/// Incidents kept; the one that was told longest ago goes first, and is read again if it goes on. A busy control room has
/// this many at a time, and the largest call-out takes some megabytes.
const KEPT_MAX: usize = 32;

/// The incidents of one watch, each told up to the watch's position.
#[derive(Default)]
pub(crate) struct Stories {
    /// With the sequence of the record told last.
    kept: BTreeMap<IncidentId, (u64, Story)>,
}

impl Stories {
    /// The story of a record's incident as it stood before that record. Records must come in order, none left out.
    pub fn at(
        &mut self,
        reader: &dyn JournalReader,
        tenant: &TenantId,
        entry: &IncidentEntry,
    ) -> Result<&mut Story, JournalError> {
        let sequence = entry.entry.sequence;
        if !self.kept.contains_key(&entry.incident) {
            let known = reader.incident_entries(tenant, entry.incident)?;
            let before = known.iter().take_while(|known| known.entry.sequence < sequence);
            let story = Story::begun(entry.incident, before);
            self.make_room();
            self.kept.insert(entry.incident, (sequence, story));
        }
        let (told, story) = self.kept.get_mut(&entry.incident).expect("put there if it was not");
        *told = sequence;
        Ok(story)
    }

    fn make_room(&mut self) {
        if self.kept.len() < KEPT_MAX {
            return;
        }
        let oldest = self.kept.iter().min_by_key(|(_, (told, _))| *told);
        if let Some(incident) = oldest.map(|(&incident, _)| incident) {
            self.kept.remove(&incident);
        }
    }
}
