//! What a field of a report may say, where that is one of a few names: in a schema it is an enumeration, so that a client that is made
//! of it knows them. Codes of findings and kinds of failures are none: more of them come with every version.

use crate::{
    diagnosis::{Answer, ChainStatus, Client, Fault, Severity, Status},
    observation::Stage,
};

/// Describes a type by the names of its values: what it is called in a schema, what it says, all of them.
macro_rules! words {
    ($type:ty, $name:literal, $about:literal, $all:expr) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "description": $about, "enum": $all.map(|one| one.name())})
            }
        }
    };
}
pub(crate) use words;

words!(Severity, "Severity", "How much a finding matters.", Severity::ALL);
words!(Status, "Headline", "The worst of what is found, or that it could not be judged.", Status::ALL);
words!(Fault, "Fault", "Who must act: whoever runs the server, the client, what lies between; or it cannot be told.", Fault::ALL);
words!(ChainStatus, "ChainStatus", "How the chain is presented: the first of these that holds.", ChainStatus::ALL);
words!(Stage, "Stage", "How far a visit came.", Stage::ALL);
words!(Client, "Client", "Whose eyes.", Client::ALL);
words!(
    Answer,
    "Answer",
    "What a client does.",
    [Answer::Accepts, Answer::Refuses(String::new()), Answer::CannotTell(String::new())]
);
