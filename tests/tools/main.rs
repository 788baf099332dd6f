//! Tests that need other programs: Wireshark's tools, tmux.

mod later;
mod tmux;
mod tshark;
mod tshark_file;
mod wireshark;
