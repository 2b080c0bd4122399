//! Who is there: profiles and devices (durable), and where they are and whether their phones are connected (soft). All of
//! a responder's entries change here and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ids::{DeviceId, ResponderId, TenantId},
    index::{Handle, LiveIndex},
    position::{Fix, Metres, Position},
    responder::{Device, Purpose, ResponderProfile, Skills, TravelMode},
};

/// Everyone registered.
#[derive(Default)]
pub struct Roster {
    people: Vec<Person>,
    /// By handle, the number of the tenant that may ask this person, or [`NO_PHONE`]: a search passes over other people by
    /// the thousand, and two bytes each stay in the processor's cache, which people do not.
    asked_by: Vec<u16>,
    tenant_names: Vec<TenantId>,
    /// Every combination of skills that somebody has or had, so that all who have it share one text.
    skills: BTreeSet<Skills>,
    handles: BTreeMap<ResponderId, Handle>,
    devices: BTreeMap<DeviceId, Handle>,
    index: LiveIndex,
    positions: Positions,
}

/// In place of a tenant's number: whoever has no phone that understands alerts can be asked by nobody, and must not take
/// the place of a candidate who can.
const NO_PHONE: u16 = u16::MAX;

/// What became of the fixes of phones and trunks since the service started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Positions {
    /// The person is now there.
    pub taken: u64,
    /// Not newer than what is known: it was overtaken on its way, or said twice.
    pub not_newer: u64,
    /// Newer, and yet it tells less than what is known: see [`Fix::tells_nothing_after`].
    pub vaguer: u64,
    /// Of a device or person that is not enrolled.
    pub unknown: u64,
}

impl Positions {
    /// Each count with its label in counters.
    pub fn counts(&self) -> [(&'static str, u64); 4] {
        [
            ("taken", self.taken),
            ("not_newer", self.not_newer),
            ("vaguer", self.vaguer),
            ("unknown", self.unknown),
        ]
    }
}

/// A registered person.
pub struct Person {
    /// The profile.
    pub profile: ResponderProfile,
    /// Their devices, by id, so that the register may give them back in any order.
    devices: Vec<Enrolled>,
    /// What the devices come to, for each purpose: they lie elsewhere in memory, and a choice asks this of thousands.
    reach: [Reach; 2],
    /// The newest fix of any of their devices; soft.
    pub fix: Option<Fix>,
    /// The fix is from before the last restart.
    pub is_fix_of_before: bool,
}

/// A device, and whether it is connected.
struct Enrolled {
    device: Device,
    presence: Presence,
}

/// Whether a phone is connected, as far as known. Soft: a restart knows nothing, and what is not known counts as
/// reachable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Presence {
    /// Nothing heard since the service started.
    #[default]
    Unknown,
    /// Connected and listening.
    Online,
    /// Said to be gone.
    Offline,
}

/// Whether somebody can be asked by phone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Reach {
    /// They have no device that may be asked for this purpose and understands alerts.
    #[default]
    NoDevice,
    /// Every such device is known to be disconnected.
    Offline,
    /// At least one such device is not.
    Reachable,
}

/// Somebody near a place.
pub struct NearPerson<'a> {
    /// Who.
    pub person: &'a Person,
    /// Their place in the roster.
    pub handle: Handle,
    /// How they travel.
    pub mode: TravelMode,
    /// The fix used.
    pub fix: Fix,
    /// Exact distance to the place.
    pub distance: Metres,
}

impl Roster {
    /// Registers or changes a person.
    pub fn put_responder(&mut self, mut profile: ResponderProfile) {
        let tenant = self.tenant_number(&profile.tenant);
        profile.tenant = self.tenant_names[tenant].clone();
        match self.skills.get(&profile.skills) {
            Some(known) => profile.skills = known.clone(),
            None => drop(self.skills.insert(profile.skills.clone())),
        }
        match self.handles.get(&profile.responder).copied() {
            Some(handle) => {
                self.people[handle.0 as usize].profile = profile;
                self.mark(handle);
            }
            None => {
                let handle = Handle(u32::try_from(self.people.len()).expect("fewer than four billion responders"));
                self.handles.insert(profile.responder, handle);
                self.asked_by.push(NO_PHONE);
                self.people.push(Person {
                    profile,
                    devices: Vec::new(),
                    reach: [Reach::NoDevice; 2],
                    fix: None,
                    is_fix_of_before: false,
                });
            }
        }
    }

    fn tenant_number(&mut self, tenant: &TenantId) -> usize {
        self.number_of(tenant).unwrap_or_else(|| {
            self.tenant_names.push(tenant.clone());
            self.tenant_names.len() - 1
        })
    }

