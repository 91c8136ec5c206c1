//! The page for people who watch: the week of every service, bookings, the clock, faults, and what was seen on the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
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
use crate::domain::calendar::Slot;
use crate::domain::time_format;
use crate::http::query::Query;
use crate::server::Sandbox;

/// Bookings and requests shown.
const SHOWN: u32 = 20;
/// Nothing from elsewhere, nothing inline.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
/// The colours of hours, and what they mean.
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

/// The slots that can still be booked, by day and hour of the service's zone.
type Slots = BTreeMap<(Date, i8), Vec<SlotOffer>>;

/// `GET /`
pub(crate) async fn page(
    State(sandbox): State<Arc<Sandbox>>,
    RawQuery(query): RawQuery,
) -> Response {
    let asked = Query::read(query.as_deref()).ok();
    let week = asked
        .as_ref()
        .and_then(|query| query.text("week")?.parse::<Date>().ok());
    match whole(&sandbox, week).await {
        Ok(page) => {
            let headers = [
                (CONTENT_SECURITY_POLICY, POLICY),
                (CACHE_CONTROL, "no-store"),
            ];
            (headers, page).into_response()
        }
        Err(refusal) => (StatusCode::INTERNAL_SERVER_ERROR, refusal.to_string()).into_response(),
    }
}

async fn whole(sandbox: &Sandbox, asked: Option<Date>) -> Result<Markup, BookingError> {
    let booking = &sandbox.booking;
    let now = booking.clock.now();
    let newest = booking.recent(SHOWN).await?;
    let mut weeks = Vec::new();
    for (name, service) in &booking.config.services {
        let today = now.to_zoned(service.calendar.zone.clone()).date();
        let first = asked.unwrap_or(today);
        let week = booking.week(name, first).await?;
        let slots = slots(booking, name, service, first).await?;
        weeks.push(ServiceWeek {
            name,
            service,
            today,
            week,
            slots,
        });
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
                    span #live.badge role="status" { "not live" }
                }
                main {
                    (clock(booking, now))
                    (weeks_of(first, &weeks))
                    (lists::bookings(&newest, now))
                    (lists::faults(&sandbox.faults.shown()))
                    (lists::requests(&sandbox.requests.last(SHOWN as usize)))
                    (start_again())
                }
            }
        }
    })
}

async fn slots(
    booking: &BookingService,
    name: &str,
    service: &Service,
    first: Date,
) -> Result<Slots, BookingError> {
    let zone = &service.calendar.zone;
    let midnight = |date: Date| {
        date.to_zoned(zone.clone())
            .map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    };
    let start = midnight(first);
    let end = first.checked_add(7.days()).map_or(Timestamp::MAX, midnight);
    let mut slots = Slots::new();
    for offer in booking
        .offers(name, booking.clock.now(), Slot { start, end }, None)
        .await?
    {
        let local = offer.start.to_zoned(zone.clone());
        slots
            .entry((local.date(), local.hour()))
            .or_default()
            .push(offer);
    }
    Ok(slots)
}

fn clock(booking: &BookingService, now: Timestamp) -> Markup {
    let speed = booking.clock.speed();
    let advance = [
        ("15 minutes on", "900"),
        ("1 hour on", "3600"),
        ("1 day on", "86400"),
    ];
    html! {
        section aria-labelledby="clock-title" {
            h2 #clock-title { "Clock" }
            div.card {
                p #clock data-live {
                    time.now datetime=(time_format::format_utc(now)) { (now.strftime("%A %Y-%m-%d %H:%M:%S UTC")) }
                    " " span.faint { "speed " (speed) }
                }
                div.row {
                    @for (words, seconds) in advance {
                        form.inline method="post" action="/sandbox/clock" {
                            input type="hidden" name="advanceSeconds" value=(seconds);
                            button { (words) }
                        }
                    }
                    form.row method="post" action="/sandbox/clock" {
                        label {
                            "Time, with Z or an offset"
                            input name="now" size="25" value=(time_format::format_utc(now)) required autocomplete="off";
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

fn start_again() -> Markup {
    const QUESTION: &str = "Forget all bookings, faults and requests, and start the clock again?";
    html! {
        section aria-labelledby="again-title" {
            h2 #again-title { "Start again" }
            div.card.row {
                span.grow.faint { "Bookings, faults and requests go, and the clock starts again." }
                form.inline method="post" action="/sandbox/reset" data-confirm=(QUESTION) {
                    button.danger { "Forget everything" }
                }
            }
        }
    }
}

fn weeks_of(first: Date, weeks: &[ServiceWeek]) -> Markup {
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
                    a href=(link(-7)) { "Week before" }
                    " · " a href="/" { "From today" }
                    " · " a href=(link(7)) { "Week after" }
                }
                ul.legend aria-label="Colours" {
                    @for (colour, meaning) in LEGEND {
                        li { span class=(format!("swatch {colour}")) {} (meaning) }
                    }
                }
            }
            div #weeks data-live { @for one in weeks { (one_week(one)) } }
        }
    }
}

fn one_week(one: &ServiceWeek) -> Markup {
    let ServiceWeek {
        name,
        service,
        today,
        week,
        slots,
    } = one;
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
                        caption.faint { "Booked / places by the hour" }
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
                                        (one_hour(&format!("{name} {day} {hour:02}"), cell, offers, zone))
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

fn one_hour(key: &str, cell: &HourCell, offers: &[SlotOffer], zone: &TimeZone) -> Markup {
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
    let slots: Vec<String> = offers.iter().map(|offer| one_slot(offer, zone)).collect();
    html! {
        td class=(colour) data-cell=(key) title=[(!slots.is_empty()).then(|| slots.join(", "))] {
            (cell.booked) " / " (cell.total)
            @if colour == "some" && full > 0 { " " small { (full) " full" } }
        }
    }
}

/// When it begins, what is booked and how many places it has.
fn one_slot(offer: &SlotOffer, zone: &TimeZone) -> String {
    let start = offer.start.to_zoned(zone.clone());
    format!(
        "{} {}/{}",
        start.strftime("%H:%M"),
        offer.total - offer.free,
        offer.total
    )
}
