//! What the linker must know of the shared library.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // The first stable interface will be number 1; programs linked before are linked against it already.
        let interface = if major == "0" { "1" } else { &major };
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcallbackservice.so.{interface}");
        // Unloading would leave fork notices and thread locals behind that point into nothing.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
