# make            the shared library, the static library and the header
# make demo       the sandbox server and the quickstart programs against it
# make test       everything that is checked; sets itself up
# make test-full  the same, with long tests in full size
# make test-faults  the table of docs/reliability.md anew
# make test-ledger  bookings while their server is killed, compared with its database
# make bench      compare the library with libcurl, requests and others, and rewrite docs/benchmarks.md;
#                 BASELINE=PATH also compares it with another libcallbackservice.so, in turns
# make bench-micro  measure the parts of a command that need no server
# make bench-instructions  record the instructions of a call, with which make test compares later ones
# make test-tsan  threaded tests under ThreadSanitizer
# make test-asan  the C test programs under AddressSanitizer and LeakSanitizer
# make test-valgrind  the same under memcheck
# make deny       licences, duplicates and sources of the dependencies
# make fuzz       every fuzz target for SECONDS (60)
# make install    into PREFIX (default /usr/local), below DESTDIR if given
# make header     the header anew from the source
# make clean

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CC ?= cc
CARGO ?= cargo
PYTHON ?= python3

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
RELEASE := target/release
SHARED := $(RELEASE)/libcallbackservice.so
STATIC := $(RELEASE)/libcallbackservice.a
SONAME := libcallbackservice.so.1

.PHONY: all library header demo sandbox test test-full test-faults test-ledger test-tsan test-asan test-valgrind fuzz deny \
	bench bench-micro bench-instructions install uninstall clean

all: library header

library:
	$(CARGO) rustc --locked --release --lib --crate-type cdylib,staticlib
	@ln -sf libcallbackservice.so $(RELEASE)/$(SONAME)
	@if [ $(STATIC) -ef $(RELEASE)/deps/libcallbackservice.a ]; then \
		sh tools/hide-symbols.sh include/callbackservice.h $(STATIC) $(STATIC); fi

header:
	$(CARGO) run --locked --quiet --package generate-header

sandbox:
	$(CARGO) build --locked --release --package callback-sandbox

demo: library sandbox
	@CC="$(CC)" PYTHON="$(PYTHON)" sh tools/demo.sh

test:
	@$(PYTHON) tests/run.py

fuzz:
	@SECONDS_EACH=$(or $(SECONDS),60) sh tools/fuzz.sh

test-asan: sandbox
	@$(PYTHON) tests/memory.py address

test-valgrind: sandbox
	@$(PYTHON) tests/memory.py valgrind

deny:
	@sh tools/deny.sh

test-tsan:
	@PYTHON="$(PYTHON)" sh tools/tsan.sh

test-faults: library
	@$(PYTHON) tests/faults.py --write

test-ledger: library sandbox
	@$(PYTHON) tests/ledger.py

bench: library sandbox
	@$(PYTHON) benches/compare/run.py --write $(if $(BASELINE),--baseline "$(BASELINE)")

bench-micro:
	$(CARGO) bench --locked --features benchmark --bench micro

bench-instructions: library
	@$(PYTHON) benches/compare/instructions.py --write

test-full:
	@FULL=1 $(PYTHON) tests/run.py

install:
	@test -f $(SHARED) && test -f $(STATIC) || { echo 'run make first' >&2; exit 1; }
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(LIBDIR)/cmake/callbackservice" "$(DESTDIR)$(INCLUDEDIR)"
	install -m 755 $(SHARED) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/libcallbackservice.so"
	install -m 644 $(STATIC) "$(DESTDIR)$(LIBDIR)/"
	install -m 644 include/callbackservice.h bindings/cpp/callbackservice.hpp "$(DESTDIR)$(INCLUDEDIR)/"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' packaging/callbackservice.pc.in \
		> "$(DESTDIR)$(LIBDIR)/pkgconfig/callbackservice.pc"
	sed -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' packaging/callbackserviceConfig.cmake.in \
		> "$(DESTDIR)$(LIBDIR)/cmake/callbackservice/callbackserviceConfig.cmake"
	sed -e 's|@VERSION@|$(VERSION)|' packaging/callbackserviceConfigVersion.cmake.in \
		> "$(DESTDIR)$(LIBDIR)/cmake/callbackservice/callbackserviceConfigVersion.cmake"

uninstall:
	rm -f "$(DESTDIR)$(LIBDIR)/$(SONAME)" "$(DESTDIR)$(LIBDIR)/libcallbackservice.so" \
		"$(DESTDIR)$(LIBDIR)/libcallbackservice.a" "$(DESTDIR)$(LIBDIR)/pkgconfig/callbackservice.pc" \
		"$(DESTDIR)$(INCLUDEDIR)/callbackservice.h" "$(DESTDIR)$(INCLUDEDIR)/callbackservice.hpp"
	rm -rf "$(DESTDIR)$(LIBDIR)/cmake/callbackservice"

clean:
	$(CARGO) clean
	rm -rf build
