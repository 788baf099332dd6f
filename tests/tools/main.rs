//! Tests that run programs of others: Wireshark's tools, tmux.

mod tmux;
mod tshark;
mod tshark_file;
mod wireshark;
