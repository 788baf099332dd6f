//! `maintain picture`: makes `docs/tui.svg`, the terminal UI as it is, drawn
//! from its cells.

use std::fmt::Write;

use dxgtrace_tests::samples;
use dxgtrace_tests::screen::Screen;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Size of a cell in pixels.
const WIDTH: u32 = 8;
const HEIGHT: u32 = 17;
const GROUND: &str = "#11151c";
const TEXT: &str = "#d0d4da";

/// Draws it.
pub fn draw() -> anyhow::Result<()> {
    let mut screen = Screen::open(&samples().join("v40-errors.pcapng"), 132, 32);
    // A reply that is too short, with its finding.
    screen.press("2 0 g g tab G k k k k k k k");
    let buffer = screen.draw();
    let path = samples().join("../docs/tui.svg");
    std::fs::write(path, svg(&buffer)?)?;
    Ok(())
}

fn svg(buffer: &Buffer) -> Result<String, std::fmt::Error> {
    let area = buffer.area;
    let (width, height) = (
        u32::from(area.width) * WIDTH,
        u32::from(area.height) * HEIGHT,
    );
    let mut svg = String::new();
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"13\">",
        width + 20,
        height + 20
    )?;
    writeln!(
        svg,
        "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>"
    )?;
    writeln!(svg, "<g transform=\"translate(10 10)\">")?;
    for y in 0..area.height {
        let cells: Vec<&Cell> = (0..area.width)
            .filter_map(|x| buffer.cell((x, y)))
            .collect();
        let mut start = 0;
        for run in cells.chunk_by(|one, other| look(one) == look(other)) {
            let x = start as u32 * WIDTH;
            start += run.len();
            let text: String = run.iter().map(|cell| cell.symbol()).collect();
            let Some((fore, back, bold)) = run.first().map(|cell| look(cell)) else {
                continue;
            };
            let top = u32::from(y) * HEIGHT;
            let length = run.len() as u32 * WIDTH;
            if back != GROUND {
                writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"{top}\" width=\"{length}\" height=\"{HEIGHT}\" fill=\"{back}\"/>"
                )?;
            }
            let words = text.trim();
            if !words.is_empty() {
                // Spaces at the ends and in rows would be dropped or squeezed.
                let before = (text.len() - text.trim_start().len()) as u32;
                let (x, length) = (x + before * WIDTH, words.chars().count() as u32 * WIDTH);
                let weight = if bold { " font-weight=\"bold\"" } else { "" };
                let base = top + HEIGHT - 4;
                let words = words
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('>', "&gt;")
                    .replace(' ', "\u{a0}");
                writeln!(
                    svg,
                    "<text x=\"{x}\" y=\"{base}\" textLength=\"{length}\" fill=\"{fore}\"{weight}>{words}</text>"
                )?;
            }
        }
    }
    svg.push_str("</g>\n</svg>\n");
    Ok(svg)
}

fn look(cell: &Cell) -> (&'static str, &'static str, bool) {
    let (mut fore, mut back) = (colour(cell.fg, TEXT), colour(cell.bg, GROUND));
    if cell.modifier.contains(Modifier::REVERSED) {
        (fore, back) = (back, fore);
    }
    (fore, back, cell.modifier.contains(Modifier::BOLD))
}

fn colour(colour: Color, otherwise: &'static str) -> &'static str {
    match colour {
        Color::Black => "#11151c",
        Color::Red => "#f0605a",
        Color::Green => "#7ec86e",
        Color::Yellow => "#e5c05a",
        Color::Blue => "#2f5fb3",
        Color::Magenta => "#c586e0",
        Color::Cyan => "#5cc4d6",
        Color::Gray => "#aab2bd",
        Color::DarkGray => "#6b7480",
        Color::White => "#ffffff",
        _ => otherwise,
    }
}
