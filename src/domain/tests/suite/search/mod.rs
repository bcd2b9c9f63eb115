//! Finding things, through the face that the web uses.

mod asks;
mod changes;
mod finds;
mod follows;
mod hostile;
pub(crate) mod kit;
mod lists;
mod may;
mod pages;
