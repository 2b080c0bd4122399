//! The people's part of a run: they register, connect, move about, change.

use anyhow::Context as _;
use dispatch_core::{ids::ResponderId, input::Input, time::Timestamp};
use muster_engine::requests::{OnConflict, Request};
use tokio::sync::oneshot;

use super::{HOUR, OPEN, Run, given};
use crate::{
    agenda::Event,
    calls::{START, tenant},
    people::{self, Change, Resident},
};

/// The register changes at this hour of the day.
const CHANGES_AT: u64 = 4;
/// People registered in one request; the most that an import sends.
const ROWS_AT_ONCE: usize = 1_000;

impl Run {
    /// Once an hour every phone says where it is; a few go out of reach. Once a day the register changes.
    pub(super) fn round(&mut self, hour: u64, now: Timestamp) -> anyhow::Result<()> {
        let service = self.service.as_mut().expect(OPEN);
        for resident in &mut self.residents {
            if let Some(input) = resident.presence(&mut self.chance) {
                service.input(input, now)?;
            }
            let fix = resident.fix(self.scale.responders, now, &mut self.chance);
            service.input(fix, now)?;
        }
        if hour % 24 == CHANGES_AT {
            self.change_register(hour / 24, now)?;
        }
        self.agenda
            .add(START + HOUR * u32::try_from(hour + 1)?, Event::Round { hour: hour + 1 });
        Ok(())
    }

    fn change_register(&mut self, day: u64, now: Timestamp) -> anyhow::Result<()> {
        let service = self.service.as_mut().expect(OPEN);
        for resident in &mut self.residents {
            let (tenant, responder) = (tenant(resident.town), resident.responder);
            match resident.change(day, &mut self.chance) {
                None => {}
                Some(Change::Update(patch)) => {
                    let (reply, _) = oneshot::channel();
                    let update = Request::Update {
                        tenant,
                        responder,
                        patch,
                        reply,
                    };
                    service.request(update, now)?;
                }
                Some(Change::NewPhone) => {
                    let (reply, issued) = oneshot::channel();
                    let enrolment = resident.enrolment();
                    service.request(Request::Issue { enrolment, reply }, now)?;
                    let new = given(issued).context("no phone")??.access.device.device;
                    let device = std::mem::replace(&mut resident.device, new);
                    let (reply, _) = oneshot::channel();
                    service.request(Request::Revoke { tenant, device, reply }, now)?;
                    service.input(Input::DeviceOnline { device: new }, now)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn register_everybody(&mut self) -> anyhow::Result<()> {
        let numbers: Vec<u32> = (0..self.scale.responders).collect();
        for numbers in numbers.chunks(ROWS_AT_ONCE) {
            let (reply, registered) = oneshot::channel();
            let rows = numbers.iter().map(|&number| people::registration(number)).collect();
            let on_conflict = OnConflict::Refuse;
            self.service().request(
                Request::Register {
                    rows,
                    on_conflict,
                    reply,
                },
                START,
            )?;
            let registered = given(registered).context("nobody registered")?;
            for (&number, row) in numbers.iter().zip(registered) {
                self.move_in(number, row?.0.profile.responder)?;
            }
        }
        Ok(())
    }

    fn move_in(&mut self, number: u32, responder: ResponderId) -> anyhow::Result<()> {
        let town = people::town_of(number);
        let (reply, issued) = oneshot::channel();
        let enrolment = people::enrolment(town, responder);
        self.service().request(Request::Issue { enrolment, reply }, START)?;
        let device = given(issued).context("no phone")??.access.device.device;
        self.by_responder.insert(responder, self.residents.len());
        self.residents
            .push(Resident::new(responder, device, town, &mut self.chance));
        Ok(())
    }

    /// Every phone connects and says where it is: after the first start and after every restart.
    pub(super) fn everybody_connects(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let service = self.service.as_mut().expect(OPEN);
        for resident in &self.residents {
            let device = resident.device;
            service.input(Input::DeviceOnline { device }, now)?;
            let fix = resident.fix(self.scale.responders, now, &mut self.chance);
            service.input(fix, now)?;
        }
        self.deliver(now);
        Ok(())
    }
}
