//! A server that speaks both callback APIs, v1 (Genesys Mobile Services) and v3 (Genesys
//! Engagement Service), for trying, developing and testing without a tenant.
//!
//! The rooms: [`arguments`] and [`settings`] (with [`hours`]) read what the server shall do; [`clock`] says what time it
//! is; [`calendar`], [`capacity`], [`availability`] and [`life`] are pure functions of time; [`numbers`] knows telephone
//! numbers; [`desk`] has the rules and [`store`] the bookings; [`v1`] and [`v3`] have the HTTP shapes, for which [`body`],
//! [`nesting`], [`query`], [`times`] and [`access`] read requests; [`exchange`] lets [`faults`] strike and tells
//! [`requests`] what was seen, [`line`] cuts connections; [`control`] and [`page`] are for those who watch;
//! [`server`] brings them together.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod access;
mod arguments;
mod availability;
mod body;
mod calendar;
mod capacity;
mod clock;
mod control;
mod desk;
mod exchange;
mod faults;
mod hours;
mod life;
mod line;
mod nesting;
mod numbers;
mod page;
mod query;
mod requests;
mod same_origin;
mod server;
mod settings;
mod store;
mod times;
mod v1;
mod v3;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use arguments::{Arguments, Command};
use clock::Clock;
use desk::Desk;
use settings::Settings;
use store::Store;

fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => return print(arguments::HELP),
        Ok(Command::Version) => {
            return print(concat!(
                "callback-sandbox ",
                env!("CARGO_PKG_VERSION"),
                "\n"
            ))
        }
        Ok(Command::Serve(arguments)) => arguments,
        Err(error) => return fail(2, &error),
    };
    let settings = match Settings::load(arguments.config.as_deref()) {
        Ok(settings) => settings,
        Err(error) => return fail(2, &error),
    };
    match run(arguments, settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error.as_ref()),
    }
}

fn run(arguments: Arguments, settings: Settings) -> Result<(), Box<dyn Error>> {
    let desk = Desk::new(
        settings,
        Store::open(arguments.db.as_deref())?,
        Clock::new(arguments.now, arguments.speed),
    );
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(server::serve(desk, arguments.listen, announce));
    // A database write that hangs must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(served?)
}

fn announce(address: SocketAddr) {
    print(&format!("listening on http://{address}\n"));
}

/// Nobody may be reading; that is no reason to stop.
fn print(text: &str) -> ExitCode {
    let mut output = std::io::stdout();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(code: u8, error: &dyn Error) -> ExitCode {
    // Without standard error there is nowhere left to say it.
    let _ = writeln!(std::io::stderr(), "callback-sandbox: {error}");
    ExitCode::from(code)
}
