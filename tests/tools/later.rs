//! The dissector of a later driver's messages, in tshark.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::ChannelKind;
use dxgtrace_tests::differential::Tshark;
use dxgtrace_tests::generate;
use dxgtrace_tests::later::{CATALOG, CHANGED, exchange};

#[test]
fn wireshark_reads_every_form_by_its_own_layout() -> Result<()> {
    let Some(tshark) = Tshark::find()? else {
        return Ok(());
    };
    let folder = std::env::temp_dir().join(format!("dxgtrace-later-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let script = folder.join("later.lua");
    let mut text = String::new();
    dxgtrace_render::export::lua_of(&CATALOG, &mut text)?;
    std::fs::write(&script, text)?;
    let (mut file, mut wanted) = (Vec::new(), String::new());
    let mut writer = Writer::new(
        &mut file,
        &CaptureOrigin::default(),
        FlushPolicy::EveryRecord,
    )?;
    let channels = [Channel {
        name: "vgpu0".to_owned(),
        kind: ChannelKind::Vgpu,
        relid: 15,
        instance: None,
    }];
    for (transaction, version) in (1..).zip([27, 40, CHANGED]) {
        let (mut request, mut reply) = exchange(version, 11);
        for made in [&mut request, &mut reply] {
            made.interface = 0;
            made.header.transaction = transaction;
            writer.write(&made.packet(), &channels, &[])?;
        }
        let value =
            |made: &generate::Made, name: &str| made.body.as_ref().map(|body| body.get(name));
        let color = value(&request, "color").context("no color")?;
        let label = value(&reply, "label_id").filter(|_| version == CHANGED);
        writeln!(wanted, "{color}\t")?;
        writeln!(
            wanted,
            "\t{}",
            label.map_or(String::new(), |id| id.to_string())
        )?;
    }
    writer.finish()?;
    let capture = folder.join("later.pcapng");
    std::fs::write(&capture, file)?;
    let fields = [
        "-e",
        "dxg.label_device.color",
        "-e",
        "dxg.label_device.label_id",
    ];
    let arguments = [&["-2", "-T", "fields"][..], &fields].concat();
    let shown = tshark.with(&script).read(&capture, &arguments)?;
    ensure!(shown == wanted, "wanted {wanted:?}, shown {shown:?}");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
