//! The declarations of the header alone, for loaders that have no preprocessor: LuaJIT's `ffi.cdef`,
//! PHP's `FFI::cdef`, Python's cffi.

const INTRODUCTION: &str = "\
/* Declarations of libcallbackservice for languages that load C declarations at run time; see callbackservice.h.
   This file is generated from the source of the library. */
";

/// The declarations of a header, with its constants as one enumeration.
pub fn of(header: &str) -> String {
    let (mut constants, mut declarations) = (String::new(), String::new());
    for line in without_comments(header).lines() {
        match line.strip_prefix("#define ") {
            Some(definition) => {
                // The guard against a second inclusion has no value.
                if let Some((name, value)) = definition.split_once(' ') {
                    constants.push_str(&format!("    {name} = {value},\n"));
                }
            }
            None if line.starts_with('#') || line.starts_with("extern \"C\"") || line == "}" => {}
            None if line.trim().is_empty() => {}
            None => declarations.push_str(&format!("{line}\n")),
        }
    }
    let constants = constants.trim_end_matches(",\n");
    format!("{INTRODUCTION}\nenum {{\n{constants}\n}};\n\n{declarations}")
}

fn without_comments(header: &str) -> String {
    let mut parts = header.split("/*");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.split_once("*/").map_or("", |(_, after)| after));
    }
    out
}
