//! TLS: files in every form, and messages that name what is wrong with a handshake.

mod support;

use serde_json::{json, Value};
use support::calls::{service, MODES};
use support::open;
use support::openssl::Directory;

/// The message with which a configuration with these TLS files is refused, if it is.
fn refusal(files: &Directory, tls: Value) -> Option<String> {
    let mut paths = json!({});
    for (key, name) in tls.as_object().unwrap() {
        paths[key] = json!(files.path(name.as_str().unwrap()));
    }
    match open(&json!({"dataURL": "https://127.0.0.1:1/", "tls": paths})) {
        Ok(service) => {
            assert_eq!(service.close(), 0);
            None
        }
        Err((status, message)) => {
            assert_eq!(status, 105, "{message}");
            Some(message)
        }
    }
}

fn utf16(text: &[u8], order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    text.encode_utf16().flat_map(order).collect()
}

fn prepared() -> Directory {
    let files = Directory::new();
    files.make_authority();
    files.make_certificate("client", "extendedKeyUsage=clientAuth");
    files
}

#[test]
fn pem_files_are_accepted_in_every_spelling() {
    let files = prepared();
    let (ca, client, key) = (
        files.read("ca.pem"),
        files.read("client.pem"),
        files.read("client.key"),
    );
    let mark = "\u{feff}".as_bytes();
    let text = String::from_utf8(ca.clone()).unwrap();
    for (name, content) in [
        ("mark", [mark, &ca].concat()),
        ("two-marks", [mark, &ca, mark, &client].concat()),
        ("crlf", text.replace('\n', "\r\n").into_bytes()),
        ("comment", [b"# our authority\n\n".as_slice(), &ca].concat()),
        ("no-line-end", text.trim_end().as_bytes().to_vec()),
        ("key-beside", [key.as_slice(), &ca].concat()),
        ("two", [ca.as_slice(), &client].concat()),
    ] {
        files.write(name, content);
        assert_eq!(refusal(&files, json!({"caFile": name})), None, "{name}");
    }
    files.openssl("ec -in client.key -out sec1.key");
    files.write("mark.key", [mark, &key].concat());
    for key in ["client.key", "sec1.key", "mark.key"] {
        assert_eq!(
            refusal(&files, json!({"certFile": "client.pem", "keyFile": key})),
            None,
            "{key}"
        );
    }
    files.openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -days 2 -subj /CN=a",
    );
    files.openssl("rsa -in rsa.key -traditional -out pkcs1.key");
    assert_eq!(
        refusal(
            &files,
            json!({"certFile": "rsa.pem", "keyFile": "pkcs1.key"})
        ),
        None
    );
}

#[test]
fn file_in_another_form_is_named() {
    let files = prepared();
    let ca = files.read("ca.pem");
    files.openssl("x509 -in ca.pem -outform DER -out ca.der");
    files.openssl("x509 -in ca.pem -trustout -addtrust serverAuth -out trusted.pem");
    files.openssl("pkcs12 -export -inkey client.key -in client.pem -passout pass: -out client.p12");
    files.openssl("crl2pkcs7 -nocrl -certfile ca.pem -out ca.p7b");
    files.openssl("crl2pkcs7 -nocrl -certfile ca.pem -outform DER -out ca.p7c");
    files.write("empty", "");
    files.write("blank", " \r\n\n");
    files.write(
        "utf16le",
        [b"\xff\xfe".to_vec(), utf16(&ca, u16::to_le_bytes)].concat(),
    );
    files.write(
        "utf16be",
        [b"\xfe\xff".to_vec(), utf16(&ca, u16::to_be_bytes)].concat(),
    );
    files.write("utf16-bare", utf16(&ca, u16::to_le_bytes));
    files.write("both", [ca.clone(), files.read("trusted.pem")].concat());
    files.write("html", "<html>404</html>");
    files.write("cut", &ca[..ca.len() - 60]);
    files.write(
        "one-of-two-cut",
        [ca.clone(), ca[..ca.len() / 2].to_vec()].concat(),
    );
    files.write("jks", b"\xfe\xed\xfe\xed\0\0\0\x02");
    let expected = [
        (
            "ca.der",
            "is a certificate in DER form; convert it with `openssl x509 -inform DER",
        ),
        ("trusted.pem", "TRUSTED CERTIFICATE"),
        ("both", "TRUSTED CERTIFICATE"),
        ("client.p12", "PKCS#12"),
        ("ca.p7b", "PKCS#7"),
        ("ca.p7c", "PKCS#7"),
        ("empty", "is empty"),
        ("blank", "is empty"),
        ("utf16le", "UTF-16"),
        ("utf16be", "UTF-16"),
        ("utf16-bare", "UTF-16"),
        ("html", "holds no certificate in PEM form"),
        ("cut", "is damaged"),
        ("one-of-two-cut", "is damaged"),
        ("jks", "Java keystore"),
        ("client.csr", "request for a certificate"),
        ("client.key", "holds a private key"),
        ("missing", "cannot read"),
        (".", "cannot read"),
    ];
    for (name, problem) in expected {
        let message = refusal(&files, json!({"caFile": name})).unwrap_or_default();
        assert!(
            message.starts_with("tls.caFile: ") && message.contains(problem),
            "{name}: {message}"
        );
        let message =
            refusal(&files, json!({"certFile": name, "keyFile": "client.key"})).unwrap_or_default();
        assert!(
            message.starts_with("tls.certFile: ") && message.contains(problem),
            "{name}: {message}"
        );
    }
}

