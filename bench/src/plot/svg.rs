//! The writer: a card of a size, and what is put on it.

use std::fmt::{Display, Write as _};

/// Everything that is drawn has one of these colours; each stands out from the card by at least 3 : 1, text by 4.5 : 1.
pub(super) mod colour {
    pub(in crate::plot) const CARD: &str = "#ffffff";
    pub(in crate::plot) const EDGE: &str = "#d0d7de";
    pub(in crate::plot) const TEXT: &str = "#1f2328";
    pub(in crate::plot) const FAINT: &str = "#59636e";
    pub(in crate::plot) const GRID: &str = "#e7eaee";
    pub(in crate::plot) const OURS: &str = "#0969da";
    pub(in crate::plot) const FLOOR: &str = "#6e7781";
    pub(in crate::plot) const PEER: &str = "#bc6c00";
}

/// Where a text stands, of the point it is given.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Font {
    pub(super) size: u32,
    pub(super) is_bold: bool,
    pub(super) colour: &'static str,
}

pub(super) const TITLE: Font = Font { size: 17, is_bold: true, colour: colour::TEXT };
pub(super) const LABEL: Font = Font { size: 13, is_bold: false, colour: colour::TEXT };
pub(super) const STRONG: Font = Font { size: 13, is_bold: true, colour: colour::TEXT };
pub(super) const NOTE: Font = Font { size: 12, is_bold: false, colour: colour::FAINT };

/// A picture that is being drawn.
pub(super) struct Card {
    text: String,
}

impl Card {
    /// A card with a title on it, and with a description that is read and not seen.
    pub(super) fn new(width: f64, height: f64, title: &str, subtitle: &str, description: &str) -> Self {
        let mut card = Self { text: String::new() };
        let _ = writeln!(
            card.text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-labelledby=\"title what\" font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\">",
        );
        let _ = writeln!(card.text, "<title id=\"title\">{}</title>", escape(title));
        let _ = writeln!(card.text, "<desc id=\"what\">{}</desc>", escape(description));
        let (inner_width, inner_height) = (width - 1.0, height - 1.0);
        let _ = writeln!(
            card.text,
            "<rect x=\"0.5\" y=\"0.5\" width=\"{inner_width}\" height=\"{inner_height}\" rx=\"8\" fill=\"{}\" stroke=\"{}\"/>",
            colour::CARD,
            colour::EDGE,
        );
        card.write(20.0, 31.0, Anchor::Start, TITLE, title);
        card.write(20.0, 51.0, Anchor::Start, NOTE, subtitle);
        card
    }

    pub(super) fn write(&mut self, x: f64, y: f64, anchor: Anchor, font: Font, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if font.is_bold { " font-weight=\"600\"" } else { "" };
        let _ = writeln!(
            self.text,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{}\" fill=\"{}\"{weight}>{}</text>",
            font.size,
            font.colour,
            escape(&text.to_string()),
        );
    }

    /// Along the left edge, from the bottom up.
    pub(super) fn write_upwards(&mut self, x: f64, y: f64, font: Font, text: &str) {
        let _ = writeln!(
            self.text,
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-90)\" text-anchor=\"middle\" font-size=\"{}\" fill=\"{}\">{}</text>",
            font.size,
            font.colour,
            escape(text),
        );
    }

    pub(super) fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        let _ = writeln!(
            self.text,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\" fill=\"{fill}\"/>",
        );
    }

    pub(super) fn line(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        stroke: &str,
        width: f64,
        is_dashed: bool,
    ) {
        let dashes = if is_dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        let _ = writeln!(
            self.text,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{stroke}\" stroke-width=\"{width}\"{dashes}/>",
            from.0, from.1, to.0, to.1,
        );
    }

    pub(super) fn path(&mut self, points: &[(f64, f64)], stroke: &str, width: f64, dashes: &str) {
        let mut places = String::new();
        for (x, y) in points {
            let _ = write!(places, "{x:.1},{y:.1} ");
        }
        let dashes =
            if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
        let _ = writeln!(
            self.text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dashes}/>",
            places.trim_end(),
        );
    }

    pub(super) fn dot(&mut self, at: (f64, f64), radius: f64, fill: &str) {
        let _ = writeln!(
            self.text,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\" fill=\"{fill}\" stroke=\"{}\" stroke-width=\"1\"/>",
            at.0,
            at.1,
            colour::CARD,
        );
    }

    pub(super) fn done(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// Text as XML has it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
