//! The page for people who watch: the week of every service, bookings, the clock, faults, and what was seen on the wire.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use maud::{html, Markup, DOCTYPE};
use serde_json::Value;

use crate::desk::{Cell, Desk, Refusal, Week};
use crate::query::Query;
use crate::requests::Exchange;
use crate::server::Sandbox;
use crate::settings::Service;
use crate::store::Record;
use crate::times;

/// Bookings and requests shown.
const SHOWN: u32 = 20;
/// Nothing from elsewhere, nothing inline.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What can go wrong at the push of a button: the words, and the fields of the fault.
const PRESETS: [(&str, &[(&str, &str)]); 6] = [
    ("Next request: answer 503", &[("status", "503"), ("count", "1")]),
    ("Next request: reset before it is carried out", &[("reset", "before"), ("count", "1")]),
    ("Next request: carry it out, lose the answer", &[("reset", "after"), ("count", "1")]),
    ("Next request: cut the answer's body", &[("cutBody", "10"), ("count", "1")]),
    ("Every request: wait 3 seconds", &[("delayMs", "3000")]),
    ("One in three: answer 500", &[("status", "500"), ("probability", "0.33")]),
];

/// `GET /`
pub async fn page(State(sandbox): State<Arc<Sandbox>>, RawQuery(query): RawQuery) -> Response {
    let asked = Query::read(query.as_deref()).ok();
    let week = asked.as_ref().and_then(|query| query.text("week")?.parse::<Date>().ok());
    match whole(&sandbox, week).await {
        Ok(page) => {
            let headers = [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store")];
            (headers, page).into_response()
        }
        Err(refusal) => (StatusCode::INTERNAL_SERVER_ERROR, refusal.to_string()).into_response(),
    }
}

async fn whole(sandbox: &Sandbox, asked: Option<Date>) -> Result<Markup, Refusal> {
    let desk = &sandbox.desk;
    let now = desk.clock.now();
    let newest = desk.newest(SHOWN).await?;
    let mut weeks = Vec::new();
    for (name, service) in &desk.settings.services {
        let today = now.to_zoned(service.calendar.zone.clone()).date();
        let first = asked.unwrap_or(today);
        weeks.push((name, service, today, desk.week(name, first).await?));
    }
    let first = asked.unwrap_or_else(|| now.to_zoned(TimeZone::UTC).date());
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Callback sandbox" }
                link rel="stylesheet" href="/sandbox/page.css";
                script src="/sandbox/page.js" defer {}
            }
            body {
                header {
                    h1 { "Callback sandbox" }
                    span.faint { "It calls nobody. " a href="/openapi.json" { "What it serves" } }
                    span #live role="status" { "not live" }
                }
                main {
                    (clock(desk, now))
                    (weeks_of(first, &weeks))
                    section aria-labelledby="bookings-title" {
                        h2 #bookings-title { "Bookings" }
                        div.card.wide #bookings data-live { (bookings(&newest, now)) }
                    }
                    (faults(sandbox))
                    section aria-labelledby="requests-title" {
                        h2 #requests-title { "Requests" }
                        div.card.wide #requests data-live { (requests(sandbox)) }
                    }
                }
            }
        }
    })
}

fn clock(desk: &Desk, now: Timestamp) -> Markup {
    let advance = [("15 minutes on", "900"), ("1 hour on", "3600"), ("1 day on", "86400")];
    html! {
        section aria-labelledby="clock-title" {
            h2 #clock-title { "Clock" }
            div.card.row {
                p #clock data-live {
                    time datetime=(times::utc(now)) { (now.strftime("%A %Y-%m-%d %H:%M:%S UTC")) }
                    " · speed " (desk.clock.speed())
                }
                @for (words, seconds) in advance {
                    form.inline method="post" action="/sandbox/clock" {
                        input type="hidden" name="advanceSeconds" value=(seconds);
                        button { (words) }
                    }
                }
                form.row method="post" action="/sandbox/clock" {
                    label {
                        "Speed"
                        input name="speed" type="number" min="0" max="86400" step="any" value=(desk.clock.speed()) required;
                    }
                    button { "Set speed" }
                }
                form.inline method="post" action="/sandbox/reset" {
                    button { "Forget everything" }
                }
            }
        }
    }
}

fn weeks_of(first: Date, weeks: &[(&String, &Service, Date, Week)]) -> Markup {
    let link =
        |days: i64| first.checked_add(days.days()).map_or_else(|_| String::new(), |date| format!("/?week={date}"));
    html! {
        section aria-labelledby="weeks-title" {
            h2 #weeks-title { "Services" }
            nav aria-label="Week" {
                a href=(link(-7)) { "Week before" } " · " a href="/" { "From today" } " · " a href=(link(7)) { "Week after" }
            }
            div #weeks data-live {
                @for (name, service, today, week) in weeks { (one_week(name, service, *today, week)) }
            }
        }
    }
}

