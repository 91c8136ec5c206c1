//! The parts of a command that need no server: `make bench-micro`.

use std::hint::black_box;

use callbackservice::bench_support::{ResponseBench, ScheduleBench};
use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};

const CONFIG: &str = r#"{"dataURL":"http://127.0.0.1:1/genesys/1/service/callback/samples"}"#;
const SMALL: &str = r#"{"phonenumber":"+14151110000"}"#;
const FULL: &str = r#"{
    "phonenumber": "+14151110000", "desiredtime": "2030-12-01T10:00:00.000Z", "firstname": "Ann Marie",
    "subject": "Order 17", "waitForAgent": true, "userData": {"account": {"number": 17, "tags": ["a", "b c"]}}
}"#;
const BOOKED: &str = r#"{"_id":"361-5b0c0ad3-1d5f-4f43-9d7d-d1d5b1ae57a4"}"#;

fn requests(criterion: &mut Criterion) {
    for (name, options) in [("small", SMALL), ("full", FULL)] {
        let booking = ScheduleBench::new(CONFIG, options).expect("valid options");
        assert!(booking.parse_options());
        criterion.bench_function(&format!("parse options, {name}"), |run| {
            run.iter(|| black_box(&booking).parse_options())
        });
        criterion.bench_function(&format!("encode form, {name}"), |run| {
            run.iter(|| black_box(&booking).encode_form())
        });
        criterion.bench_function(&format!("build request, {name}"), |run| {
            run.iter(|| black_box(&booking).request_body())
        });
    }
}

fn responses(criterion: &mut Criterion) {
    let booked = ResponseBench::new(CONFIG, "CallbackService.schedule", BOOKED)
        .expect("valid configuration");
    criterion.bench_function("build outcome, booking", |run| {
        run.iter(|| black_box(&booked).outcome().expect("a booking"));
    });
    let mut group = criterion.benchmark_group("build outcome, slots");
    for slots in [10, 1000, 100_000] {
        let list = ResponseBench::new(CONFIG, "CallbackService.availability", &body(slots))
            .expect("valid configuration");
        group.throughput(Throughput::Elements(slots as u64));
        group.bench_function(BenchmarkId::from_parameter(slots), |run| {
            run.iter(|| black_box(&list).outcome().expect("a list"));
        });
    }
}

/// A list of slots of the v1 API, one for each second.
fn body(slots: usize) -> String {
    let slot = |index: usize| {
        let (days, hours, minutes, seconds) = (
            index / 86_400 + 1,
            index / 3600 % 24,
            index / 60 % 60,
            index % 60,
        );
        format!(
            "\"2030-12-{days:02}T{hours:02}:{minutes:02}:{seconds:02}.000Z\":{}",
            index % 9 + 1
        )
    };
    format!("{{{}}}", (0..slots).map(slot).collect::<Vec<_>>().join(","))
}

criterion_group!(micro, requests, responses);
criterion_main!(micro);
