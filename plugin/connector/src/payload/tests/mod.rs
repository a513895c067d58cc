//! Tests of filling: the example tenant's templates with made-up tickets, a template of every language feature, and arbitrary bytes.

mod examples;
mod google;
mod hostile;
mod jobs;
mod language;
mod schema;
mod wallet;
