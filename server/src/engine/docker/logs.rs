//! A container's log, put together from what the engine sends.
//!
//! With a terminal the log is one stream of text; without, it comes in frames per stream, and the engine cuts lines
//! longer than 16 KiB into several frames of which only the last ends the line.

use std::collections::VecDeque;

use bollard::container::LogOutput;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use jiff::Timestamp;

use crate::engine::{LogLine, Result};

/// The longest line kept, in bytes.
const LONGEST_LINE: usize = 16 * 1024;
/// Stands where a line was cut.
const CUT: &str = " … (cut)";

/// The lines of `output`, from `since` on.
///
/// The engine takes whole seconds only, so what it sends before `since` is left out here.
pub(super) fn lines(
    output: impl Stream<Item = Result<LogOutput>> + Send + 'static,
    since: Option<Timestamp>,
) -> BoxStream<'static, Result<LogLine>> {
    let start = (Box::pin(output), Lines::default(), VecDeque::new(), false);
    let lines = stream::unfold(start, |(mut output, mut lines, mut ready, mut is_over)| async move {
        loop {
            if let Some(line) = ready.pop_front() {
                return Some((Ok(line), (output, lines, ready, is_over)));
            }
            if is_over {
                return None;
            }
            match output.next().await {
                Some(Ok(chunk)) => lines.take(&chunk, &mut ready),
                Some(Err(error)) => return Some((Err(error), (output, lines, ready, true))),
                None => {
                    is_over = true;
                    lines.finish(&mut ready);
                }
            }
        }
    });
    lines
        .filter(move |line| {
            let is_wanted = match (line, since) {
                (Ok(LogLine { at: Some(at), .. }), Some(since)) => *at >= since,
                _ => true,
            };
            std::future::ready(is_wanted)
        })
        // An answer over HTTP asks once more after the end.
        .fuse()
        .boxed()
}

/// The unfinished lines of both streams.
#[derive(Debug, Default)]
struct Lines {
    out: Partial,
    err: Partial,
}

/// A line whose end has not come yet.
#[derive(Debug, Default)]
struct Partial {
    at: Option<Timestamp>,
    bytes: Vec<u8>,
    has_begun: bool,
    is_cut: bool,
}

impl Lines {
    fn take(&mut self, output: &LogOutput, ready: &mut VecDeque<LogLine>) {
        let (partial, is_error, message) = match output {
            LogOutput::StdErr { message } => (&mut self.err, true, message),
            LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                (&mut self.out, false, message)
            }
        };
        for piece in message.split_inclusive(|byte| *byte == b'\n') {
            partial.push(piece);
            if piece.ends_with(b"\n") {
                ready.push_back(partial.end(is_error));
            }
        }
    }

    fn finish(&mut self, ready: &mut VecDeque<LogLine>) {
        for (partial, is_error) in [(&mut self.out, false), (&mut self.err, true)] {
            if partial.has_begun {
                ready.push_back(partial.end(is_error));
            }
        }
    }
}

impl Partial {
    /// Adds a piece, which begins with the engine's time stamp even within a line.
    fn push(&mut self, piece: &[u8]) {
        let (at, text) = stamped(piece);
        if !self.has_begun {
            self.at = at;
        }
        self.has_begun = true;
        let room = LONGEST_LINE.saturating_sub(self.bytes.len());
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        self.is_cut |= text.len() > room;
        self.bytes.extend_from_slice(&text[..text.len().min(room)]);
    }

    fn end(&mut self, is_error: bool) -> LogLine {
        let line = std::mem::take(self);
        let bytes = line.bytes.strip_suffix(b"\r").unwrap_or(&line.bytes);
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        if line.is_cut {
            text.push_str(CUT);
        }
        LogLine { at: line.at, is_error, text }
    }
}

