//! The page: the week of every service, bookings, the clock, faults and requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use maud::{html, Markup, DOCTYPE};

use super::lists;
use crate::booking::{BookingError, BookingService, HourCell, SlotOffer, Week};
use crate::config::Service;
use crate::domain::clock::Clock;
use crate::domain::time_format::format_utc;
use crate::faults::request_log::RequestLog;
use crate::faults::rules::FaultRules;
use crate::http::query::RawQuery;

/// The number of bookings and of requests on the page.
const ROWS: u32 = 20;
/// Nothing from other origins, nothing inline.
const CSP: &str =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
/// The colours of hours and their meaning.
const LEGEND: [(&str, &str); 5] = [
    ("free", "free"),
    ("some", "some booked"),
    ("full", "full"),
    ("past", "past"),
    ("closed", "closed"),
];

/// The week of one service.
struct ServiceWeek<'a> {
    name: &'a str,
    service: &'a Service,
    today: Date,
    week: Week,
    slots: Slots,
}

/// The slots that can still be booked, by day and hour in the zone of the service.
type Slots = BTreeMap<(Date, i8), Vec<SlotOffer>>;

/// `GET /`
pub(crate) async fn page(
    State(booking): State<Arc<BookingService>>,
    State(faults): State<Arc<FaultRules>>,
    State(log): State<Arc<RequestLog>>,
    query: RawQuery,
) -> Response {
    let query = query.parse().ok();
    let first = query.and_then(|query| query.text("week")?.parse::<Date>().ok());
    match render(&booking, &faults, &log, first).await {
        Ok(page) => {
            let headers = [(CONTENT_SECURITY_POLICY, CSP), (CACHE_CONTROL, "no-store")];
            (headers, page).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn render(
    booking: &BookingService,
    faults: &FaultRules,
    log: &RequestLog,
    first: Option<Date>,
) -> Result<Markup, BookingError> {
    let now = booking.clock.now();
    let recent = booking.recent(ROWS).await?;
    let mut weeks = Vec::new();
    for (name, service) in &booking.config.services {
        let today = now.to_zoned(service.calendar.zone.clone()).date();
        let first = first.unwrap_or(today);
        weeks.push(ServiceWeek {
            name,
            service,
            today,
            week: booking.week(name, first).await?,
            slots: bookable_slots(booking, name, service, first).await?,
        });
    }
    let first = first.unwrap_or_else(|| now.to_zoned(TimeZone::UTC).date());
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
                    span.faint { "It makes no calls. " a href="/openapi.json" { "API description" } }
                    span #live.badge role="status" { "not live" }
                }
                main {
                    (clock_section(&booking.clock, now))
                    (weeks_section(first, &weeks))
                    (lists::bookings(&recent, now))
                    (lists::faults(&faults.to_json()))
                    (lists::requests(&log.recent(ROWS as usize)))
                    (reset_section())
                }
            }
        }
    })
}

async fn bookable_slots(
    booking: &BookingService,
    name: &str,
    service: &Service,
    first: Date,
) -> Result<Slots, BookingError> {
    let calendar = &service.calendar;
    let now = booking.clock.now();
    let mut slots = Slots::new();
    for offer in booking
        .offers(name, now, calendar.week(first), None)
        .await?
    {
        let local = offer.start.to_zoned(calendar.zone.clone());
        slots
            .entry((local.date(), local.hour()))
            .or_default()
            .push(offer);
    }
    Ok(slots)
}

fn clock_section(clock: &Clock, now: Timestamp) -> Markup {
    let speed = clock.speed();
    let advance = [
        ("Advance 15 minutes", "900"),
        ("Advance 1 hour", "3600"),
        ("Advance 1 day", "86400"),
    ];
    html! {
        section aria-labelledby="clock-title" {
            h2 #clock-title { "Clock" }
            div.card {
                p #clock data-live {
                    time.now datetime=(format_utc(now)) { (now.strftime("%A %Y-%m-%d %H:%M:%S UTC")) }
                    " " span.faint { "speed " (speed) }
                }
                div.row {
                    @for (label, seconds) in advance {
                        form.inline method="post" action="/sandbox/clock" {
                            input type="hidden" name="advanceSeconds" value=(seconds);
                            button { (label) }
                        }
                    }
                    form.row method="post" action="/sandbox/clock" {
                        label {
                            "Time, with Z or an offset"
                            input name="now" size="25" value=(format_utc(now)) required autocomplete="off";
                        }
                        button { "Set time" }
                    }
                    form.row method="post" action="/sandbox/clock" {
                        label {
                            "Speed"
                            input name="speed" type="number" min="0" max="86400" step="any" value=(speed) required;
                        }
                        button { "Set speed" }
                    }
                }
            }
        }
    }
}

