//! The report of cancelled callbacks as CSV (RFC 4180).

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::{Map, Value};

use super::auth::authorize_any;
use super::error::ApiError;
use super::record::RecordFormat;
use crate::booking::BookingService;
use crate::http::body;
use crate::http::fields::{non_empty_text, texts};
use crate::store::{Booking, BookingFilter};

/// The columns of every report; requested ones follow.
const COLUMNS: [&str; 5] = [
    "_id",
    "_service_name",
    "_customer_number",
    "_desired_time",
    "_callback_reason",
];

/// `POST /genesys/1/admin/callback/reportcancelled`
pub(crate) async fn cancelled(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    authorize_any(&booking, request.headers())?;
    let headers = request.headers().clone();
    let fields = body::json_object(request).await?;
    let reason = non_empty_text(&fields, "callback_reason")?;
    let mut columns = COLUMNS.to_vec();
    columns.extend(texts(&fields, "exported_properties")?.unwrap_or_default());
    let format = RecordFormat::new(&booking, &headers);
    let mut bookings = booking.select(BookingFilter::default()).await?;
    bookings.retain(|booking| is_cancelled(booking, reason));
    let mut report = line(columns.iter().copied());
    for booking in &bookings {
        let record = format.complete(booking);
        report += &line(columns.iter().map(|column| value(&record, column)));
    }
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], report))
}

/// Only cancelled callbacks have a reason.
fn is_cancelled(booking: &Booking, reason: Option<&str>) -> bool {
    let own = booking.reason.as_deref();
    own.is_some_and(|own| reason.is_none_or(|reason| reason == own))
}

/// On real servers every callback is a service of its own, so `_service_id` is its id.
fn value<'a>(record: &'a Map<String, Value>, column: &str) -> &'a str {
    let key = if column == "_service_id" {
        "_id"
    } else {
        column
    };
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn line<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let values: Vec<Cow<str>> = values.map(quote).collect();
    values.join(",") + "\r\n"
}

fn quote(value: &str) -> Cow<'_, str> {
    if value.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", value.replace('"', "\"\"")).into()
    } else {
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_quoted() {
        let values = ["a b", "", "1,2", "say \"hi\"", "two\r\nlines"];
        assert_eq!(
            line(values.into_iter()),
            "a b,,\"1,2\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n"
        );
    }
}
