//! Tests of the whole server: the program on a free port, HTTP over a plain socket.

mod client;
mod concurrency;
mod control;
mod cross_origin;
mod invalid_requests;
mod limits;
mod operations;
mod process;
mod times;
mod v1;
mod v1_operations;
mod v1_variants;
mod v3;
mod v3_operations;
