//! The check of a telephone number.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::Json;
use serde_json::json;

use super::auth::authorize_any;
use super::error::ApiError;
use super::JsonResult;
use crate::booking::BookingService;
use crate::domain::number_details::NumberDetails;
use crate::http::errors::ParameterError;
use crate::http::query::RawQuery;

/// `GET /genesys/1/phonenumber`
pub(crate) async fn check(
    State(booking): State<Arc<BookingService>>,
    query: RawQuery,
    headers: HeaderMap,
) -> JsonResult {
    authorize_any(&booking, &headers)?;
    let query = query.parse()?;
    let number = query
        .text("number")
        .ok_or_else(|| ParameterError::missing("number"))?;
    let country = query.text("country").unwrap_or("US").to_ascii_uppercase();
    let language = query.text("geocodingLocale").unwrap_or("en");
    let Some(details) = NumberDetails::parse(number, country.parse().ok()) else {
        return Err(ApiError::InvalidNumber {
            number: number.to_owned(),
            country,
        });
    };
    // Carrier, location and time zone need tables that are not here.
    Ok(Json(json!({
        "carrier": "",
        "country-code": details.country_code,
        "country-code-source": details.country_code_source,
        "country-default": country,
        "extension": details.extension,
        "is-possible-number": details.is_possible,
        "is-premium": details.is_premium,
        "is-valid-number": details.is_valid,
        "is-valid-number-for-region": details.is_valid_for_country,
        "italian-leading-zero": details.italian_leading_zero,
        "language-specified": language.to_ascii_lowercase(),
        "location": "",
        "number-E164": details.e164,
        "number-international": details.international,
        "number-national": details.national,
        "number-national-short": details.national_short,
        "number-original": details.original,
        "number-specified": number,
        "number-type": details.kind,
        "region-code": details.region,
        "time-zone": "",
    })))
}
