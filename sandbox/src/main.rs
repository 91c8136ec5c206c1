//! A server that implements both callback APIs, v1 (Genesys Mobile Services) and v3 (Genesys
//! Engagement Service), for evaluation, development and tests without a tenant.
//!
//! The modules, from the top down. Each uses only those below it:
//!
//! - [`server`]: router, middleware, state, graceful stop
//! - [`api`]: routes, formats and errors of the two APIs
//! - [`web`]: the page and the control routes
//! - [`booking`]: the rules of booking, the same for both APIs
//! - [`store`]: bookings and counts of requests in SQLite
//! - [`faults`]: fault injection and the request log
//! - [`http`]: bodies, parameters, credentials, origins
//! - [`config`]: the configuration file; [`cli`]: the command line
//! - [`domain`]: time, office hours, capacity, lifecycle, telephone numbers; no I/O

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
use cli::{Command, ServeOptions};
use config::Config;
use domain::clock::Clock;
use store::Store;

const VERSION: &str = concat!("callback-sandbox ", env!("CARGO_PKG_VERSION"), "\n");

fn main() -> ExitCode {
    let options = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => return print(cli::HELP),
        Ok(Command::Version) => return print(VERSION),
        Ok(Command::Serve(options)) => options,
        Err(error) => return fail(2, &error),
    };
    let config = match Config::load(options.config.as_deref()) {
        Ok(config) => config,
        Err(error) => return fail(2, &error),
    };
    match run(options, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error.as_ref()),
    }
}

fn run(options: ServeOptions, config: Config) -> Result<(), Box<dyn Error>> {
    let booking = BookingService::new(
        config,
        Store::open(options.db.as_deref())?,
        Clock::new(options.now, options.speed),
    );
    let runtime = tokio::runtime::Runtime::new()?;
    let result = runtime.block_on(server::serve(booking, options.listen, announce));
    // A database write that hangs must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(result?)
}

fn announce(address: SocketAddr) {
    // The server also runs if standard output is closed.
    print(&format!("listening on http://{address}\n"));
}

fn print(text: &str) -> ExitCode {
    let mut output = std::io::stdout();
    let written = output.write_all(text.as_bytes());
    match written.and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(code: u8, error: &dyn Error) -> ExitCode {
    // If standard error is closed, only the exit status reports the error.
    let _ = writeln!(std::io::stderr(), "callback-sandbox: {error}");
    ExitCode::from(code)
}
