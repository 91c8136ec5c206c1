use super::*;

const OUTCOME: &str = r#"{"command":"x","httpStatus":200,"slots":[{"utcTime":"2030-12-01T10:00:00.000Z","capacity":5},
  {"utcTime":"2030-12-01T10:05:00.000Z" , "capacity" : 1.50 }],"n":null,"t":true,"big":1e400,"":{"a/b":1,"m~n":2," ":3}}"#;

fn read(json: &str, pointer: &str) -> std::result::Result<String, String> {
    match get(json.as_bytes(), pointer) {
        Ok(Some(text)) => Ok(text.into_owned()),
        Ok(None) => Err("NO_SUCH".to_owned()),
        Err(error) => Err(error.status.name().to_owned()),
    }
}

fn put(json: &str, pointer: &str, value: Option<&str>) -> std::result::Result<String, String> {
    set(json, pointer, value).map_err(|error| error.status.name().to_owned())
}

#[test]
fn values_are_found() {
    for (pointer, value) in [
        ("/command", "x"),
        ("/httpStatus", "200"),
        ("/slots/0/utcTime", "2030-12-01T10:00:00.000Z"),
        ("/slots/01/utcTime", "2030-12-01T10:05:00.000Z"),
        ("/slots/0000000000000000000000001/capacity", "1.50"),
        (
            "/slots/1",
            r#"{"utcTime":"2030-12-01T10:05:00.000Z" , "capacity" : 1.50 }"#,
        ),
        ("/t", "true"),
        ("/big", "1e400"),
        ("//a~1b", "1"),
        ("//m~0n", "2"),
        ("// ", "3"),
        ("/", r#"{"a/b":1,"m~n":2," ":3}"#),
        ("", OUTCOME),
    ] {
        assert_eq!(read(OUTCOME, pointer).as_deref(), Ok(value), "{pointer}");
    }
    assert_eq!(
        read(&format!("\u{feff} {OUTCOME}\n"), "/t").unwrap(),
        "true"
    );
    assert_eq!(read(" 5 ", "").unwrap(), "5");
    assert_eq!(
        read(r#"{"a":"\n\ud83d\ude00\u00e9é\/"}"#, "/a").unwrap(),
        "\n😀éé/"
    );
}

#[test]
fn absent_values_are_told_from_malformed_pointers() {
    for pointer in [
        "/n",
        "/n/a",
        "/x",
        "/slots/2",
        "/slots/-",
        "/slots/x",
        "/slots/+1",
        "/slots/ 1",
        "/slots/1 ",
        "/slots/",
        "/slots/99999999999999999999999",
        "/command/0",
        "/t/a",
        "/command ",
        "//a",
        "/Command",
    ] {
        assert_eq!(
            read(OUTCOME, pointer),
            Err("NO_SUCH".to_owned()),
            "{pointer}"
        );
    }
    for pointer in ["x", " /t", "/~", "/~2", "/t~", "/a~~0"] {
        assert_eq!(
            read(OUTCOME, pointer),
            Err("BAD_OPTION".to_owned()),
            "{pointer}"
        );
        assert_eq!(
            put(OUTCOME, pointer, Some("")),
            Err("BAD_OPTION".to_owned()),
            "{pointer}"
        );
    }
    for json in [
        "",
        " \n",
        "\u{feff}",
        "null",
        " null ",
        "\u{feff}\n\u{b}\t",
        "\u{a0}",
    ] {
        assert_eq!(read(json, "/a"), Err("NO_SUCH".to_owned()), "{json:?}");
        assert_eq!(read(json, ""), Err("NO_SUCH".to_owned()), "{json:?}");
    }
    assert_eq!(read("{}", &"/a".repeat(127)), Err("NO_SUCH".to_owned()));
    assert_eq!(read("{}", &"/a".repeat(128)), Err("BAD_OPTION".to_owned()));
}

#[test]
fn text_that_is_not_json_is_refused() {
    for (json, pointer) in [
        ("x", ""),
        ("x", "/a"),
        ("{", "/a"),
        ("[", "/0"),
        ("[1", "/0"),
        ("[1,", "/1"),
        ("[1,]", "/1"),
        ("[,1]", "/0"),
        ("[1 2]", "/0"),
        ("[1}", "/1"),
        ("{\"a\":1", "/a"),
        ("{\"a\":1]", "/a"),
        ("{\"a\" 1}", "/a"),
        ("{a:1}", "/a"),
        ("{\"a\":1,}", "/b"),
        ("{,\"a\":1}", "/a"),
        ("{\"a\":}", "/a"),
        ("{\"a\":01}", "/a"),
        ("{\"a\":nul}", "/a"),
        ("{\"a\":tru}", "/a"),
        ("{\"a\":'x'}", "/a"),
        ("{\"a\":\"x}", "/a"),
        ("{\"a\":\"\\x\"}", "/a"),
        ("{\"a\":\"\n\"}", "/a"),
        ("{\"a\":[1,}}", "/a"),
        ("{\"a\":[1,2}}", "/a"),
        ("{\"\\x\":1}", "/a"),
        ("{}x", ""),
        ("{} {}", ""),
        ("1 1", ""),
    ] {
        assert_eq!(
            read(json, pointer),
            Err("NOT_JSON".to_owned()),
            "{json} {pointer}"
        );
        assert_eq!(
            put(json, pointer, Some("")),
            Err("NOT_JSON".to_owned()),
            "{json} {pointer}"
        );
    }
    let message = |json: &str, pointer| get(json.as_bytes(), pointer).unwrap_err().message;
    assert!(message("{\n \"a\": }", "/a").ends_with("line 2 column 7"));
    assert!(message("{\n \"a\": [\n1,\n SECRET]}", "/a").ends_with("line 4 column 2"));
    let not_utf8 = |json: &[u8]| get(json, "/a").unwrap_err().status;
    assert_eq!(not_utf8(b"{\"a\":\"\xe9\"}"), Status::NotUtf8);
    assert_eq!(not_utf8(b"{\"a\":[\"\xe9\"]}"), Status::NotUtf8);
}

#[test]
fn only_what_is_read_is_checked() {
    assert_eq!(read("[1,2,x", "/1").unwrap(), "2");
    assert_eq!(read(r#"{"b":[nonsense],"a":1}"#, "/a").unwrap(), "1");
}

#[test]
fn the_last_of_repeated_keys_counts() {
    let json = r#"{"a":{"b":1},"\u0061":{"b":2,"c":"3","\u0062":4},"b":0}"#;
    assert_eq!(read(json, "/a/b").unwrap(), "4");
    assert_eq!(read(r#"{"a":1,"a":null}"#, "/a"), Err("NO_SUCH".to_owned()));
    assert_eq!(
        read(r#"{"a":{"b":1},"a":2}"#, "/a/b"),
        Err("NO_SUCH".to_owned())
    );
    assert_eq!(
        put(json, "/a/b", Some("x")).unwrap(),
        r#"{"a":{"b":1},"\u0061":{"b":2,"c":"3","\u0062":"x"},"b":0}"#
    );
    assert_eq!(
        put(json, "/a/b", None).unwrap(),
        r#"{"a":{"b":1},"\u0061":{"c":"3"},"b":0}"#
    );
    assert_eq!(put(json, "/a", None).unwrap(), r#"{"b":0}"#);
}

#[test]
fn strings_that_c_cannot_hold_are_refused_and_half_pairs_replaced() {
    let json = r#"{"a":"x\u0000y","b":["\u0000"],"c":"\ud83dx","d":["\uDE00"],"\ud800":1}"#;
    assert_eq!(read(json, "/a"), Err("BAD_OPTION".to_owned()));
    assert_eq!(read(json, "/b").unwrap(), r#"["\u0000"]"#);
    assert_eq!(read(json, "/c").unwrap(), "\u{fffd}x");
    assert_eq!(read(json, "/d").unwrap(), r#"["\ufffd"]"#);
    assert_eq!(read(json, "/\u{fffd}").unwrap(), "1");
    assert_eq!(
        put(json, "/e", Some("")).unwrap(),
        format!("{},\"e\":\"\"}}", &json[..json.len() - 1])
    );
}

/// Strings, escapes and nesting at every offset within a block of the scanner.
#[test]
fn every_position_within_a_block_is_read() {
    for length in 0..130 {
        let filler = "f".repeat(length);
        let slashes = "\\\\".repeat(length);
        let json = format!(
            r#"[["{filler}","[{{,\"{slashes}\"]",{{"k,":[[],[1,"}}{slashes}"]]}}], "{filler}\\", 3,[4,[5]],{{"a":{length}}}]"#
        );
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        for pointer in [
            "/1",
            "/2",
            "/3/0",
            "/3/1/0",
            "/4/a",
            "/0/0",
            "/0/1",
            "/0/2/k,/1/0",
            "/0/2/k,/1/1",
        ] {
            let expected = value.pointer(pointer).unwrap();
            let expected = expected
                .as_str()
                .map_or_else(|| expected.to_string(), str::to_owned);
            assert_eq!(
                read(&json, pointer).as_ref(),
                Ok(&expected),
                "{pointer} {json}"
            );
        }
        assert_eq!(read(&json, "/5"), Err("NO_SUCH".to_owned()));
        for end in 1..json.len() {
            if json.is_char_boundary(end) {
                assert_eq!(
                    read(&json[..end], "/5"),
                    Err("NOT_JSON".to_owned()),
                    "{}",
                    &json[..end]
                );
            }
        }
    }
}

#[test]
fn nesting_has_no_limit_that_overflows_the_stack() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    assert_eq!(
        read(&format!(r#"{{"a":{deep},"b":1}}"#), "/b").unwrap(),
        "1"
    );
    assert_eq!(read(&deep, "/0/0").unwrap().len(), deep.len() - 4);
    assert_eq!(put(&deep, "/-", Some("")), Err("NOT_JSON".to_owned()));
    let deepest = put("", &"/a".repeat(127), Some("x")).unwrap();
    assert!(json::parse(&deepest, "json").is_ok());
    assert_eq!(
        put(&deepest, &"/a".repeat(127), None).unwrap().len(),
        deepest.len() - 7
    );
}

#[test]
fn elements_and_members_are_counted() {
    let number =
        |json: &str, pointer| count(json.as_bytes(), pointer).map_err(|error| error.status);
    assert_eq!(number(OUTCOME, "/slots"), Ok(Some(2)));
    assert_eq!(number(OUTCOME, ""), Ok(Some(7)));
    assert_eq!(number("[]", ""), Ok(Some(0)));
    assert_eq!(number(" { } ", ""), Ok(Some(0)));
    assert_eq!(number("[[1,2],[],\",\"]", ""), Ok(Some(3)));
    assert_eq!(number(r#"{"a":1,"\u0061":2,"b":3}"#, ""), Ok(Some(2)));
    for absent in ["/n", "/x"] {
        assert_eq!(number(OUTCOME, absent), Ok(None));
    }
    for scalar in ["/command", "/httpStatus", "/t"] {
        assert_eq!(number(OUTCOME, scalar), Err(Status::BadOption));
    }
    assert_eq!(number("[1,2", ""), Err(Status::NotJson));
}

#[test]
fn strings_are_put() {
    for (json, pointer, changed) in [
        ("", "/phonenumber", r#"{"phonenumber":"V"}"#),
        (" \n", "/a/b", r#"{"a":{"b":"V"}}"#),
        ("null", "/a", r#"{"a":"V"}"#),
        ("\u{feff}{}", "/a", r#"{"a":"V"}"#),
        ("\u{a0}", "/a", r#"{"a":"V"}"#),
        ("", "", r#""V""#),
        (" 5 ", "", r#""V""#),
        ("", "/-", r#"["V"]"#),
        ("", "/a/-", r#"{"a":["V"]}"#),
        ("", "/a/-/b", r#"{"a":[{"b":"V"}]}"#),
        ("", "/0/x", r#"{"0":{"x":"V"}}"#),
        ("{ }", "/a", r#"{"a":"V" }"#),
        ("{}", "/-", r#"{"-":"V"}"#),
        ("[]", "/-", r#"["V"]"#),
        ("[1.50, 1e400 ]", "/-", r#"[1.50, 1e400,"V" ]"#),
        ("[1,2,3]", "/01", r#"[1,"V",3]"#),
        (r#"{"a":[1]}"#, "/a/-/b/-", r#"{"a":[1,{"b":["V"]}]}"#),
        (r#"{"a":null,"b":1}"#, "/a/b", r#"{"a":{"b":"V"},"b":1}"#),
        (r#"{"a":null}"#, "/a/-", r#"{"a":["V"]}"#),
        (r#"{"a":null}"#, "/a", r#"{"a":"V"}"#),
        ("[null]", "/0/a", r#"[{"a":"V"}]"#),
        (
            r#"{ "z" : 1.50 , "a" : {"x":[1, 2]} , "n":123456789012345678901234567890}"#,
            "/a",
            r#"{ "z" : 1.50 , "a" : "V" , "n":123456789012345678901234567890}"#,
        ),
        (
            r#"{"z":1,"a":2}"#,
            "/m~1~0\"\n",
            r#"{"z":1,"a":2,"m/~\"\n":"V"}"#,
        ),
    ] {
        assert_eq!(
            put(json, pointer, Some("V")).as_deref(),
            Ok(changed),
            "{json} {pointer}"
        );
    }
    assert_eq!(
        put("", "/a", Some("\"\\\u{1}é\n")).unwrap(),
        r#"{"a":"\"\\\u0001é\n"}"#
    );
}

#[test]
fn values_are_removed() {
    for (json, pointer, changed) in [
        ("", "/a", "{}"),
        ("{}", "/a/b", "{}"),
        (r#"{"a":1}"#, "/a", "{}"),
        (
            r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#,
            "/a",
            r#"{ "b" : 2 , "c" : 3 }"#,
        ),
        (
            r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#,
            "/b",
            r#"{ "a" : 1 , "c" : 3 }"#,
        ),
        (
            r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#,
            "/c",
            r#"{ "a" : 1 , "b" : 2 }"#,
        ),
        (
            r#"{"a":1,"b":2,"a":3,"c":4,"a":5}"#,
            "/a",
            r#"{"b":2,"c":4}"#,
        ),
        (r#"{"a":1,"a":3}"#, "/a", "{}"),
        ("[1,2,3]", "/1", "[1,3]"),
        ("[1]", "/0", "[]"),
        ("[1]", "/1", "[1]"),
        (r#"{"a":null}"#, "/a", "{}"),
        (r#"{"a":null}"#, "/a/b", r#"{"a":null}"#),
        (
            r#"{"a":{"b":[{"c":1,"d":2}]}}"#,
            "/a/b/0/c",
            r#"{"a":{"b":[{"d":2}]}}"#,
        ),
    ] {
        assert_eq!(
            put(json, pointer, None).as_deref(),
            Ok(changed),
            "{json} {pointer}"
        );
    }
}

#[test]
fn changes_that_cannot_be_meant_are_refused() {
    for (json, pointer, value) in [
        ("{}", "", None),
        ("", "", None),
        ("5", "/a", Some("")),
        (r#"{"a":"x"}"#, "/a/b", Some("")),
        (r#"{"a":1}"#, "/a/0", Some("")),
        (r#"{"a":true}"#, "/a/-", Some("")),
        (r#"{"a":true}"#, "/a/b", None),
        ("[1]", "/1", Some("")),
        ("[]", "/0", Some("")),
        ("[]", "/7/a", Some("")),
        ("[1]", "/x", Some("")),
        ("[1]", "/x", None),
        ("[1]", "/", Some("")),
        ("[1]", "/-1", Some("")),
        ("[1]", "/-", None),
        ("[1]", "/99999999999999999999999", Some("")),
    ] {
        assert_eq!(
            put(json, pointer, value),
            Err("BAD_OPTION".to_owned()),
            "{json} {pointer}"
        );
    }
}
