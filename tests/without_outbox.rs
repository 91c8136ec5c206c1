//! A library that was built without the outbox says so:
//! `cargo test --no-default-features --test without_outbox`.

#![cfg(not(feature = "outbox"))]

mod support;

use serde_json::json;
use support::calls::{service, start};
use support::open;

const MESSAGE: &str = "built without the feature outbox";

#[test]
fn the_commands_and_the_configuration_say_that_there_is_no_outbox() {
    let service = service("http://127.0.0.1:1", json!({}));
    for command in ["submit", "deliver", "outbox"] {
        let command = format!("CallbackService.{command}");
        for answered in [
            service.command(&command, r#"{"phonenumber":"1"}"#),
            start(service, &command, &json!({"phonenumber": "1"})).wait(service),
        ] {
            assert_eq!(answered.error(), "UNSUPPORTED");
            assert!(
                answered.message().contains(MESSAGE),
                "{}",
                answered.message()
            );
        }
    }
    assert_eq!(service.close(), 0);
    let config = json!({"dataURL": "http://127.0.0.1:1", "outbox": {"file": "/tmp/callbacks.db"}});
    let (status, message) = open(&config).err().unwrap();
    assert!(status == 105 && message.contains(MESSAGE), "{message}");
}
