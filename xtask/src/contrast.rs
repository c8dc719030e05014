//! Whether the colours of `style/tokens.css` can be read: WCAG 2.2 contrast of every pair that meets on a page.
//!
//! The tokens are `oklch()` values, one for each theme in `light-dark()`. They are converted to linear sRGB as
//! CSS Color 4 section 10 does and compared by the relative luminance of WCAG 2.2.
//! Two steps differ from a browser and err by less than a hundredth here: colours outside sRGB are clipped for each
//! channel, and nothing is rounded to eight bits.

use std::collections::BTreeMap;

use crate::workspace::Workspace;
use crate::{Outcome, files};

/// Success criterion 1.4.3: text.
const TEXT: f64 = 4.5;
/// Success criterion 1.4.11: borders of controls, icons, focus.
const CONTROL: f64 = 3.0;

/// Foreground, grounds it stands on, least contrast.
const PAIRS: [(&str, &[&str], f64); 15] = [
    ("text", &["bg", "surface", "sunken", "raised"], TEXT),
    ("text-2", &["bg", "surface", "sunken", "raised"], TEXT),
    ("text-3", &["bg", "surface", "sunken", "raised"], TEXT),
    ("off", &["surface", "off-bg"], TEXT),
    ("accent", &["bg", "surface", "sunken", "raised", "accent-bg"], TEXT),
    ("ok", &["bg", "surface", "ok-bg"], TEXT),
    ("warn", &["bg", "surface", "warn-bg"], TEXT),
    ("bad", &["bg", "surface", "bad-bg"], TEXT),
    ("on-fill", &["accent-fill", "accent-fill-hover", "bad-fill"], TEXT),
    ("text", &["accent-bg", "ok-bg", "warn-bg", "bad-bg"], TEXT),
    ("bg", &["text"], TEXT),
    ("control", &["bg", "surface", "raised"], CONTROL),
    ("accent-fill", &["bg", "surface"], CONTROL),
    ("bad-fill", &["surface"], CONTROL),
    ("chart", &["surface"], CONTROL),
];

/// Prints every pair in both themes and fails when one is below its least contrast.
pub fn check(workspace: &Workspace) -> Outcome {
    let tokens = declarations(&files::read_text(&workspace.root.join("style/tokens.css"))?);
    let mut poor = 0;
    for (foreground, grounds, least) in PAIRS {
        for ground in grounds {
            let [light, dark] = [Theme::Light, Theme::Dark].map(|theme| contrast(&tokens, foreground, ground, theme));
            let (light, dark) = (light?, dark?);
            let verdict = if light.min(dark) < least { "  too low" } else { "" };
            poor += usize::from(!verdict.is_empty());
            println!("{foreground:>12} on {ground:<18} light {light:5.2}  dark {dark:5.2}  least {least}{verdict}");
        }
    }
    if poor == 0 {
        Ok(())
    } else {
        Err(format!("{poor} colour pairs of style/tokens.css are below their least contrast"))
    }
}

#[derive(Clone, Copy)]
enum Theme {
    Light,
    Dark,
}

/// From 1 (equal) to 21 (black on white).
fn contrast(tokens: &BTreeMap<String, String>, foreground: &str, ground: &str, theme: Theme) -> Outcome<f64> {
    let [a, b] = [foreground, ground].map(|name| luminance(tokens, name, theme));
    let (a, b) = (a?, b?);
    Ok((a.max(b) + 0.05) / (a.min(b) + 0.05))
}

