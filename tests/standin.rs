//! A stand-in process for the live tests.
//!
//! `standin play SCENARIO LOG [noise]` plays a scenario and writes a line for
//! each packet; `standin load THREADS RATE SIZE SECONDS` sends at a rate. Both
//! wait for the tracer first.

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use std::io::{BufWriter, Write};

    use anyhow::{Context, bail};
    use dxgtrace_standin::{LoadGenerator, PlayOptions, Player, announce};
    use dxgtrace_tests::traffic;

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize| {
        arguments
            .get(index)
            .map(String::as_str)
            .context("too few arguments")
    };
    if !announce(std::io::stdout(), std::io::stdin().lock())? {
        return Ok(());
    }
    match argument(0)? {
        "play" => {
            let mut log = BufWriter::new(std::fs::File::create(argument(2)?)?);
            let mut failed = Ok(());
            let mut played = |packet: &dxgtrace_protocol::packet::Packet<'_>| {
                if let Err(error) = writeln!(log, "{}", traffic::line(packet)) {
                    failed = Err(error);
                }
            };
            let noise = argument(3).is_ok_and(|word| word == "noise");
            let mut player = Player::new(PlayOptions {
                noise,
                ..PlayOptions::default()
            });
            let channels = traffic::channels();
            for (index, made) in traffic::scenario(argument(1)?).iter().enumerate() {
                let channel = channels
                    .get(made.interface as usize)
                    .context("no channel")?;
                player.play(&made.packet(index as u64 + 1), channel, &mut played)?;
            }
            player.finish(&mut played)?;
            failed?;
            log.flush()?;
        }
        "load" => {
            let load = LoadGenerator {
                threads: argument(1)?.parse()?,
                rate: argument(2)?.parse()?,
                size: argument(3)?.parse()?,
                seconds: argument(4)?.parse()?,
            };
            let report = load.run()?;
            writeln!(
                std::io::stdout(),
                "sent {} in {:?}",
                report.sent,
                report.elapsed
            )?;
        }
        other => bail!("unknown word {other}"),
    }
    Ok(())
}
