use super::*;
use crate::status::Status;
use serde_json::{json, Value};

fn parse(config: Value) -> Result<Config> {
    Config::parse(&config.to_string())
}

fn refused(config: Value, key: &str) {
    let error = parse(config.clone()).expect_err(&config.to_string());
    assert_eq!(error.status, Status::Config, "{config}");
    assert_eq!(
        error.field.as_deref(),
        Some(key),
        "{config}: {}",
        error.message
    );
    assert!(error.message.starts_with(key), "{}", error.message);
}

const URL: &str = "http://127.0.0.1:8080/genesys/1/service/callback/samples";

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = parse(json!({ "dataURL": URL })).unwrap();
    assert_eq!(config.api_version, ApiVersion::V1);
    assert_eq!(config.timeout, Duration::from_millis(3000));
    assert_eq!(config.max_response_bytes, 8 * 1024 * 1024);
    assert_eq!(config.wire_format, WireFormat::Documented);
    assert_eq!(config.base, URL);
    assert!(config.api_key.is_none() && config.user_data.is_empty() && config.headers.is_empty());
}

#[test]
fn the_section_is_found_in_a_whole_widgets_configuration() {
    let section = json!({ "dataURL": URL, "ajaxTimeout": 5000 });
    for config in [
        section.clone(),
        json!({ "callback": section }),
        json!({ "widgets": { "callback": section, "main": {} } }),
        json!({ "_genesys": { "widgets": { "callback": section } }, "other": 1 }),
        json!({ "_genesys": { "x": 1 }, "widgets": { "main": {} }, "callback": section }),
    ] {
        assert_eq!(parse(config).unwrap().timeout, Duration::from_millis(5000));
    }
    refused(
        json!({ "_genesys": { "widgets": {} } }),
        "_genesys.widgets.callback",
    );
    refused(json!({ "callback": 5 }), "callback");
}

#[test]
fn base_urls_are_completed() {
    let base = |config| parse(config).unwrap().base;
    assert_eq!(base(json!({ "dataURL": format!("{URL}/") })), URL);
    for given in [
        "https://g.example/engagement/v3",
        "https://g.example/engagement/v3/callbacks/",
    ] {
        let config = json!({ "dataURL": given, "apiVersion": "V3" });
        assert_eq!(base(config), "https://g.example/engagement/v3/callbacks");
    }
    assert_eq!(base(json!({ "dataURL": "http://h" })), "http://h");
    assert_eq!(base(json!({ "dataURL": "http://h/a//" })), "http://h/a/");
}

#[test]
fn invalid_value_error_names_the_key() {
    for (key, value) in [
        ("dataURL", json!("ftp://host/")),
        ("dataURL", json!("not a url")),
        ("dataURL", json!("")),
        ("dataURL", json!(5)),
        ("dataURL", json!("http://user:secret@host/")),
        ("dataURL", json!("http://host/?a=b")),
        ("dataURL", json!("http://{host}:8080/x")),
        ("dataURL", json!("http://host:65536/")),
        ("apiVersion", json!("v2")),
        ("apikey", json!({})),
        ("apikey", json!("one\r\ntwo")),
        ("serviceName", json!(5.5)),
        ("serviceName", json!(true)),
        ("apikey", json!(1.5)),
        ("apikey", json!(false)),
        ("userData", json!("x")),
        ("ajaxTimeout", json!("3 s")),
        ("ajaxTimeout", json!("")),
        ("ajaxTimeout", json!(0)),
        ("ajaxTimeout", json!(1.5)),
        ("callDirection", json!(true)),
        ("timezone", json!(1)),
        ("wireFormat", json!("widgets-8")),
        ("connectTimeout", json!(-1)),
        ("retry", json!(3)),
        ("maxResponseBytes", json!(0)),
        ("headers", json!([])),
        ("basicAuth", json!("user:password")),
        ("proxy", json!(5)),
        ("tls", json!(true)),
        ("handlers", json!("pool")),
        ("queueLimit", json!(0)),
        ("response", json!("no")),
        ("response", json!(0)),
    ] {
        refused(json!({ "dataURL": URL, key: value }), key);
    }
    refused(json!({ "ajaxTimeout": 5 }), "dataURL");
}