/// Splits the time stamp off a piece: RFC 3339 with nanoseconds and a space.
fn stamped(piece: &[u8]) -> (Option<Timestamp>, &[u8]) {
    // "2026-11-21T18:00:00.000000001Z " has 31 bytes; an offset in place of the Z makes it 36.
    let space = piece.iter().take(40).position(|byte| *byte == b' ');
    let stamp = space.and_then(|at| std::str::from_utf8(&piece[..at]).ok()?.parse().ok());
    if let (Some(stamp), Some(at)) = (stamp, space) {
        return (Some(stamp), &piece[at + 1..]);
    }
    // A line without text may be the stamp alone.
    let bare = piece.strip_suffix(b"\n").unwrap_or(piece);
    match std::str::from_utf8(bare).ok().and_then(|text| text.trim_end().parse().ok()) {
        Some(stamp) => (Some(stamp), &piece[bare.len()..]),
        None => (None, piece),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-11-21T18:00:00.000000001Z";

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut { message: text.to_owned().into() }
    }

    fn err(text: &str) -> LogOutput {
        LogOutput::StdErr { message: text.to_owned().into() }
    }

    async fn read(output: Vec<LogOutput>, since: Option<&str>) -> Vec<LogLine> {
        let output = stream::iter(output.into_iter().map(Ok));
        let since = since.map(|since| since.parse().unwrap());
        lines(output, since).map(|line| line.unwrap()).collect().await
    }

    #[tokio::test]
    async fn frames_of_both_streams_become_lines() {
        let lines =
            read(vec![out(&format!("{AT} hello\n")), err(&format!("{AT} oh\r\n")), out(&format!("{AT} \n"))], None);
        let lines = lines.await;
        let told: Vec<_> = lines.iter().map(|line| (line.is_error, line.text.as_str())).collect();
        assert_eq!(told, [(false, "hello"), (true, "oh"), (false, "")]);
        assert!(lines.iter().all(|line| line.at == Some(AT.parse().unwrap())));
    }

    #[tokio::test]
    async fn after_its_end_a_log_can_be_asked_again() {
        let mut lines = lines(stream::iter([Ok(out(&format!("{AT} hello\n")))]), None);
        assert!(lines.next().await.is_some());
        for _ in 0..3 {
            assert!(lines.next().await.is_none());
        }
    }

    #[tokio::test]
    async fn a_line_that_came_in_pieces_is_one_line() {
        let lines = read(vec![out(&format!("{AT} hel")), err(&format!("{AT} x\n")), out(&format!("{AT} lo\n"))], None);
        let texts: Vec<_> = lines.await.into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["x", "hello"]);
    }

    #[tokio::test]
    async fn a_line_that_never_ends_is_cut_and_marked() {
        let endless = (0..100).map(|_| out(&format!("{AT} {}", "a".repeat(1000)))).chain([out(&format!("{AT} end\n"))]);
        let lines = read(endless.chain([out(&format!("{AT} next\n"))]).collect(), None).await;
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].text.len(), LONGEST_LINE + CUT.len());
        assert!(lines[0].text.ends_with(CUT));
        assert_eq!(lines[1].text, "next");
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_are_replaced() {
        let mut message = AT.as_bytes().to_vec();
        message.extend_from_slice(b" a\xffb\n");
        let lines = read(vec![LogOutput::Console { message: message.into() }], None).await;
        assert_eq!(lines[0].text, "a\u{fffd}b");
    }

    #[tokio::test]
    async fn a_last_line_without_an_end_is_kept() {
        let lines = read(vec![out(&format!("{AT} half"))], None).await;
        assert_eq!(lines[0].text, "half");
    }

    #[tokio::test]
    async fn lines_before_the_instant_are_left_out() {
        let early = "2026-11-21T18:00:00.1Z early\n";
        let late = "2026-11-21T18:00:00.9Z late\n";
        let lines = read(vec![out(early), out(late)], Some("2026-11-21T18:00:00.5Z")).await;
        assert_eq!(lines.into_iter().map(|line| line.text).collect::<Vec<_>>(), ["late"]);
    }
}
