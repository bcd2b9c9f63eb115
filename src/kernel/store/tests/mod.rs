//! The promises of this room, on disks that fail.

mod copying;
mod faults;
mod looking;
mod model;
mod opening;
mod sample;
mod seals;
mod writing;