/// Relative luminance of a token, WCAG 2.2 "relative luminance", from 0 to 1.
fn luminance(tokens: &BTreeMap<String, String>, name: &str, theme: Theme) -> Outcome<f64> {
    let value = tokens.get(name).ok_or_else(|| format!("style/tokens.css has no --{name}"))?;
    let themed = match argument(value, "light-dark") {
        Some(pair) => {
            let (light, dark) =
                pair.split_once("),").ok_or_else(|| format!("--{name}: two colours expected in '{value}'"))?;
            match theme {
                Theme::Light => format!("{light})"),
                Theme::Dark => dark.trim().to_owned(),
            }
        }
        None => value.clone(),
    };
    if let Some(other) = argument(&themed, "var") {
        return luminance(tokens, other.trim_start_matches("--"), theme);
    }
    let [lightness, chroma, hue] = argument(&themed, "oklch")
        .and_then(numbers)
        .ok_or_else(|| format!("--{name}: an opaque oklch() colour expected, '{themed}' found"))?;
    let [red, green, blue] = linear_srgb(lightness, chroma, hue);
    Ok(0.2126 * red + 0.7152 * green + 0.0722 * blue)
}

/// What stands between the brackets of `function(…)`, when the whole value is that.
fn argument<'a>(value: &'a str, function: &str) -> Option<&'a str> {
    value.trim().strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')').map(str::trim)
}

/// `47% .19 266` as lightness from 0 to 1, chroma, hue in degrees; none when a part is missing or an alpha follows.
fn numbers(words: &str) -> Option<[f64; 3]> {
    let mut parts = words.split_whitespace().map(|word| match word.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().map(|number| number / 100.0),
        None => word.parse::<f64>(),
    });
    let found = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
    parts.next().is_none().then_some(found)
}

/// Oklch to linear sRGB, clipped to the gamut. Matrices: Björn Ottosson, "A perceptual color space for image
/// processing", 2020, as in CSS Color 4.
fn linear_srgb(lightness: f64, chroma: f64, hue: f64) -> [f64; 3] {
    let (a, b) = (chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin());
    let long = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701_0 * short,
    ]
    .map(|channel| channel.clamp(0.0, 1.0))
}

/// The custom properties of `:root`, without their dashes.
///
/// Blocks in `@layer` count, those in `@media` do not: a page without wishes is what is checked.
fn declarations(css: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    let mut text = String::new();
    for character in without_comments(css).chars() {
        match character {
            '{' => open.push(std::mem::take(&mut text).trim().to_owned()),
            '}' | ';' => {
                let wanted = open.last().is_some_and(|selector| selector == ":root")
                    && !open.iter().any(|selector| selector.starts_with("@media"));
                if let (true, Some((name, value))) = (wanted, text.split_once(':'))
                    && let Some(name) = name.trim().strip_prefix("--")
                {
                    found.insert(name.to_owned(), value.trim().to_owned());
                }
                text.clear();
                if character == '}' {
                    open.pop();
                }
            }
            other => text.push(other),
        }
    }
    found
}

fn without_comments(css: &str) -> String {
    let mut kept = String::new();
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: &str =
        "/* a { b: c } */ @layer base { :root { --bg: oklch(100% 0 0); --text: light-dark(oklch(0% 0 0), \
        oklch(52% .02 265)); --off: var(--text) } :root[data-theme=dark] { --bg: none } }
        @media (prefers-contrast: more) { :root { --text: oklch(50% 0 0); } }";

    #[test]
    fn contrast_of_known_pairs_is_what_wcag_says() {
        let tokens = declarations(SHEET);
        let cases = [
            ("text", Theme::Light, 21.0),
            ("text", Theme::Dark, 5.5),
            ("off", Theme::Light, 21.0),
            ("bg", Theme::Dark, 1.0),
        ];
        for (name, theme, expected) in cases {
            let measured = contrast(&tokens, name, "bg", theme).unwrap();
            assert!((measured - expected).abs() < 0.05, "{name}: {measured} instead of {expected}");
        }
    }

    #[test]
    fn a_translucent_colour_is_refused_because_its_contrast_depends_on_what_is_below() {
        let tokens = declarations(":root { --hover: oklch(24% .025 265 / .045); }");
        assert!(luminance(&tokens, "hover", Theme::Light).unwrap_err().contains("--hover"));
    }

    #[test]
    fn every_pair_of_the_style_sheet_can_be_read() {
        check(&Workspace::find().unwrap()).unwrap();
    }
}
