//! Tests of the whole server: the real program on a free port, real HTTP over a plain socket.

mod client;
mod cross_origin;
mod days;
mod limits;
mod operations;
mod process;
mod race;
mod refusals;
mod sandbox;
mod v1;
mod v3;
mod v3_operations;
