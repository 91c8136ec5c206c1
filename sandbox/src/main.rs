//! A server that speaks both callback APIs, v1 (Genesys Mobile Services) and v3 (Genesys
//! Engagement Service), for trying, developing and testing without a tenant.
//!
//! Modules, from the top down; each uses only those below it:
//!
//! - [`cli`]: command line
//! - [`server`]: router, state, middleware, graceful stop
//! - [`api`]: the two server APIs · [`web`]: page and control routes
//! - [`booking`]: rules of booking, the same for both APIs
//! - [`store`]: bookings in SQLite
//! - [`faults`]: fault injection and request log · [`http`]: bodies, parameters, credentials
//! - [`config`]: configuration file
//! - [`domain`]: time, office hours, capacity, lifecycle cycle, telephone numbers

#![forbid(unsafe_code)]
#![warn(unreachable_pub)]

mod api;
mod booking;
mod cli;
mod config;
mod domain;
mod faults;
mod http;
mod server;
mod store;
mod web;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use booking::BookingService;
use cli::{Arguments, Command};
use config::Config;
use domain::clock::Clock;
use store::Store;

fn main() -> ExitCode {
    let arguments = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => return print(cli::HELP),
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
    let settings = match Config::load(arguments.config.as_deref()) {
        Ok(settings) => settings,
        Err(error) => return fail(2, &error),
    };
    match run(arguments, settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error.as_ref()),
    }
}

fn run(arguments: Arguments, settings: Config) -> Result<(), Box<dyn Error>> {
    let booking = BookingService::new(
        settings,
        Store::open(arguments.db.as_deref())?,
        Clock::new(arguments.now, arguments.speed),
    );
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(server::serve(booking, arguments.listen, announce));
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
