# Chooses the Rust toolchain that builds for $target, and sets $standard_library to the options that it needs.
# Other scripts read it with `.`
standard_library=
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    # A toolchain without the standard library of the target builds it, which needs its source: Debian's has it.
    export CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    standard_library='-Z build-std=std,panic_unwind'
    if [ ! -f "$($RUSTC --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; then
        echo "install the standard library for $target: rustup target add $target, or on Debian" \
            'apt-get install rustc-web cargo-web rust-web-src' >&2
        exit 1
    fi
fi
