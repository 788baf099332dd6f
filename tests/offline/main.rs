//! Tests that need nothing but the files of this repository.

mod architecture;
mod capture_file;
mod capture_format;
mod check;
mod cli;
mod corpus;
mod doctor;
mod embedding;
mod explain;
mod fences;
mod filter;
mod flight_recorder;
mod generated;
mod generations;
mod innocence;
mod json_lines;
mod later;
mod parts;
mod probe;
mod robust;
mod rules;
mod samples;
mod session;
mod tables;
mod tui;
mod verdicts;