    /// Notes who may ask a person and whether they can be reached, after their profile or their phones changed.
    fn mark(&mut self, handle: Handle) {
        let person = &mut self.people[handle.0 as usize];
        person.reach = [Purpose::Live, Purpose::Exercise].map(|purpose| person.reach_by_devices(purpose));
        let person = &self.people[handle.0 as usize];
        let number = self.number_of(&person.profile.tenant).expect("entered with the person");
        let number = u16::try_from(number).expect("fewer than 65,536 control rooms have a certificate");
        let has_phone = person.devices.iter().any(|known| known.device.alertable);
        self.asked_by[handle.0 as usize] = if has_phone { number } else { NO_PHONE };
    }

    fn number_of(&self, tenant: &TenantId) -> Option<usize> {
        self.tenant_names.iter().position(|known| known == tenant)
    }

    /// Enrols a device of a registered person.
    pub fn put_device(&mut self, device: Device) {
        let Some(&handle) = self.handles.get(&device.responder) else {
            return;
        };
        let enrolled = Enrolled {
            device,
            presence: Presence::Unknown,
        };
        let devices = &mut self.people[handle.0 as usize].devices;
        match devices.binary_search_by_key(&device.device, |known| known.device.device) {
            Ok(place) => devices[place] = enrolled,
            Err(place) => {
                // Most people have one phone; the usual room for four is a waste times a million.
                devices.reserve_exact(1);
                devices.insert(place, enrolled);
            }
        }
        self.devices.insert(device.device, handle);
        self.mark(handle);
    }

    /// Ends a device's enrolment.
    pub fn revoke_device(&mut self, device: DeviceId) {
        if let Some(handle) = self.devices.remove(&device) {
            let devices = &mut self.people[handle.0 as usize].devices;
            devices.retain(|known| known.device.device != device);
            self.mark(handle);
        }
    }

    /// A person.
    pub fn person(&self, responder: ResponderId) -> Option<&Person> {
        self.handles
            .get(&responder)
            .map(|handle| &self.people[handle.0 as usize])
    }

    /// A device.
    pub fn device(&self, device: DeviceId) -> Option<&Device> {
        let handle = self.devices.get(&device)?;
        let mut devices = self.people[handle.0 as usize].devices.iter();
        devices
            .find(|known| known.device.device == device)
            .map(|known| &known.device)
    }

    /// Notes whether a phone is connected.
    pub fn set_presence(&mut self, device: DeviceId, presence: Presence) {
        let Some(&handle) = self.devices.get(&device) else {
            return;
        };
        let devices = self.people[handle.0 as usize].devices.iter_mut();
        for enrolled in devices.filter(|known| known.device.device == device) {
            enrolled.presence = presence;
        }
        self.mark(handle);
    }

    /// Takes a fix of a phone, if it says more than what is known of the person; returns whose it is then. Allocates nothing
    /// once the index has grown to its size.
    pub fn take_fix(&mut self, device: DeviceId, fix: Fix) -> Option<Handle> {
        let person = self.devices.get(&device).copied();
        self.take(person, fix)
    }

    /// The same for a fix that a trunk tells.
    pub fn take_fix_of(&mut self, responder: ResponderId, fix: Fix) -> Option<Handle> {
        let person = self.handles.get(&responder).copied();
        self.take(person, fix)
    }

    fn take(&mut self, person: Option<Handle>, fix: Fix) -> Option<Handle> {
        let Some(handle) = person else {
            self.positions.unknown += 1;
            return None;
        };
        let person = &mut self.people[handle.0 as usize];
        match &person.fix {
            Some(known) if fix.taken_at <= known.taken_at => self.positions.not_newer += 1,
            Some(known) if fix.tells_nothing_after(known) => self.positions.vaguer += 1,
            _ => {
                person.fix = Some(fix);
                person.is_fix_of_before = false;
                self.index.place(handle, fix.position);
                self.positions.taken += 1;
                return Some(handle);
            }
        }
        None
    }

    /// Where somebody was last, and how they travel.
    pub fn whereabouts(&self, handle: Handle) -> Option<(Position, TravelMode)> {
        let person = self.people.get(handle.0 as usize)?;
        Some((person.fix?.position, person.profile.travel_mode))
    }

    /// Puts people where they were before a restart, unless their phones have said more since.
    pub fn warm_up(&mut self, responder: ResponderId, fix: Fix) {
        let Some(&handle) = self.handles.get(&responder) else {
            return;
        };
        let person = &mut self.people[handle.0 as usize];
        if person.fix.is_none() {
            person.fix = Some(fix);
            person.is_fix_of_before = true;
            self.index.place(handle, fix.position);
        }
    }

    /// Where people are, from the `from`-th registered on; looks at `looked_at` of them.
    pub fn fixes(&self, from: usize, looked_at: usize) -> impl Iterator<Item = (ResponderId, Fix)> {
        let people = self.people.iter().skip(from).take(looked_at);
        people.filter_map(|person| person.fix.map(|fix| (person.profile.responder, fix)))
    }

    /// How many people are registered.
    pub fn registered(&self) -> usize {
        self.people.len()
    }

    /// What became of fixes so far.
    pub fn positions(&self) -> Positions {
        self.positions
    }

