//! Answers that are rendered while they are sent: the reader's pace is the writer's, and nothing is held whole in memory.

use std::{
    convert::Infallible,
    io::Write as _,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use flate2::{Compression, write::GzEncoder};
use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame};

/// Whole, or rendered piece by piece.
pub(super) type Answer = Either<Full<Bytes>, Stream>;

/// What is rendered in steps, each small (an endpoint, or a few).
pub(super) trait Render: Send {
    /// Appends the next piece; `false` when there is none.
    fn step(&mut self, out: &mut String) -> bool;
}

/// A body that asks for steps until a chunk is full, and for no more until the chunk is taken.
pub(super) struct Stream {
    /// `None` when all has been rendered.
    source: Option<Box<dyn Render>>,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

/// So many octets are rendered at once, and a step more.
pub(super) const CHUNK: usize = 64 * 1024;

/// A compressed chunk goes out when it has this many.
const COMPRESSED: usize = 8 * 1024;

/// A text that is there already, in one step.
struct Whole(Option<String>);

impl Render for Whole {
    fn step(&mut self, out: &mut String) -> bool {
        self.0.take().inspect(|text| out.push_str(text)).is_some()
    }
}

impl Stream {
    /// A body of a text that is there already.
    pub(super) fn of(text: String) -> Self {
        Stream::new(Whole(Some(text)))
    }

    pub(super) fn new(source: impl Render + 'static) -> Self {
        Stream { source: Some(Box::new(source)), encoder: None }
    }

    /// The same, compressed as it goes; fast rather than small, for every scrape costs that again.
    pub(super) fn gzip(self) -> Self {
        Stream { encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())), ..self }
    }

    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        loop {
            let source = self.source.as_mut()?;
            let mut out = String::with_capacity(CHUNK + CHUNK / 4);
            while out.len() < CHUNK {
                if !source.step(&mut out) {
                    self.source = None;
                    break;
                }
            }
            let chunk = match &mut self.encoder {
                None => out.into_bytes(),
                Some(encoder) => {
                    encoder.write_all(out.as_bytes()).expect("a vector takes everything");
                    if self.source.is_none() {
                        encoder.try_finish().expect("a vector takes everything");
                    } else if encoder.get_ref().len() < COMPRESSED {
                        continue;
                    }
                    mem::take(encoder.get_mut())
                }
            };
            return (!chunk.is_empty()).then_some(chunk);
        }
    }

    /// Everything, for tests.
    #[cfg(any(test, fuzzing))]
    pub(super) fn collect(self) -> String {
        String::from_utf8(self.chunks().flatten().collect()).expect("text")
    }

    /// The lengths of the chunks, for tests.
    #[cfg(test)]
    pub(super) fn chunk_lengths(self) -> Vec<usize> {
        self.chunks().map(|chunk| chunk.len()).collect()
    }

    /// Chunk by chunk, for tests.
    #[cfg(any(test, fuzzing))]
    pub(super) fn chunks(mut self) -> impl Iterator<Item = Vec<u8>> {
        std::iter::from_fn(move || self.next_chunk())
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_chunk().map(|chunk| Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none()
    }
}
