//! Builds a request and its reply from the names of their fields, and decodes
//! them again: `cargo run --example encode`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use dxgtrace::protocol::decode::tree;
use dxgtrace::protocol::encode;

fn main() -> Result<(), Box<dyn Error>> {
    let request = encode::request("create_allocation")
        .process(0x40)
        .set("device", 0x4000_0000)
        .set("flags", "create_resource")
        .add_element("alloc_info", [("vidpn_source_id", 1)])
        .add_element("alloc_info", [("vidpn_source_id", 2)])
        .build()?;
    let reply = request
        .reply()?
        .set("resource", 0x4000_0040)
        .set("allocation_info.allocation", &[0x4000_0080, 0x4000_00c0])
        .set("allocation_info.allocation_size", &[0x1000, 0x2000])
        .build()?;
    for message in [request, reply] {
        let decoded = message.decode()?;
        println!("{} bytes: {}", message.payload.len(), decoded.summary());
        for line in tree(&decoded, 2) {
            let indent = 2 + 2 * usize::from(line.depth);
            println!("{:indent$}{} {}", "", line.label, line.text);
        }
    }
    Ok(())
}
