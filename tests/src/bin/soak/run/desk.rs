//! The control rooms' part of a run: each does with its calls what was drawn for them, and looks at the answers.

use std::time::Instant;

use dispatch_core::{command::Answer, time::Timestamp};
use muster_engine::requests::{Answered, ReplyTo, Request};
use tokio::sync::oneshot;

use super::{Run, given};
use crate::{
    agenda::Event,
    arguments::PARTS,
    calls::{Call, Step},
};

/// Commits in each part that are waited for, to see how long one takes.
const COMMITS_TIMED: u64 = 250;

impl Run {
    pub(super) fn call(&mut self, number: u64, step: Step, now: Timestamp) -> anyhow::Result<()> {
        let call = Call::draw(number, &self.scale);
        if step == Step::Report {
            self.announce_what_follows(number, &call, now);
            if call.ended_first {
                self.end(&call, Step::Cancel, now)?;
            }
        }
        match step {
            Step::Cancel if call.ended_first => self.end_again(&call, now),
            Step::Cancel | Step::Close => self.end(&call, step, now),
            Step::Report | Step::Retry | Step::Revise | Step::Straggler => self.report(&call, step, now),
        }
    }

    fn announce_what_follows(&mut self, number: u64, call: &Call, now: Timestamp) {
        self.reported += 1;
        for &(after, step) in &call.then {
            self.agenda.add(now + after, Event::Call { call: number, step });
        }
        let next = number + 1;
        if next < self.scale.incidents {
            let at = Call::draw(next, &self.scale).at;
            self.agenda.add(
                at,
                Event::Call {
                    call: next,
                    step: Step::Report,
                },
            );
        }
    }

    fn report(&mut self, call: &Call, step: Step, now: Timestamp) -> anyhow::Result<()> {
        let (report, address) = (Box::new(call.report(step, now)), Some(call.address()));
        let answer = self.ask(now, step == Step::Report, |reply| Request::Report {
            report,
            address,
            reply,
        })?;
        let right = matches!(&answer, Some(Answer::Reported(given)) if given.duplicate == (step == Step::Retry));
        self.wrong_answers += u64::from(!right);
        Ok(())
    }

    fn end(&mut self, call: &Call, step: Step, now: Timestamp) -> anyhow::Result<()> {
        self.ending(call, step, false, now)
    }

    fn end_again(&mut self, call: &Call, now: Timestamp) -> anyhow::Result<()> {
        self.ending(call, Step::Cancel, true, now)
    }

    fn ending(&mut self, call: &Call, step: Step, repeated: bool, now: Timestamp) -> anyhow::Result<()> {
        let ending = call.ending(step, now);
        let answer = self.ask(now, false, |reply| Request::End { ending, reply })?;
        let right = matches!(&answer, Some(Answer::Ended(given)) if given.duplicate == repeated);
        self.wrong_answers += u64::from(!right);
        Ok(())
    }

    /// Asks the owner; every so often waits for the disk, to see how long that takes.
    fn ask(
        &mut self,
        now: Timestamp,
        may_wait: bool,
        request: impl FnOnce(ReplyTo<Answered>) -> Request,
    ) -> anyhow::Result<Option<Answer>> {
        let (reply, answer) = oneshot::channel();
        let every = (self.scale.incidents / PARTS / COMMITS_TIMED).max(1);
        let timed = may_wait && self.reported.is_multiple_of(every);
        if timed {
            self.service().settle()?;
        }
        let began = Instant::now();
        let took = self.service().request(request(reply), now)?;
        self.requests.add(took);
        if timed {
            self.service().settle()?;
            self.commits.add(began.elapsed().saturating_sub(took));
        }
        Ok(given(answer).map(|answered| answered.answer))
    }
}
