//! stub
use crate::step::{Outcome, Steps};
pub fn step(steps: &mut Steps) {
    steps.inline("licences", |_| Ok(Outcome::Passed));
}
