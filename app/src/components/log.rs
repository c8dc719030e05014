//! Lines that a program wrote, as text and nothing else: colours of a terminal become ours, everything else that a
//! terminal would obey is left out.

use jiff::Timestamp;
use leptos::prelude::*;

use crate::format;

/// One line, with the time it was written at.
pub fn log_line(at: Option<Timestamp>, text: &str) -> AnyView {
    let pieces: Vec<AnyView> = pieces(text)
        .into_iter()
        .map(|(class, text)| match class {
            "" => text.into_any(),
            class => view! { <span class=class>{text}</span> }.into_any(),
        })
        .collect();
    view! {
        <span class="log__line">
            {at.map(|at| view! { <span class="log__time">{format::time_of_day(at)}</span> })}
            {pieces}
        </span>
    }
    .into_any()
}

/// The text in stretches of one look each: the class of the look, empty where it has none, and the text.
fn pieces(text: &str) -> Vec<(&'static str, String)> {
    let mut pieces = vec![("", String::new())];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let look = match character {
            '\u{1b}' => match characters.next() {
                Some('[') => control(&mut characters),
                // Titles and links: up to a bell, or to an escape whose backslash ends it.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    if characters.by_ref().find(|end| matches!(end, '\u{7}' | '\u{1b}' | '\u{9c}')) == Some('\u{1b}') {
                        characters.next();
                    }
                    None
                }
                // Another character set: the escape, what kind, which.
                Some(' '..='/') => {
                    characters.next();
                    None
                }
                _ => None,
            },
            '\u{9b}' => control(&mut characters),
            '\t' => {
                push(&mut pieces, character);
                None
            }
            character if character.is_control() => None,
            character => {
                push(&mut pieces, character);
                None
            }
        };
        if let Some(look) = look {
            pieces.push((look, String::new()));
        }
    }
    pieces.retain(|(_, text)| !text.is_empty());
    pieces
}

fn push(pieces: &mut [(&'static str, String)], character: char) {
    if let Some((_, text)) = pieces.last_mut() {
        text.push(character);
    }
}

/// Reads a control sequence to its end; the look it asks for, if it is about that.
fn control(characters: &mut std::str::Chars<'_>) -> Option<&'static str> {
    let mut parameters = String::new();
    let end = characters.find(|character| {
        let is_end = matches!(character, '\u{40}'..='\u{7e}');
        if !is_end {
            parameters.push(*character);
        }
        is_end
    });
    (end == Some('m')).then(|| look(&parameters))
}

/// Select Graphic Rendition, ECMA-48 section 8.3.117: the last colour counts, the ground is always ours.
fn look(parameters: &str) -> &'static str {
    let mut look = "";
    let mut codes = parameters.split(';').map(|code| code.parse().unwrap_or(0_u16));
    while let Some(code) = codes.next() {
        look = match code {
            31 | 91 => "is-bad",
            32 | 92 => "is-ok",
            33 | 93 => "is-warn",
            34..=36 | 94..=96 => "is-accent",
            2 | 90 => "is-dim",
            0 | 30 | 37 | 39 | 97 => "",
            // One of 256 colours, or one of them all: none of ours.
            38 | 48 => {
                let is_mixed = codes.next() == Some(2);
                codes.nth(if is_mixed { 2 } else { 0 });
                look
            }
            _ => look,
        };
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_a_terminal_become_ours() {
        assert_eq!(pieces("plain"), [("", "plain".into())]);
        assert_eq!(
            pieces("\u{1b}[32mINFO\u{1b}[0m ready \u{1b}[1;31mbad\u{1b}[39m."),
            [("is-ok", "INFO".into()), ("", " ready ".into()), ("is-bad", "bad".into()), ("", ".".into())]
        );
        assert_eq!(pieces("\u{1b}[38;5;31mx \u{1b}[48;2;31;32;33;33my"), [("", "x ".into()), ("is-warn", "y".into())]);
    }

    #[test]
    fn nothing_a_terminal_obeys_is_left() {
        for (raw, text) in [
            ("a\u{1b}[2Kb", "ab"),
            ("\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{7}", "link"),
            ("\u{9b}31mx\u{8}\r\u{7}", "x"),
            ("\u{1b}(B\u{1b}[mx", "x"),
            ("half \u{1b}[31", "half "),
            ("half \u{1b}", "half "),
            ("a\tb", "a\tb"),
            ("<script>alert(1)</script>&amp;", "<script>alert(1)</script>&amp;"),
        ] {
            let shown: String = pieces(raw).into_iter().map(|(_, text)| text).collect();
            assert_eq!(shown, text, "{raw:?}");
        }
    }
}
