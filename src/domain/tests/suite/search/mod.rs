//! Finding things, through the face that the web uses.

mod asks;
mod finds;
mod follows;
mod hostile;
mod kit;
mod lists;
mod may;
mod pages;
