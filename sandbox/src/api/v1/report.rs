//! The report of cancelled callbacks, as comma-separated values.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::admin::{text, texts};
use super::search::{base, shown};
use super::{admitted_everywhere, refuse, Problem};
use crate::booking::BookingService;
use crate::http::body;
use crate::store::{Booking, BookingFilter};

/// What every report has; what the request asks for comes behind.
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
) -> Response {
    match try_cancelled(&booking, request).await {
        Ok(report) => ([(CONTENT_TYPE, "text/csv; charset=utf-8")], report).into_response(),
        Err(problem) => refuse(&booking, &problem),
    }
}

async fn try_cancelled(booking: &BookingService, request: Request) -> Result<String, Problem> {
    admitted_everywhere(booking, request.headers())?;
    let base = base(request.headers());
    let fields = body::json_object(request).await?;
    let reason = text(&fields, "callback_reason")?;
    let mut columns = COLUMNS.to_vec();
    columns.extend(texts(&fields, "exported_properties")?.unwrap_or_default());
    let now = booking.clock.now();
    let mut records = booking.select(BookingFilter::default()).await?;
    records.retain(|record| is_wanted(record, reason));
    let mut report = line(columns.iter().copied());
    for record in &records {
        let shown = shown(record, now, &base);
        report += &line(columns.iter().map(|column| value(&shown, column)));
    }
    Ok(report)
}

/// Only what is cancelled has a reason.
fn is_wanted(record: &Booking, reason: Option<&str>) -> bool {
    record
        .reason
        .as_deref()
        .is_some_and(|given| reason.is_none_or(|wanted| wanted == given))
}

/// What a column shows; to real servers every callback is a service of its own.
fn value<'a>(shown: &'a Map<String, Value>, column: &str) -> &'a str {
    let key = if column == "_service_id" {
        "_id"
    } else {
        column
    };
    shown.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A line as RFC 4180 wants it.
fn line<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = values.map(quoted).collect();
    quoted.join(",") + "\r\n"
}

fn quoted(value: &str) -> String {
    match value.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_need_it_are_quoted() {
        let values = ["a b", "", "1,2", "say \"hi\"", "two\r\nlines"];
        assert_eq!(
            line(values.into_iter()),
            "a b,,\"1,2\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n"
        );
    }
}
