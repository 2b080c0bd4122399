//! Every decision of Muster, and nothing else.
//!
//! Things that happen come in as [`Input`](input::Input), things to do leave as [`Command`](command::Command), time is an
//! argument. What must stay true: the same inputs at the same times give the same commands, byte for byte; state changes
//! only by [`apply`](state::State::apply), live and in recovery alike; every alert, and every message about one, ends in
//! exactly one counted outcome; every deadline stands in one table.
//!
//! Absent on purpose: async, input/output, clocks, hash-order iteration, ambient randomness, floating-point functions
//! whose result depends on the platform, wire formats, names and addresses of people.

pub mod aeds;
pub mod alert;
pub mod attendance;
pub mod cad_clock;
pub mod call_out;
pub mod choose;
pub mod coarse;
pub mod command;
pub mod deadlines;
pub mod dispatcher;
pub mod ids;
pub mod incident;
pub mod index;
pub mod input;
pub mod ledger;
pub mod policy;
pub mod position;
pub mod record;
pub mod regions;
pub mod responder;
pub mod roads;
pub mod roster;
pub mod scene;
pub mod state;
pub mod survival;
pub mod time;
