//! The schemas of the domain's own types. Their words come from the word lists, so the document can't differ from them.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::audit::Via;
use crate::domain::campaign::CampaignStatus;
use crate::domain::delivery::DeliveryState;
use crate::domain::enrollment::Status;
use crate::domain::event::EventType;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::provider::Provider;
use crate::domain::role::Role;
use crate::domain::signal::{Outcome, Path, Precision, Source};
use crate::domain::time::Timestamp;

macro_rules! words {
    ($($type:ty as $name:literal: $about:literal;)*) => {
        $(impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($about))
                    .enum_values(Some(<$type>::ALL.iter().map(|word| word.as_str())))
                    .into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        })*
    };
}

words! {
    Source as "Source": "Where a signal came from.";
    Path as "Path": "How a signal was tied to an enrollment, strongest first.";
    Outcome as "Outcome": "What a signal led to.";
    Precision as "Precision": "How precisely the time of an accept is known. `exact`: the provider said when. `upper_bound`: at or before this time. `inferred`: it follows from something that needs a connection.";
    Role as "Role": "What the bearer of a token may do. Each role may do all that the roles before it may.";
    Via as "Via": "The program that sends a request, as it says itself.";
    Provider as "Provider": "The provider that connects an account. Only Unipile accounts are ever called.";
    DeliveryState as "DeliveryState": "The state of a delivery. `held` waits for a person: it is in doubt, or its destination was removed.";
    EventType as "EventType": "The types of outgoing events.";
    CampaignStatus as "CampaignStatus": "What a campaign is doing.";
    Status as "EnrollmentStatus": "The status of an enrollment. A stamp only moves it forward; a person sets the last three.";
}

macro_rules! ids {
    ($($type:ty: $about:literal, $max:literal, $pattern:literal, $example:literal;)*) => {
        $(impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($about))
                    .min_length(Some(1))
                    .max_length(Some($max))
                    .pattern(Some($pattern))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $type {})*
    };
}

ids! {
    AccountId: "The provider's id of one LinkedIn account.", 128, r"^[^:\u0000-\u001f\u007f-\u009f]+$", "acc_1";
    EnrollmentId: "The caller's own id of one prospect in one campaign.", 256, r"^[^\u0000-\u001f\u007f-\u009f]+$", "enr_1";
    CampaignId: "The engine's id of a campaign.", 256, r"^[^\u0000-\u001f\u007f-\u009f]+$", "camp_1";
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, UTC, with milliseconds."))
            .examples(["2026-05-02T15:14:06.000Z"])
            .into()
    }
}

impl ToSchema for Timestamp {}