fn reset_section() -> Markup {
    const QUESTION: &str = "Delete all bookings, faults and requests, and reset the clock?";
    html! {
        section aria-labelledby="reset-title" {
            h2 #reset-title { "Reset" }
            div.card.row {
                span.grow.faint { "Deletes bookings, faults and requests, and resets the clock." }
                form.inline method="post" action="/sandbox/reset" data-confirm=(QUESTION) {
                    button.danger { "Reset everything" }
                }
            }
        }
    }
}

fn weeks_section(first: Date, weeks: &[ServiceWeek]) -> Markup {
    let link = |days: i64| {
        first
            .checked_add(days.days())
            .map_or_else(|_| String::new(), |date| format!("/?week={date}"))
    };
    html! {
        section aria-labelledby="weeks-title" {
            h2 #weeks-title { "Services" }
            div.row.between {
                nav aria-label="Week" {
                    a href=(link(-7)) { "Previous week" }
                    " · " a href="/" { "Today" }
                    " · " a href=(link(7)) { "Next week" }
                }
                ul.legend aria-label="Colours" {
                    @for (colour, meaning) in LEGEND {
                        li { span class=(format!("swatch {colour}")) {} (meaning) }
                    }
                }
            }
            div #weeks data-live { @for week in weeks { (week_table(week)) } }
        }
    }
}

fn week_table(service_week: &ServiceWeek) -> Markup {
    let ServiceWeek {
        name,
        service,
        today,
        week,
        slots,
    } = service_week;
    let zone = &service.calendar.zone;
    let zone_name = zone.iana_name().unwrap_or("UTC");
    html! {
        div.card {
            h3 { (name) " " span.faint { "slots of " (service.calendar.slot.0) " minutes, " (zone_name) } }
            @if week.hours.is_empty() {
                p.faint { "Closed all week." }
            } @else {
                div.wide id=(format!("week-{name}")) tabindex="0" role="region" aria-label=(format!("Week of {name}")) {
                    table.week {
                        caption.faint { "Booked / capacity by the hour" }
                        thead {
                            tr {
                                th scope="col" { "Hour" }
                                @for day in &week.days {
                                    th scope="col" aria-current=[(day == today).then_some("date")] {
                                        (day.strftime("%a %d %b")) @if day == today { " (today)" }
                                    }
                                }
                            }
                        }
                        tbody {
                            @for (hour, cells) in &week.hours {
                                tr {
                                    th scope="row" { (format!("{hour:02}:00")) }
                                    @for (cell, day) in cells.iter().zip(&week.days) {
                                        @let offers = slots.get(&(*day, *hour)).map(Vec::as_slice).unwrap_or_default();
                                        (hour_cell(&format!("{name} {day} {hour:02}"), cell, offers, zone))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn hour_cell(key: &str, cell: &HourCell, offers: &[SlotOffer], zone: &TimeZone) -> Markup {
    let colour = match cell {
        HourCell { slots: 0, .. } => return html! { td.closed { "–" } },
        HourCell { past: true, .. } => "past",
        HourCell { total: 0, .. } => "closed",
        HourCell { booked: 0, .. } => "free",
        HourCell { booked, total, .. } if booked < total => "some",
        _ => "full",
    };
    let full = offers
        .iter()
        .filter(|offer| offer.free == 0 && offer.total > 0)
        .count();
    let slots: Vec<String> = offers.iter().map(|offer| slot_title(offer, zone)).collect();
    html! {
        td class=(colour) data-cell=(key) title=[(!slots.is_empty()).then(|| slots.join(", "))] {
            (cell.booked) " / " (cell.total)
            @if colour == "some" && full > 0 { " " small { (full) " full" } }
        }
    }
}

/// Start, booked and total capacity.
fn slot_title(offer: &SlotOffer, zone: &TimeZone) -> String {
    let start = offer.start.to_zoned(zone.clone());
    format!(
        "{} {}/{}",
        start.strftime("%H:%M"),
        offer.total - offer.free,
        offer.total
    )
}
