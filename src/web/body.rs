//! Answers that are rendered while they are sent: the reader's pace is the writer's, and nothing is held whole in memory.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame};

/// Whole, or rendered piece by piece.
pub(super) type Answer = Either<Full<Bytes>, Stream>;

/// What is rendered in steps, each small (one endpoint).
pub(super) trait Render: Send {
    /// Appends the next piece; `false` when there is none.
    fn step(&mut self, out: &mut String) -> bool;
}

/// A body that asks for steps until a chunk is full, and for no more until the chunk is taken.
pub(super) struct Stream {
    /// `None` when all has been rendered.
    source: Option<Box<dyn Render>>,
}

/// A chunk goes out when it has this many octets. It may be longer by one step.
pub(super) const CHUNK: usize = 64 * 1024;

impl Stream {
    pub(super) fn new(source: impl Render + 'static) -> Self {
        Stream { source: Some(Box::new(source)) }
    }

    fn next_chunk(&mut self) -> Option<String> {
        let source = self.source.as_mut()?;
        let mut out = String::with_capacity(CHUNK + CHUNK / 4);
        while out.len() < CHUNK {
            if !source.step(&mut out) {
                self.source = None;
                break;
            }
        }
        (!out.is_empty()).then_some(out)
    }

    /// Everything, for tests.
    #[cfg(any(test, fuzzing))]
    pub(super) fn collect(mut self) -> String {
        std::iter::from_fn(|| self.next_chunk()).collect()
    }

    /// The lengths of the chunks, for tests.
    #[cfg(test)]
    pub(super) fn chunk_lengths(mut self) -> Vec<usize> {
        std::iter::from_fn(|| self.next_chunk().map(|chunk| chunk.len())).collect()
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