#[test]
fn booleans_may_be_text() {
    let with_response = |config: &Config, change: Value| {
        let changed = config.merged(&json!({ "response": change }).to_string());
        changed.unwrap().with_response
    };
    let default = parse(json!({ "dataURL": URL })).unwrap();
    let without = parse(json!({ "dataURL": URL, "response": false })).unwrap();
    assert!(default.with_response && !without.with_response);
    for (text, value) in [
        ("true", true),
        ("False", false),
        (" FALSE ", false),
        ("", true),
    ] {
        assert_eq!(with_response(&default, json!(text)), value, "{text}");
    }
    assert!(with_response(&without, json!(null)) && with_response(&without, json!(true)));
}

#[test]
fn nested_error_names_the_full_path() {
    for (config, key) in [
        (json!({ "retry": { "attempts": 0 } }), "retry.attempts"),
        (json!({ "retry": { "attempt": 1 } }), "retry.attempt"),
        (
            json!({ "retry": { "baseDelayMs": "1 ms" } }),
            "retry.baseDelayMs",
        ),
        (
            json!({ "basicAuth": { "password": "x" } }),
            "basicAuth.username",
        ),
        (
            json!({ "basicAuth": { "username": "a:b" } }),
            "basicAuth.username",
        ),
        (json!({ "headers": { "a b": "x" } }), "headers.a b"),
        (json!({ "headers": { "X-A": "x\ny" } }), "headers.X-A"),
        (json!({ "headers": { "X-A": 1.5 } }), "headers.X-A"),
        (
            json!({ "userData": { "_desired_time": "tomorrow" } }),
            "userData._desired_time",
        ),
        (
            json!({ "userData": { "_desired_time": 5 } }),
            "userData._desired_time",
        ),
        (
            json!({ "userData": { "_customer_number": -5 } }),
            "userData._customer_number",
        ),
        (
            json!({ "userData": { "_customer_number": 4.5 } }),
            "userData._customer_number",
        ),
        (
            json!({ "userData": { "_wait_for_agent": "maybe" } }),
            "userData._wait_for_agent",
        ),
        (
            json!({ "userData": { "_media_type": [] } }),
            "userData._media_type",
        ),
        (
            json!({ "basicAuth": { "username": 1.5 } }),
            "basicAuth.username",
        ),
        (
            json!({ "basicAuth": { "username": "u", "password": true } }),
            "basicAuth.password",
        ),
        (
            json!({ "headers": { "Content-Length": "5" } }),
            "headers.Content-Length",
        ),
        (json!({ "proxy": { "url": "proxy:8080" } }), "proxy.url"),
        (json!({ "proxy": {} }), "proxy.url"),
        (json!({ "proxy": { "url": "socks5://p:1" } }), "proxy.url"),
        (
            json!({ "headers": { "Accept-Encoding": "gzip" } }),
            "headers.Accept-Encoding",
        ),
        (
            json!({ "proxy": { "url": "http://p:1", "noProxy": 5 } }),
            "proxy.noProxy",
        ),
        (
            json!({ "tls": { "caFile": "/nowhere/ca.pem" } }),
            "tls.caFile",
        ),
        (json!({ "tls": { "caFile": "/dev/null" } }), "tls.caFile"),
        (json!({ "tls": { "certFile": "/dev/null" } }), "tls.keyFile"),
        (json!({ "tls": { "keyFile": "/dev/null" } }), "tls.certFile"),
        (json!({ "tls": { "minVersion": "1.1" } }), "tls.minVersion"),
    ] {
        let mut config = config;
        config["dataURL"] = json!(URL);
        refused(config, key);
    }
}

#[test]
fn typos_are_rejected_unknown_keys_are_ignored() {
    let error = parse(json!({ "dataUrl": URL })).unwrap_err();
    assert_eq!(error.message, "dataUrl: unknown key; did you mean dataURL?");
    refused(json!({ "dataURL": URL, "ajaxTimout": 5 }), "ajaxTimout");
    parse(json!({ "dataURL": URL, "theme": "dark", "countryCodes": true, "form": [], "ewt": {} }))
        .unwrap();
}

