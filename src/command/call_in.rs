//! Announcing that the customer will call.

use super::options::{
    first_given, get, invalid_option, is_absent, parse_object, required, text, OptionNames,
};
use super::Description;
use crate::config::v1_fields;
use crate::error::{Effect, Result};
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.callIn",
    resolved: c"CallbackService.callInCreated",
    rejected: c"CallbackService.callInError",
    missing_data: "No data found to request a call-in: give groupName",
    effect: Some(Effect {
        member: "created",
        may_have_happened: "the call-in request may have been created",
    }),
};

pub const OPTIONS: OptionNames = OptionNames(&[
    ("groupName", &[]),
    ("fromPhoneNumber", &["phonenumber", "phoneNumber"]),
    ("userData", &[]),
    ("callbackServiceId", &[]),
]);

/// The validated options. It borrows from them.
#[derive(Debug, PartialEq)]
pub struct CallInRequest<'a> {
    /// The group of numbers from which the server chooses the one to call.
    pub group_name: String,
    /// The number from which the customer calls.
    pub from_phone_number: Option<String>,
    /// Data for the agent.
    pub user_data: Option<&'a Object>,
    /// The callback that this call is about.
    pub callback_service_id: Option<String>,
}

impl<'a> CallInRequest<'a> {
    /// Validates the options of a command.
    pub fn parse(options: &'a Object) -> Result<CallInRequest<'a>> {
        OPTIONS.reject_unknown(options)?;
        let number = first_given(options, &["fromPhoneNumber", "phonenumber", "phoneNumber"]);
        let from_phone_number = match number {
            Some(name) => get(options, name)
                .map_or(Ok(None), v1_fields::phone_number)
                .map_err(|message| invalid_option(name, &message))?,
            None => None,
        };
        let user_data = get(options, "userData").filter(|value| !is_absent(value));
        Ok(CallInRequest {
            group_name: text(options, "groupName")?.ok_or_else(|| required("groupName"))?,
            from_phone_number,
            user_data: user_data
                .map(|value| parse_object("userData", value))
                .transpose()?,
            callback_service_id: text(options, "callbackServiceId")?,
        })
    }
}