    /// Up to `limit` people of a tenant within `radius` who have a phone that understands alerts, in any order: the nearest,
    /// those equally far by responder id.
    pub fn near(&self, place: Position, radius: Metres, limit: usize, tenant: &TenantId) -> Vec<NearPerson<'_>> {
        self.near_where(place, radius, limit, tenant, |_| true)
    }

    /// The same of those that `keep` lets through.
    pub fn near_where(
        &self,
        place: Position,
        radius: Metres,
        limit: usize,
        tenant: &TenantId,
        keep: impl Fn(&Person) -> bool,
    ) -> Vec<NearPerson<'_>> {
        let Some(wanted) = self.number_of(tenant) else {
            return Vec::new();
        };
        let near = self.index.nearest_in_any_order(place, radius, limit, |handle| {
            let handle = handle.0 as usize;
            usize::from(self.asked_by[handle]) == wanted && keep(&self.people[handle])
        });
        let mut people: Vec<NearPerson<'_>> = near
            .into_iter()
            .map(|near| {
                let person = &self.people[near.handle.0 as usize];
                let fix = person.fix.expect("the index holds those with a fix");
                NearPerson {
                    person,
                    handle: near.handle,
                    mode: person.profile.travel_mode,
                    fix,
                    distance: near.distance,
                }
            })
            .collect();
        if people.len() > limit {
            // Then the index gives them by distance; who they are, which lies elsewhere in memory, is looked at for ties alone.
            for tied in people.chunk_by_mut(|one, other| one.distance == other.distance) {
                tied.sort_by_key(|near| near.person.profile.responder);
            }
        }
        people.truncate(limit);
        people
    }

    /// How many people have a fix.
    pub fn located(&self) -> usize {
        self.index.len()
    }
}

impl Person {
    /// Whether they can be asked for `purpose`.
    pub fn reach(&self, purpose: Purpose) -> Reach {
        match purpose {
            Purpose::Live => self.reach[0],
            Purpose::Exercise => self.reach[1],
        }
    }

    fn reach_by_devices(&self, purpose: Purpose) -> Reach {
        let by_device = self.alertable(purpose).map(|(_, presence)| match presence {
            Presence::Offline => Reach::Offline,
            Presence::Unknown | Presence::Online => Reach::Reachable,
        });
        by_device.max().unwrap_or_default()
    }

    /// Their devices that may be asked for `purpose` and understand alerts, with their presence.
    pub fn alertable(&self, purpose: Purpose) -> impl Iterator<Item = (DeviceId, Presence)> + '_ {
        let devices = self.devices.iter();
        let fitting = devices.filter(move |known| known.device.alertable && known.device.purpose == purpose);
        fitting.map(|known| (known.device.device, known.presence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::TenantId, time::Timestamp};

    fn device(number: u8, purpose: Purpose, alertable: bool) -> Device {
        Device {
            device: DeviceId::from_bytes([number; 16]),
            responder: ResponderId::from_bytes([1; 16]),
            purpose,
            alertable,
        }
    }

    #[test]
    fn who_can_be_reached_follows_every_change_of_their_devices() {
        let mut roster = Roster::default();
        let responder = ResponderId::from_bytes([1; 16]);
        roster.put_responder(ResponderProfile {
            responder,
            tenant: TenantId::new("london").expect("a name"),
            skills: Skills::default(),
            credential_valid_until: Timestamp::from_unix_ms(0),
            travel_mode: TravelMode::Foot,
            on_duty: true,
            suspended: false,
            quiet_hours: None,
        });
        let reach = |roster: &Roster| {
            let person = roster.person(responder).expect("registered");
            (person.reach(Purpose::Live), person.reach(Purpose::Exercise))
        };
        let (first, second) = (device(1, Purpose::Live, true), device(2, Purpose::Live, true));
        assert_eq!(reach(&roster), (Reach::NoDevice, Reach::NoDevice));
        roster.put_device(device(3, Purpose::Live, false));
        assert_eq!(reach(&roster).0, Reach::NoDevice, "it understands no alerts");
        roster.put_device(first);
        assert_eq!(reach(&roster), (Reach::Reachable, Reach::NoDevice));
        roster.set_presence(first.device, Presence::Offline);
        assert_eq!(reach(&roster).0, Reach::Offline);
        roster.put_device(second);
        assert_eq!(reach(&roster).0, Reach::Reachable, "by the second phone");
        roster.set_presence(second.device, Presence::Offline);
        assert_eq!(reach(&roster).0, Reach::Offline);
        roster.set_presence(second.device, Presence::Online);
        assert_eq!(reach(&roster).0, Reach::Reachable);
        roster.put_device(device(2, Purpose::Exercise, true));
        assert_eq!(reach(&roster), (Reach::Offline, Reach::Reachable));
        roster.revoke_device(first.device);
        assert_eq!(reach(&roster), (Reach::NoDevice, Reach::Reachable));
    }
}
