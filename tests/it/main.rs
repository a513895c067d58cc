//! The one integration binary.

// A test that meets what it does not expect is to end there, in its helpers too, which clippy.toml does not know for tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod absence;
mod access;
mod agreement;
mod apple_service;
mod backfill;
mod case_folder;
mod commands;
mod configuration;
mod connector;
mod contracts;
mod crash;
mod crm_sync;
mod demo;
mod edge;
mod example;
mod google_callbacks;
mod google_client;
mod google_objects;
mod google_orders;
mod google_presence;
mod google_updates;
mod house;
mod insights;
mod installation_status;
mod journey;
mod large_file;
mod listener;
mod manifest;
mod notifications;
mod openapi;
mod outage;
mod pass_attributes;
mod pass_list;
mod peer;
mod plugin_compile;
mod plugin_examples;
mod plugin_host;
mod plugin_upkeep;
mod plugins;
mod privacy;
mod process;
mod recording;
mod spin;
mod store;
mod template;
mod vibes;
mod voids;
mod webhooks;
