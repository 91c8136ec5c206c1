//! The lists of the page: bookings, faults, requests.

use jiff::Timestamp;
use maud::{html, Markup};
use serde_json::Value;

use crate::domain::lifecycle::CallbackState;
use crate::faults::request_log::LogEntry;
use crate::store::Booking;

/// The buttons that add a fault: label, and the members of the fault.
const PRESETS: [(&str, &[(&str, &str)]); 6] = [
    (
        "Next request: answer 503",
        &[("status", "503"), ("count", "1")],
    ),
    (
        "Next request: reset before it is carried out",
        &[("reset", "before"), ("count", "1")],
    ),
    (
        "Next request: carry it out, lose the response",
        &[("reset", "after"), ("count", "1")],
    ),
    (
        "Next request: cut the response body",
        &[("cutBody", "10"), ("count", "1")],
    ),
    ("Every request: wait 3 seconds", &[("delayMs", "3000")]),
    (
        "One in three: answer 500",
        &[("status", "500"), ("probability", "0.33")],
    ),
];

pub(crate) fn bookings(records: &[Booking], now: Timestamp) -> Markup {
    let titles = [
        "Created (UTC)",
        "Service",
        "Number",
        "Desired time (UTC)",
        "State",
        "Id",
    ];
    html! {
        section aria-labelledby="bookings-title" {
            h2 #bookings-title { "Bookings" }
            div.card.wide #bookings data-live tabindex="0" role="region" aria-labelledby="bookings-title" {
                @if records.is_empty() {
                    p.faint { "None yet." }
                } @else {
                    table {
                        thead { tr { @for title in titles { th scope="col" { (title) } } } }
                        tbody { @for record in records { (booking(record, now)) } }
                    }
                }
            }
        }
    }
}

fn booking(record: &Booking, now: Timestamp) -> Markup {
    let state = record.state(now);
    html! {
        tr {
            td { (minute(record.created)) }
            td { (record.service) }
            td { (record.number) }
            td { @if record.scheduled { (minute(record.desired)) } @else { "as soon as possible" } }
            td {
                span class=(format!("badge {}", colour_of(state))) { (state.name()) }
                @if let Some(reason) = &record.reason { " " span.faint { (reason) } }
            }
            td { code { (record.id) } }
        }
    }
}

fn colour_of(state: CallbackState) -> &'static str {
    match state {
        CallbackState::Scheduled => "free",
        CallbackState::Queued | CallbackState::Routing | CallbackState::Processing => "some",
        CallbackState::Paused => "full",
        CallbackState::Completed => "past",
    }
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// The faults, and buttons to add others.
pub(crate) fn faults(faults: &[Value]) -> Markup {
    html! {
        section aria-labelledby="faults-title" {
            h2 #faults-title { "Faults" }
            div.card {
                div #faults data-live {
                    @if faults.is_empty() { p.faint { "None." } }
                    @else { ul.plain { @for one in faults { (fault(one)) } } }
                }
                div.row {
                    @for (label, fields) in PRESETS {
                        form.inline method="post" action="/sandbox/faults" {
                            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                            button { (label) }
                        }
                    }
                }
            }
        }
    }
}

fn fault(fault: &Value) -> Markup {
    let words = ["summary", "method", "route"]
        .into_iter()
        .filter_map(|key| fault[key].as_str());
    let words = words.collect::<Vec<&str>>().join(" ");
    html! {
        li.row {
            span.grow {
                (words)
                @if fault["probability"] != 1.0 { ", probability " (fault["probability"].to_string()) }
                ", applied " (fault["hits"].to_string()) " times"
                @match fault["count"].as_u64() {
                    Some(0) => { ", " span.badge.past { "used up" } }
                    Some(count) => { ", " (count) " left" }
                    None => {}
                }
            }
            @if fault["count"] != 0 {
                form.inline method="post" action=(format!("/sandbox/faults/{}", fault["id"])) {
                    button id=(format!("fault-{}", fault["id"])) aria-label=(format!("Switch off: {words}")) { "Switch off" }
                }
            }
        }
    }
}

pub(crate) fn requests(entries: &[(u64, LogEntry)]) -> Markup {
    let titles = ["Time (UTC)", "Request", "Status", "Took"];
    html! {
        section aria-labelledby="requests-title" {
            h2 #requests-title { "Requests" }
            div.card.wide #requests data-live tabindex="0" role="region" aria-labelledby="requests-title" {
                @if entries.is_empty() {
                    p.faint { "None yet." }
                } @else {
                    table {
                        thead { tr { @for title in titles { th scope="col" { (title) } } } }
                        tbody { @for (number, entry) in entries { (request(*number, entry)) } }
                    }
                }
            }
        }
    }
}

fn request(number: u64, entry: &LogEntry) -> Markup {
    let colour = match entry.status {
        Some(200..=299) => "free",
        Some(400..=499) => "some",
        _ => "full",
    };
    html! {
        tr {
            td.short { (entry.time.strftime("%Y-%m-%d %H:%M:%S")) }
            td.request {
                details id=(format!("request-{number}")) {
                    summary id=(format!("summary-{number}")) { (entry.method) " " code { (entry.target) } }
                    pre {
                        @for (name, value) in &entry.headers { (name) ": " (value) "\n" }
                        @if !entry.body.is_empty() { "\n" (entry.body) }
                    }
                    p.faint { "Response" }
                    pre { (entry.response) }
                }
                @if let Some(fault) = &entry.fault { p.faint { "Fault: " (fault) } }
            }
            td {
                span class=(format!("badge {colour}")) {
                    @if let Some(status) = entry.status { (status) } @else { "reset" }
                }
            }
            td.short { (format!("{:.1} ms", entry.microseconds as f64 / 1000.0)) }
        }
    }
}