fn one_week(name: &str, service: &Service, today: Date, week: &Week) -> Markup {
    let zone = service.calendar.zone.iana_name().unwrap_or("UTC");
    html! {
        div.card {
            h3 { (name) " " span.faint { "slots of " (service.calendar.slot.0) " minutes, " (zone) } }
            @if week.hours.is_empty() {
                p.faint { "Closed all week." }
            } @else {
                div.wide {
                    table.week {
                        caption.faint { "Booked / places by the hour" }
                        thead {
                            tr {
                                th scope="col" { "Hour" }
                                @for day in &week.days {
                                    th scope="col" aria-current=[(*day == today).then_some("date")] {
                                        (day.strftime("%a %d %b")) @if *day == today { " (today)" }
                                    }
                                }
                            }
                        }
                        tbody {
                            @for (hour, cells) in &week.hours {
                                tr {
                                    th scope="row" { (format!("{hour:02}:00")) }
                                    @for (cell, day) in cells.iter().zip(&week.days) { (one_hour(name, *hour, *day, cell)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn one_hour(name: &str, hour: i8, day: Date, cell: &Cell) -> Markup {
    let class = match cell {
        Cell { slots: 0, .. } => return html! { td.closed { "–" } },
        Cell { past: true, .. } => "past",
        Cell { booked: 0, .. } => "free",
        Cell { booked, total, .. } if booked < total => "some",
        _ => "full",
    };
    html! {
        td class=(class) data-cell=(format!("{name} {day} {hour:02}")) { (cell.booked) " / " (cell.total) }
    }
}

fn bookings(records: &[Record], now: Timestamp) -> Markup {
    html! {
        @if records.is_empty() {
            p.faint { "None yet." }
        } @else {
            table {
                thead { tr { @for title in ["Made (UTC)", "Service", "Number", "For (UTC)", "State", "Id"] { th scope="col" { (title) } } } }
                tbody {
                    @for record in records {
                        tr {
                            td { (minute(record.created)) }
                            td { (record.service) }
                            td { (record.number) }
                            td { @if record.scheduled { (minute(record.desired)) } @else { "as soon as possible" } }
                            td { (record.state(now).name()) @if let Some(reason) = &record.reason { " (" (reason) ")" } }
                            td { code { (record.id) } }
                        }
                    }
                }
            }
        }
    }
}

fn minute(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M").to_string()
}

fn faults(sandbox: &Sandbox) -> Markup {
    let text = |fault: &Value, key: &str| fault[key].as_str().unwrap_or_default().to_owned();
    html! {
        section aria-labelledby="faults-title" {
            h2 #faults-title { "Faults" }
            div.card {
                div #faults data-live {
                    @let faults = sandbox.faults.shown();
                    @if faults.is_empty() { p.faint { "None: everything works." } }
                    ul {
                        @for fault in &faults {
                            li {
                                (text(fault, "summary")) " " (text(fault, "method")) " " (text(fault, "route"))
                                @if let Some(count) = fault["count"].as_u64() { ", " (count) " more times" }
                                @if fault["probability"] != 1.0 { ", with chance " (fault["probability"].to_string()) }
                                ", has struck " (fault["hits"].to_string()) " times "
                                form.inline method="post" action=(format!("/sandbox/faults/{}", fault["id"])) {
                                    button id=(format!("fault-{}", fault["id"])) { "Switch off" }
                                }
                            }
                        }
                    }
                }
                div.row {
                    @for (words, fields) in PRESETS {
                        form.inline method="post" action="/sandbox/faults" {
                            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                            button { (words) }
                        }
                    }
                }
            }
        }
    }
}

fn requests(sandbox: &Sandbox) -> Markup {
    let last = sandbox.requests.last(SHOWN as usize);
    html! {
        @if last.is_empty() {
            p.faint { "None yet." }
        } @else {
            table {
                thead { tr { @for title in ["Time", "Request", "Status", "Took"] { th scope="col" { (title) } } } }
                tbody { @for (number, exchange) in &last { (request(*number, exchange)) } }
            }
        }
    }
}

fn request(number: u64, exchange: &Exchange) -> Markup {
    let class = match exchange.status {
        Some(200..=299) => "free",
        Some(400..=499) => "some",
        _ => "full",
    };
    html! {
        tr {
            td { (exchange.time.strftime("%H:%M:%S")) }
            td {
                details id=(format!("request-{number}")) {
                    summary { (exchange.method) " " code { (exchange.target) } }
                    pre {
                        @for (name, value) in &exchange.headers { (name) ": " (value) "\n" }
                        @if !exchange.body.is_empty() { "\n" (exchange.body) }
                    }
                    p.faint { "Answer" }
                    pre { (exchange.answer) }
                }
                @if let Some(fault) = &exchange.fault { p.faint { "Fault: " (fault) } }
            }
            td class=(class) { @if let Some(status) = exchange.status { (status) } @else { "reset" } }
            td { (format!("{:.1} ms", exchange.microseconds as f64 / 1000.0)) }
        }
    }
}
