//! The one integration binary.

mod absence;
mod access;
mod apple_service;
mod case_folder;
mod configuration;
mod connector;
mod crash;
mod demo;
mod example;
mod google_objects;
mod house;
mod journey;
mod listener;
mod openapi;
mod outage;
mod privacy;
mod process;
mod store;
mod voids;
