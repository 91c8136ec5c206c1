//! Writes `include/callbackservice.h` from the comments of the library's C functions, and
//! `include/callbackservice.ffi.h` with the declarations alone.
//!
//! `generate-header` writes the files; `generate-header --check` fails when the committed ones differ.

mod convention;
mod declarations;

use std::path::Path;
use std::process::ExitCode;

use cbindgen::{Builder, Config, DocumentationLength, DocumentationStyle, Language, Style};

const SOURCES: [&str; 8] = [
    "types",
    "constants",
    "service",
    "blocking",
    "async_call",
    "subscription",
    "json",
    "library",
];

const INTRODUCTION: &str = r#"/*
 * libcallbackservice: books telephone callbacks with a contact center and lists the slots that can be booked.
 *
 * Conventions
 *   - Strings are NUL-terminated UTF-8. A string in an out parameter belongs to the application: free it with
 *     cbsvc_string_free. A string that a handler receives is valid until the handler returns.
 *   - An out parameter may be NULL if the application does not need it, except service of cbsvc_init, waitable of
 *     cbsvc_waitable and json of cbsvc_diagnostics. It is first set to NULL or 0 (waitable: to -1), and filled on
 *     failure too if there is something to report.
 *   - Every function may be called from any thread, and again in a forked child. No function may be called in a
 *     signal handler.
 *   - Signals do not end a wait inside a function: the application's signal handlers run, and the wait goes on until
 *     its timeout. To wait for signals too, see the example of cbsvc_waitable.
 *   - A thread cannot be cancelled inside a function: pthread_cancel takes effect after the function has returned.
 *   - The library prints nothing, installs no signal handler, raises no SIGPIPE, opens no descriptor below 3, and
 *     changes neither errno nor the environment. Its threads block the signals of the application,
 *     except while a handler runs on one.
 *   - On Windows, strings, file names among them, are UTF-8 too, functions and handlers are __cdecl (CBSVC_CALL), and
 *     what GetLastError returns is not changed. What is said of signals, forks and thread cancellation is for other
 *     systems.
 *
 * A callback is a telephone call. A C function that the library calls is a handler.
 *
 * This file is generated from the source of the library.
 */

#ifndef CALLBACKSERVICE_H
#define CALLBACKSERVICE_H"#;

const OPENING: &str = "
/* The calling convention of functions and handlers. */
#ifdef _WIN32
# define CBSVC_CALL __cdecl
#else
# define CBSVC_CALL
#endif

#ifdef __cplusplus\nextern \"C\" {\n#endif";
const CLOSING: &str = "#ifdef __cplusplus\n}\n#endif\n\n#endif /* CALLBACKSERVICE_H */";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let header = match header(&root) {
        Ok(header) => header,
        Err(error) => return fail(&format!("cannot generate the header: {error}")),
    };
    let declarations = declarations::of(&header);
    let check = std::env::args().any(|argument| argument == "--check");
    for (name, text) in [
        ("include/callbackservice.h", convention::marked(&header)),
        ("include/callbackservice.ffi.h", declarations),
    ] {
        let path = root.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        if check {
            return fail(&format!("{name} is stale: run `make header`"));
        }
        if let Err(error) = std::fs::write(&path, text) {
            return fail(&format!("cannot write {name}: {error}"));
        }
    }
    ExitCode::SUCCESS
}

fn fail(message: &str) -> ExitCode {
    eprintln!("generate-header: {message}");
    ExitCode::FAILURE
}

fn header(root: &Path) -> Result<String, cbindgen::Error> {
    let mut config = Config {
        language: Language::C,
        style: Style::Type,
        header: Some(INTRODUCTION.to_owned()),
        after_includes: Some(OPENING.to_owned()),
        trailer: Some(CLOSING.to_owned()),
        no_includes: true,
        sys_includes: vec!["stdint.h".to_owned()],
        documentation: true,
        documentation_style: DocumentationStyle::Doxy,
        documentation_length: DocumentationLength::Full,
        // With the calling convention, lines have at most 110 characters.
        line_length: 110 - convention::MARK.len(),
        ..Config::default()
    };
    config.function.sort_by = Some(cbindgen::SortKey::None);
    config.constant.sort_by = Some(cbindgen::SortKey::None);
    let sources = SOURCES
        .iter()
        .map(|name| root.join(format!("src/ffi/{name}.rs")));
    let builder = sources.fold(Builder::new().with_config(config), |builder, path| {
        builder.with_src(path)
    });
    let mut header = Vec::new();
    builder.generate()?.write(&mut header);
    Ok(readable(&String::from_utf8_lossy(&header)))
}

/// Removes what is for Rust only, and gives each constant two lines instead of five.
fn readable(header: &str) -> String {
    let header = indented_examples(header).replace('`', "");
    let mut out = String::with_capacity(header.len());
    let mut rest = header.as_str();
    while let Some(start) = rest.find("/**\n") {
        let (before, from) = rest.split_at(start);
        let end = from.find(" */\n").map_or(from.len(), |end| end + 4);
        let (comment, after) = from.split_at(end);
        let comment = comment.split(" *\n * # Safety\n").next().unwrap_or(comment);
        let lines: Vec<&str> = comment
            .lines()
            .skip(1)
            .filter(|line| *line != " */")
            .collect();
        out.push_str(before);
        match (lines.as_slice(), after.strip_prefix("#define ")) {
            ([line], Some(definition)) => {
                out.push_str(&format!("/**{} */\n#define ", &line[2..]));
                rest = definition;
            }
            _ => {
                out.push_str(&format!("/**\n{}\n */\n", lines.join("\n")));
                rest = after;
            }
        }
    }
    out.push_str(rest);
    without_gaps(&out)
}

/// Code between fences is indented instead, below the line that announces it. Tables keep their
/// place.
fn indented_examples(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    let mut is_code = false;
    for line in header.lines() {
        match line.strip_prefix(" * ") {
            Some("```c") => {
                is_code = true;
                // The empty line before the fence.
                out.truncate(out.trim_end_matches(" *\n").len());
            }
            Some("```text") => {}
            Some("```") => is_code = false,
            Some(code) if is_code => out.push_str(&format!(" *     {code}\n")),
            _ => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

/// Removes the empty lines between constants of one family, and writes the version in hexadecimal digits.
fn without_gaps(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    let lines: Vec<&str> = header.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let is_define = |at: Option<usize>| {
            at.and_then(|at| lines.get(at))
                .is_some_and(|line| line.starts_with("#define "))
        };
        let in_block = line.is_empty()
            && is_define(index.checked_sub(1))
            && is_define(Some(index + 2))
            && family(lines[index - 1]) == family(lines[index + 2]);
        match line
            .strip_prefix("#define CBSVC_HEADER_VERSION ")
            .and_then(|number| number.parse::<u32>().ok())
        {
            _ if in_block => {}
            Some(version) => {
                out.push_str(&format!("#define CBSVC_HEADER_VERSION {version:#08x}\n"))
            }
            None => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

/// Log levels are one family, statuses of the same number of digits another.
fn family(definition: &str) -> Option<(bool, usize)> {
    let number = definition.split(' ').nth(2)?;
    Some((definition.contains("_LOG_"), number.len()))
}
