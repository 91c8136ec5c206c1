//! A host with a tokio runtime: calling the library inside it neither panics nor deadlocks.

mod support;

use serde_json::json;
use support::open;
use support::server::Server;

#[test]
fn calls_from_inside_a_runtime_succeed() {
    let server = Server::json(200, r#"{"_id":"1"}"#);
    let base = server.base.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let service = open(&json!({ "dataURL": base, "proxy": "none" })).unwrap();
        for _ in 0..3 {
            assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, 0);
        }
        let inner =
            tokio::spawn(async move { service.schedule(json!({"phonenumber": "1"})).status });
        assert_eq!(inner.await.unwrap(), 0);
        let name = c"CallbackService.schedule";
        let started = unsafe {
            let data = c"{\"phonenumber\":\"1\"}".as_ptr();
            let no_service = std::ptr::null_mut();
            callbackservice::ffi::async_call::cbsvc_start(
                service.0,
                name.as_ptr(),
                data,
                None,
                no_service,
                None,
                std::ptr::null_mut(),
            )
        };
        assert_eq!((started, service.dispatch(20_000)), (0, 0));
        assert_eq!(service.close(), 0);
    });
    assert_eq!(server.received().len(), 5);
}
