//! From bytes to the events of a stream: any slicing, any line ends, comments, bounded lines.

use super::trouble::{Kind, Trouble};
use eventsource_stream::{EventStreamError, Eventsource};
use futures::{Stream, StreamExt, stream};
use std::collections::VecDeque;

/// Longest line, bytes.
pub(super) const MOST_LINE: usize = 1 << 20;
/// Most bytes of one stream, frames and comments included.
pub(super) const MOST_STREAM: usize = 64 << 20;

/// Cuts bytes into whole lines that end in a line feed. The event parser gets one of them at a
/// time and nothing else: it would read a line again with every piece of it, copy all that
/// follows a line, hold a line back whose return may be half an end, and panic at a byte order mark.
#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
    after_return: bool,
    begun: bool,
    seen: usize,
    whole: VecDeque<String>,
    /// What comes after the whole lines.
    fault: Option<Trouble>,
}

impl Lines {
    /// Takes in the lines that these bytes complete.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.seen = self.seen.saturating_add(bytes.len());
        if self.seen > MOST_STREAM {
            return Err(Trouble::new(
                Kind::TooLong,
                format!("more than {} MiB of stream", MOST_STREAM >> 20),
            ));
        }
        for part in bytes.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            let (text, end) = match part.split_last() {
                Some((end @ (b'\r' | b'\n'), text)) => (text, Some(*end)),
                _ => (part, None),
            };
            let second_half = std::mem::take(&mut self.after_return) && text.is_empty() && end == Some(b'\n');
            if second_half {
                continue;
            }
            if self.pending.len() + text.len() > MOST_LINE {
                let most = MOST_LINE >> 20;
                return Err(Trouble::new(Kind::TooLong, format!("a line of more than {most} MiB")));
            }
            self.pending.extend_from_slice(text);
            if let Some(end) = end {
                self.after_return = end == b'\r';
                self.complete()?;
            }
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Trouble> {
        let line = String::from_utf8(std::mem::take(&mut self.pending));
        let mut line = line.map_err(|_| Trouble::new(Kind::BadAnswer, "text that is not UTF-8"))?;
        if !std::mem::replace(&mut self.begun, true) {
            line = line.trim_start_matches('\u{feff}').to_owned();
        }
        line.push('\n');
        self.whole.push_back(line);
        Ok(())
    }

    /// Completes the last event if only its blank line is lacking. A line that was cut is
    /// dropped: half a line is no line.
    fn end(&mut self) {
        if self.pending.is_empty() {
            self.whole.push_back("\n".to_owned());
        }
    }
}

/// The data of the events of a byte stream. Ends after the first trouble.
pub(super) fn events<S>(bytes: S) -> impl Stream<Item = Result<String, Trouble>>
where
    S: Stream<Item = Result<Vec<u8>, Trouble>> + Unpin,
{
    let begin = (Some(bytes), Lines::default());
    let lines = stream::unfold(begin, |(mut bytes, mut lines)| async move {
        loop {
            if let Some(line) = lines.whole.pop_front() {
                return Some((Ok(line), (bytes, lines)));
            }
            let taken = match bytes.as_mut() {
                None => return lines.fault.take().map(|trouble| (Err(trouble), (None, lines))),
                Some(more) => more.next().await.map(|part| part.and_then(|part| lines.push(&part))),
            };
            match taken {
                Some(Ok(())) => {}
                Some(Err(trouble)) => {
                    lines.fault = Some(trouble);
                    bytes = None;
                }
                None => {
                    lines.end();
                    bytes = None;
                }
            }
        }
    });
    lines.eventsource().map(|event| match event {
        Ok(event) => Ok(event.data),
        Err(EventStreamError::Transport(trouble)) => Err(trouble),
        Err(_) => Err(Trouble::new(Kind::BadAnswer, "lines that are no event stream")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn read(parts: &[&[u8]]) -> Vec<Result<String, Trouble>> {
        let parts: Vec<_> = parts.iter().map(|part| Ok(part.to_vec())).collect();
        Box::pin(events(stream::iter(parts))).collect::<Vec<_>>().now_or_never().unwrap()
    }

    fn kind(parts: &[&[u8]]) -> Kind {
        read(parts).pop().unwrap().unwrap_err().kind
    }

    #[test]
    fn every_line_end_ends_a_line_also_when_it_is_cut_in_two() {
        let expected = vec![Ok("a".to_owned()), Ok("b\nc".to_owned())];
        for text in [
            "data: a\n\ndata: b\ndata:c\n\n",
            "data: a\r\n\r\ndata: b\r\ndata:c\r\n\r\n",
            "data: a\r\rdata: b\rdata:c\r\r",
            ": note\r\n\ndata: a\r\n\r: note\nid: 7\rdata: b\r\nretry: 1\ndata:c\n\r\n",
            "\u{feff}data: a\n\ndata: b\ndata:c\n",
        ] {
            assert_eq!(read(&[text.as_bytes()]), expected, "{text:?}");
            let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(read(&single), expected, "{text:?}");
        }
    }

    #[test]
    fn whole_lines_come_before_the_fault_that_follows_them() {
        let read = read(&[b"data: a\n\ndata: \xff\n\ndata: b\n\n"]);
        assert_eq!(read.first(), Some(&Ok("a".to_owned())));
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn half_a_line_at_the_end_is_no_line() {
        assert_eq!(read(&[b"data: a\n\ndata: b"]), vec![Ok("a".to_owned())]);
        assert_eq!(read(&[b"data: a\n\ndata: \xf0\x9f"]), vec![Ok("a".to_owned())]);
    }

    #[test]
    fn lines_and_streams_are_bounded_and_must_be_text() {
        let long = vec![b'x'; MOST_LINE + 1];
        assert_eq!(kind(&[b"data: ", &long]), Kind::TooLong);
        assert_eq!(kind(&[b": ", &long]), Kind::TooLong);
        assert_eq!(kind(&[b"data: \xff\n\n"]), Kind::BadAnswer);
        let comment = [b": ".as_slice(), &vec![b'x'; MOST_LINE - 8], b"\n"].concat();
        let many = vec![comment.as_slice(); MOST_STREAM / MOST_LINE + 1];
        assert_eq!(kind(&many), Kind::TooLong);
    }
}
