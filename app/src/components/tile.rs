//! The tile of a tool or entry: two letters over a generated sigil.

use leptos::prelude::*;

/// How large a tile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileSize {
    /// 28 px.
    Small,
    /// 40 px.
    Normal,
    /// 56 px.
    Large,
    /// 72 px.
    Huge,
}

/// The tile of `name`; decorative, since the name stands beside it.
pub fn tile(name: &str, size: TileSize) -> AnyView {
    let class = match size {
        TileSize::Small => "tile is-small",
        TileSize::Normal => "tile",
        TileSize::Large => "tile is-large",
        TileSize::Huge => "tile is-huge",
    };
    let sigil = Sigil::of(name);
    let (x, y) = sigil.centre;
    let arcs = sigil
        .arcs
        .map(|arc| {
            view! {
                <circle
                    cx=x
                    cy=y
                    r=arc.radius
                    stroke-dasharray=format!("{:.1} {:.1}", arc.length, arc.around)
                    transform=format!("rotate({} {x} {y})", arc.from)
                />
                // The dot where the line stops, turned there instead of computed: no rounding differs between both sides.
                <circle
                    class="tile__dot"
                    cx=format!("{:.1}", x + arc.radius)
                    cy=y
                    r="0.9"
                    transform=format!("rotate({} {x} {y})", arc.from + arc.degrees)
                />
            }
        })
        .collect_view();
    view! {
        <span class=class data-hue=sigil.hue.to_string() aria-hidden="true">
            <svg viewBox="0 0 40 40">
                <g class="tile__sigil">{arcs}</g>
                <text x="20" y="25.4">
                    {letters(name)}
                </text>
            </svg>
        </span>
    }
    .into_any()
}

/// What is drawn for a name; the same name always gives the same drawing.
#[derive(Clone, Debug, PartialEq)]
struct Sigil {
    /// One of 24 hues.
    hue: u64,
    centre: (f64, f64),
    arcs: [Arc; 4],
}

#[derive(Clone, Debug, PartialEq)]
struct Arc {
    radius: f64,
    /// Where it begins, in degrees.
    from: u64,
    /// How far it goes, 70 to 290.
    degrees: u64,
    length: f64,
    around: f64,
}

impl Sigil {
    fn of(name: &str) -> Self {
        let mut state = hash(name);
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let hue = next(24);
        let centre = [(34.0, 8.0), (6.0, 8.0), (34.0, 32.0), (6.0, 32.0)][next(4) as usize];
        let arcs = [9.0, 14.5, 20.0, 25.5].map(|radius: f64| {
            let (from, degrees) = (next(360), 70 + next(221));
            let around = radius * std::f64::consts::TAU;
            Arc { radius, from, degrees, length: around * degrees as f64 / 360.0, around }
        });
        Self { hue, centre, arcs }
    }
}

/// FNV-1a, because it is four lines and needs to be the same for ever.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The first letter and the next one that begins a word or stands out; "Nextcloud" gives "Ne", "my-wiki" gives "Mw".
fn letters(name: &str) -> String {
    let words: Vec<&str> =
        name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let (first, second) = match words.as_slice() {
        [] => (None, None),
        [word] => (word.chars().next(), word.chars().nth(1)),
        [first, second, ..] => (first.chars().next(), second.chars().next()),
    };
    first.into_iter().flat_map(char::to_uppercase).chain(second.into_iter().flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_sigil_for_ever() {
        assert_eq!(Sigil::of("Gitea"), Sigil::of("Gitea"));
        assert_ne!(Sigil::of("Gitea").arcs, Sigil::of("Nextcloud").arcs);
        // The published vector of FNV-1a: people know their tools by these drawings, so they never change.
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn arcs_stay_within_their_bounds() {
        for name in ["", "a", "Gitea", "Nextcloud", "WordPress", "ünï"] {
            let sigil = Sigil::of(name);
            assert!(sigil.hue < 24);
            assert!(sigil.arcs.iter().all(|arc| (70..=290).contains(&arc.degrees) && arc.from < 360), "{name}");
        }
    }

    #[test]
    fn letters_come_from_words() {
        for (name, expected) in [("Nextcloud", "Ne"), ("my-wiki", "Mw"), ("x", "X"), ("", ""), ("Company site", "Cs")] {
            assert_eq!(letters(name), expected);
        }
    }
}