#[test]
fn an_empty_configuration_has_the_widgets_own_text() {
    for text in ["{}", "", "null", r#"{"callback":{}}"#] {
        let error = Config::parse(text).unwrap_err();
        assert_eq!(
            (error.status, error.message.as_str()),
            (Status::Config, "Invalid configuration")
        );
    }
    assert_eq!(Config::parse("[]").unwrap_err().status, Status::Config);
    assert_eq!(Config::parse("{\"a\"").unwrap_err().status, Status::NotJson);
}

#[test]
fn configure_merges_and_resets_nothing() {
    let first = json!({ "dataURL": URL, "apikey": 12345, "userData": { "a": 1 }, "retry": { "attempts": 1 } });
    let first = parse(first).unwrap();
    let changes = r#"{"callback":{"ajaxTimeout":50,"userData":{"b":2},"retry":{"baseDelayMs":5}}}"#;
    let second = first.merged(changes).unwrap();
    assert_eq!(second.api_key.as_ref().unwrap(), "12345");
    assert_eq!(second.timeout, Duration::from_millis(50));
    assert_eq!(second.base, URL);
    assert_eq!(second.retry.attempts, 1);
    assert_eq!(
        serde_json::to_string(&*second.user_data).unwrap(),
        r#"{"a":1,"b":2}"#
    );
    assert!(Arc::ptr_eq(&first.connection, &second.connection));
    let third = second
        .merged(r#"{"apikey":null,"userData":{"a":null}}"#)
        .unwrap();
    assert!(third.api_key.is_none());
    assert_eq!(
        serde_json::to_string(&*third.user_data).unwrap(),
        r#"{"b":2}"#
    );
    assert!(first.merged("{}").is_err());
    assert!(first.merged(r#"{"dataURL":"x"}"#).is_err());
    assert!(first.merged(r#"{"dataURL":null}"#).is_err());
}

#[test]
fn basic_credentials_become_a_header() {
    let credentials = json!({ "username": "Aladdin", "password": "open sesame" });
    let config = parse(json!({ "dataURL": URL, "basicAuth": credentials })).unwrap();
    assert_eq!(
        config.headers["authorization"],
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
    assert!(config.headers["authorization"].is_sensitive());
}

#[test]
fn no_proxy_bypasses_the_proxy() {
    let proxy = |proxy| {
        parse(json!({ "dataURL": URL, "proxy": proxy }))
            .unwrap()
            .connection
            .proxy
            .as_ref()
            .map(|proxy| proxy.url.to_string())
    };
    assert_eq!(
        proxy(json!({ "url": "http://u:p@127.0.0.2:3128" })).as_deref(),
        Some("http://127.0.0.2:3128/")
    );
    assert_eq!(
        proxy(json!({ "url": "http://127.0.0.2:3128", "noProxy": "127.0.0.0/8" })),
        None
    );
    assert_eq!(
        proxy(json!({ "url": "http://127.0.0.2:3128", "noProxy": ["x", "127.0.0.1"] })),
        None
    );
    assert_eq!(proxy(json!("none")), None);
    assert_eq!(
        proxy(json!({ "url": "http://127.0.0.2:3128", "noProxy": "x, *" })),
        None
    );
    for odd in ["http://u:p^s|s\"@127.0.0.2:3128", " http://127.0.0.2:3128"] {
        assert_eq!(
            proxy(json!({ "url": odd })).as_deref(),
            Some("http://127.0.0.2:3128/"),
            "{odd}"
        );
    }
}

#[test]
fn no_secret_is_in_an_error_text() {
    for config in [
        json!({ "dataURL": "http://user:SECRET@host/" }),
        json!({ "dataURL": URL, "apikey": "SECRET\n" }),
        json!({ "dataURL": URL, "apikey": ["SECRET"] }),
        json!({ "dataURL": URL, "headers": { "X-A": "SECRET\n" } }),
        json!({ "dataURL": URL, "basicAuth": { "username": "SECRET:" } }),
        json!({ "dataURL": URL, "proxy": { "url": "ftp://a:SECRET@b" } }),
        json!({ "dataURL": URL, "userData": "SECRET" }),
    ] {
        assert!(!parse(config).unwrap_err().message.contains("SECRET"));
    }
}

#[test]
fn numbers_may_be_text_and_texts_whole_numbers() {
    let config = r#"{"dataURL":"http://h/x","ajaxTimeout":"5000","apikey":1.2e4,"serviceName":4150.0,
        "retry":{"attempts":"2","baseDelayMs":"1","maxDelayMs":" 5 "},"maxConnections":"7",
        "headers":{"X-Tenant":17.0},"basicAuth":{"username":1,"password":2.0},"queueLimit":"10"}"#;
    let config = Config::parse(config).unwrap();
    assert_eq!(config.timeout, Duration::from_millis(5000));
    assert_eq!(config.api_key.as_ref().unwrap(), "12000");
    assert_eq!(config.service_name.as_deref(), Some("4150"));
    assert_eq!((config.retry.attempts, config.queue_limit), (2, 10));
    assert_eq!(config.headers["x-tenant"], "17");
    assert_eq!(config.headers["authorization"], "Basic MToy");
}

#[test]
fn null_means_absent_at_every_depth() {
    let config = parse(
        json!({ "dataURL": URL, "userData": { "a": null, "n": { "x": null } }, "headers": { "X-A": null } }),
    );
    let config = config.unwrap();
    assert_eq!(
        serde_json::to_string(&*config.user_data).unwrap(),
        r#"{"n":{}}"#
    );
    assert!(config.headers.is_empty());
    let merged = config
        .merged(r#"{"userData":{"m":{"x":null,"y":1}},"headers":{"X-A":null}}"#)
        .unwrap();
    assert_eq!(
        serde_json::to_string(&*merged.user_data).unwrap(),
        r#"{"n":{},"m":{"y":1}}"#
    );
}

#[test]
fn v1_fields_in_user_data_are_checked_and_canonical() {
    let data = json!({ "_desired_time": "2030-12-01T11:00+01", "_customer_number": "\u{202d}+49 89\u{202c}",
        "_wait_for_agent": true, "_call_direction": null, "_other": 1.5 });
    let config = parse(json!({ "dataURL": URL, "userData": data })).unwrap();
    let expected = r#"{"_desired_time":"2030-12-01T10:00:00.000Z","_customer_number":"+49 89","_wait_for_agent":"true","_other":1.5}"#;
    assert_eq!(serde_json::to_string(&*config.user_data).unwrap(), expected);
    for more in [
        json!({ "apiVersion": "v3" }),
        json!({ "wireFormat": "widgets-9" }),
    ] {
        let mut config = json!({ "dataURL": URL, "userData": { "_desired_time": "tomorrow" } });
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        assert_eq!(
            parse(config).unwrap().user_data["_desired_time"],
            "tomorrow"
        );
    }
}

#[test]
fn a_section_must_hold_the_whole_configuration() {
    let section = json!({ "dataURL": URL });
    refused(
        json!({ "callback": section, "ajaxTimeout": 5 }),
        "ajaxTimeout",
    );
    refused(json!({ "Callback": section }), "Callback");
    refused(json!({ "widget": { "callback": section } }), "widget");
    parse(json!({ "callback": section, "main": {}, "form": {} })).unwrap();
}

#[test]
fn the_widget_retries_nothing_unless_asked() {
    let attempts = |more: Value| {
        let mut config = json!({ "dataURL": URL });
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        parse(config).unwrap().retry.attempts
    };
    assert_eq!(attempts(json!({})), 3);
    assert_eq!(attempts(json!({ "wireFormat": "widgets-9" })), 1);
    assert_eq!(
        attempts(json!({ "wireFormat": "widgets-9", "retry": {} })),
        3
    );
    assert_eq!(
        attempts(json!({ "wireFormat": "widgets-9", "retry": { "attempts": 2 } })),
        2
    );
}
