//! Every message of the table, by walking the table: no message is named here.

use std::collections::BTreeSet;

use dxgtrace::check::{self, Code, Finding};
use dxgtrace::decode::Pending;
use dxgtrace::protocol;
use dxgtrace::protocol::schema::Mode;
use dxgtrace_tests::generate::{Counts, Framing, Made, Plan, conversation};

/// What is found in each packet of a conversation, replies checked against
/// the request before them.
fn findings(packets: &[Made]) -> Vec<Vec<Finding>> {
    let mut pending = None;
    packets
        .iter()
        .map(|made| {
            let mut found = Vec::new();
            let packet = made.packet();
            let decoded = check::packet(&packet, pending.as_ref(), &mut |one| found.push(one));
            let decoded = decoded.expect("there is a message");
            assert_eq!(decoded.name(), made.message.name);
            pending = Some(Pending::new(&decoded));
            found
        })
        .collect()
}

#[test]
fn generated_packets_have_no_findings() {
    let mut wrong = BTreeSet::new();
    for message in protocol::all() {
        for framing in Framing::ALL {
            for counts in Counts::ALL {
                for seed in 0..10 {
                    let plan = Plan::new(framing, seed).counts(counts);
                    let packets = conversation(message, plan);
                    for (made, found) in packets.iter().zip(findings(&packets)) {
                        for one in found {
                            let named_only =
                                one.code == Code::CommandUnsent && message.mode == Mode::NeverSent;
                            if !named_only {
                                let (code, side) = (one.code.word(), made.header.direction);
                                wrong.insert(format!("{} {side:?} {code}: {one}", message.name));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