#[test]
fn key_in_another_form_is_named() {
    let files = prepared();
    files.openssl("pkcs8 -topk8 -in client.key -passout pass:secret -out encrypted.key");
    files.openssl(
        "pkcs8 -topk8 -in client.key -passout pass:secret -outform DER -out encrypted.der",
    );
    files.openssl("ec -in client.key -aes128 -passout pass:secret -out old-encrypted.key");
    files.openssl("pkey -in client.key -outform DER -out key.der");
    files.openssl("pkey -in client.key -pubout -out public.pem");
    files.openssl("pkcs12 -export -inkey client.key -in client.pem -passout pass: -out client.p12");
    files.openssl("genpkey -algorithm ed25519 -out other.key");
    files.write(
        "openssh.key",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    let key = files.read("client.key");
    files.write("cut.key", &key[..key.len() - 60]);
    files.write("empty", "");
    for (name, problem) in [
        (
            "encrypted.key",
            "holds an encrypted private key; decrypt it",
        ),
        ("encrypted.der", "is an encrypted private key in DER form"),
        (
            "old-encrypted.key",
            "holds an encrypted private key; decrypt it",
        ),
        ("key.der", "is a private key in DER form"),
        ("client.p12", "PKCS#12"),
        ("public.pem", "holds a public key"),
        ("client.pem", "holds a certificate; expected a private key"),
        ("openssh.key", "OpenSSH"),
        ("cut.key", "is damaged"),
        ("empty", "is empty"),
        ("other.key", "does not go with tls.certFile"),
    ] {
        let message =
            refusal(&files, json!({"certFile": "client.pem", "keyFile": name})).unwrap_or_default();
        assert!(
            message.starts_with("tls.keyFile: ") && message.contains(problem),
            "{name}: {message}"
        );
    }
}

/// What comes of a request to a server, blocking and started. It answers only GET.
fn request(files: &Directory, name: &str, host: &str, arguments: &str, tls: Value) -> [String; 2] {
    let mut paths = json!({"caFile": files.path("ca.pem")});
    for (key, value) in tls.as_object().unwrap() {
        paths[key] = value.clone();
    }
    let server = files.start_server(name, arguments);
    MODES.map(|mode| {
        let base = format!("https://{host}:{}", server.port);
        let config = json!({"tls": paths, "ajaxTimeout": 5_000, "retry": {"attempts": 1}});
        let service = service(&base, config);
        let answered = mode.availability(service);
        assert_eq!(service.close(), 0);
        format!("{} {}", answered.error(), answered.message())
    })
}

#[test]
fn certificate_without_a_subject_alternative_name_is_named() {
    let files = Directory::new();
    files.make_authority();
    files.make_certificate("bare", "");
    files.make_certificate("other", "subjectAltName=DNS:other.example");
    for (host, name) in [
        ("localhost", "DNS:localhost"),
        ("127.0.0.1", "IP:127.0.0.1"),
    ] {
        for message in request(&files, "bare", host, "", json!({})) {
            assert!(
                message.starts_with("TLS ")
                    && message.contains("no subjectAltName")
                    && message.contains(name),
                "{message}"
            );
        }
        for message in request(&files, "other", host, "", json!({})) {
            assert!(message.contains("is for another host"), "{message}");
        }
    }
}

#[test]
fn nothing_in_common_is_named() {
    let files = Directory::new();
    files.make_authority();
    files.make_certificate("server", "subjectAltName=IP:127.0.0.1");
    files.openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -days 2 -subj /CN=a",
    );
    for (name, arguments) in [
        ("rsa", "-tls1_2 -cipher AES128-SHA"),
        ("rsa", "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384"),
        ("server", "-tls1_3 -curves P-521"),
        ("server", "-tls1_2 -curves P-521"),
    ] {
        for message in request(&files, name, "127.0.0.1", arguments, json!({})) {
            assert!(
                message.starts_with("TLS no common cipher suite or curve"),
                "{arguments}: {message}"
            );
            assert!(!message.contains("client certificate"), "{message}");
        }
    }
    for message in request(
        &files,
        "server",
        "127.0.0.1",
        "-tls1_2",
        json!({"minVersion": "1.3"}),
    ) {
        assert!(
            message.starts_with(
                "TLS no common TLS version with 127.0.0.1 (minimum: 1.3, set by tls.minVersion)"
            ),
            "{message}"
        );
    }
}

#[test]
fn client_certificate_is_spoken_of_only_if_the_server_asked_for_one() {
    let files = prepared();
    files.make_certificate("server", "subjectAltName=IP:127.0.0.1");
    files.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.pem -days 2 -subj /CN=own");
    let identity = |name: &str| json!({"certFile": files.path(&format!("{name}.pem")), "keyFile": files.path(&format!("{name}.key"))});
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments = format!("{version} -Verify 1 -CAfile ca.pem -verify_return_error");
        for message in request(&files, "server", "127.0.0.1", &arguments, json!({})) {
            assert!(
                message.contains("requires a client certificate"),
                "{version}: {message}"
            );
        }
        for message in request(&files, "server", "127.0.0.1", &arguments, identity("own")) {
            assert!(
                message.contains("does not accept the client certificate"),
                "{version}: {message}"
            );
        }
        // TLS is right, and the response is a page.
        for message in request(
            &files,
            "server",
            "127.0.0.1",
            &arguments,
            identity("client"),
        ) {
            assert!(message.starts_with("PROTOCOL "), "{version}: {message}");
        }
    }
}
