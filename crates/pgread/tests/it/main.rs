//! The wire client against real servers.

mod failures;
mod hostile;
mod privileges;
mod statements;
mod support;
mod values;
