//! A real browser on the real binary: what an operator does, from signing in to removing a panel. Few, whole journeys.
//! `tests/run` builds the binary, says where it is (`AVIARY_BIN`), and runs these.

mod aviary;
mod browser;
mod empty;
mod every_page;
mod find;
mod first_run;
mod frame;
mod jobs;
mod keyboard;
mod live;
mod objects;
mod panels;
mod pictures;
mod plain;
mod removals;
mod second_factor;
mod settings;
mod signing_in;
mod sound;
mod tables;
mod theme;
mod webhooks;
