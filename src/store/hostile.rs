//! Columns of the database that say whatever they like.

use super::codec;
use crate::{clock::Timestamp, incident::Step};

/// What can be read is written as it was meant, and read again as the same.
pub(crate) fn columns(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Some(timing) = codec::timing_from_json(text) {
        assert_eq!(codec::timing_from_json(&codec::timing_to_json(&timing)), Some(timing));
    }
    let since = Timestamp::UNIX_EPOCH;
    if let Some(told) = codec::told_from_json(text, since) {
        assert_eq!(codec::told_from_json(&codec::told_to_json(&told), since), Some(told));
    }
    if let Some(strings) = codec::strings_from_json(text) {
        assert_eq!(codec::strings_from_json(&codec::strings_to_json(&strings)), Some(strings));
    }
    let mut words = text.split(' ');
    let mut next = || words.next().unwrap_or_default();
    let (stage, kind, word) = (next(), next(), next());
    if let Some(failure) = codec::failure(stage, kind, Some(word.into()), text.into()) {
        assert_eq!((failure.stage.name(), failure.kind.name()), (stage, kind));
    }
    if let Some(possession) = codec::possession(stage, Some(word.into())) {
        assert_eq!(codec::possession_parts(&possession).0, stage);
    }
    assert!(Step::from_text(stage).is_none_or(|step| Step::from_text(&step.to_string()) == Some(step)));
    assert!(codec::notice_kind(stage).is_none_or(|kind| kind.name() == stage));
}
