//! syncd keeps folders in step with cloud services and says the truth about it.

pub mod adapter;
pub mod alerts;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod decide;
pub mod demo;
pub mod doctor;
pub mod emulator;
pub mod engine;
pub mod flow;
pub mod model;
pub mod port;
pub mod report;
pub mod store;
pub mod web;
