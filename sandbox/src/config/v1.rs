//! Access to the v1 API, and the points in which real v1 servers may differ.

use serde::{de::Error as _, Deserialize, Deserializer};

use crate::domain::interval::{DayLength, EndPrecedence, FirstSlot, LastSlot, V1Rules};

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct V1Config {
    /// A request needs one of these keys; empty means that no key is needed.
    #[serde(deserialize_with = "super::keys")]
    pub(crate) api_keys: Vec<String>,
    /// The realm of the basic authentication challenge.
    pub(crate) realm: String,
    pub(crate) username: Option<String>,
    /// Without any password there is no authentication.
    pub(crate) password: Option<String>,
    /// Replaces `username` in requests that concern no single service.
    pub(crate) callback_username: Option<String>,
    /// Replaces `password` in requests that concern no single service.
    pub(crate) callback_password: Option<String>,
    #[serde(deserialize_with = "super::one_of::<_, 400, 429>")]
    pub(crate) full_slot_status: u16,
    #[serde(deserialize_with = "super::one_of::<_, 400, 404>")]
    pub(crate) unknown_service_status: u16,
    /// The status when a callback to cancel or to update does not exist.
    #[serde(deserialize_with = "super::one_of::<_, 404, 400>")]
    pub(crate) unknown_id_status: u16,
    /// The response when a query by the id of a callback finds none.
    pub(crate) unknown_id_query: NoResult,
    pub(crate) id_query: IdQuery,
    pub(crate) change_response: ChangeResponse,
    pub(crate) record_link: RecordLink,
    /// Whether the orchestration of callbacks in the queue cannot be reached.
    pub(crate) orchestration_fails: bool,
    /// The response when an availability interval has no open slot.
    pub(crate) closed_interval: NoResult,
    pub(crate) first_slot: FirstSlot,
    pub(crate) last_slot: LastSlot,
    pub(crate) day_length: DayLength,
    #[serde(deserialize_with = "end_or_number_of_days")]
    pub(crate) interval_end: EndPrecedence,
}

impl Default for V1Config {
    fn default() -> Self {
        V1Config {
            api_keys: Vec::new(),
            realm: "Genesys Application Configuration Needed".to_owned(),
            username: None,
            password: None,
            callback_username: None,
            callback_password: None,
            full_slot_status: 400,
            unknown_service_status: 400,
            unknown_id_status: 404,
            unknown_id_query: NoResult::Empty,
            id_query: IdQuery::default(),
            change_response: ChangeResponse::default(),
            record_link: RecordLink::default(),
            orchestration_fails: false,
            closed_interval: NoResult::Refuse,
            first_slot: FirstSlot::default(),
            last_slot: LastSlot::default(),
            day_length: DayLength::default(),
            interval_end: EndPrecedence::default(),
        }
    }
}

impl V1Config {
    pub(crate) fn interval_rules(&self) -> V1Rules {
        V1Rules {
            first_slot: self.first_slot,
            last_slot: self.last_slot,
            day_length: self.day_length,
        }
    }
}

/// The response to a request that finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NoResult {
    /// An error.
    Refuse,
    /// 200 with an empty object or array.
    Empty,
}

/// The result of a query by `_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IdQuery {
    /// An array of one record.
    #[default]
    Array,
    /// The record.
    Object,
}

/// The body of the response when a callback is cancelled or updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChangeResponse {
    /// An empty object.
    #[default]
    Object,
    /// No body.
    Empty,
}

/// The properties of a record that contain its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum RecordLink {
    #[default]
    #[serde(rename = "both")]
    Both,
    #[serde(rename = "url")]
    Plain,
    #[serde(rename = "_url")]
    Underscore,
}

/// Real v1 servers refuse neither parameter.
fn end_or_number_of_days<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<EndPrecedence, D::Error> {
    let precedence = EndPrecedence::deserialize(deserializer)?;
    if precedence == EndPrecedence::Refuse {
        return Err(D::Error::unknown_variant(
            "refuse",
            &["end", "number-of-days"],
        ));
    }
    Ok(precedence)
}
