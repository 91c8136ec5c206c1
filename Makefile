# make            builds the shared library, the static library and the header; build/release links to them
# make demo       runs the example programs against the sandbox server
# make test       runs all tests; as root it installs missing Debian packages first
# make test-full  runs all tests with the full load, and those of a library without the outbox
# make test-faults  measures the fault matrix and rewrites its table in docs/reliability.md
# make test-ledger  books, moves and cancels while the server is killed, and compares with its database
# make test-outbox  submits to an outbox while processes and server are killed, and compares with the server's database
# make test-examples  runs the examples in other languages against the sandbox; EXAMPLES="perl lua" selects languages
# make bench      compares the library with libcurl, requests and others and rewrites docs/benchmarks.md;
#                 with BASELINE=PATH also with another libcallbackservice.so
# make bench-micro  measures the parts of a command that need no server
# make bench-outbox  compares submitting and delivering with a bare insert and with started schedules
# make bench-instructions  records the instructions of a call, with which make test compares later ones
# make test-tsan  runs the threaded tests under ThreadSanitizer
# make test-asan  runs the C test programs under AddressSanitizer and LeakSanitizer
# make test-valgrind  runs them under memcheck
# make deny       checks licenses, duplicates and sources of the dependencies
# make fuzz       runs every fuzz target for SECONDS (60)
# make install    installs what make has built into PREFIX (default /usr/local), below DESTDIR if set; needs no cargo
# make dist       builds build/dist/: for each architecture a tarball, Debian packages and a Python wheel; the same bytes from
#                 the same commit. ARCHITECTURES=x86_64 builds one
# make windows    builds build/windows/: for each architecture the DLL and its import library. WINDOWS=x86_64 builds one
# make windows-dist  packs them in build/dist/windows/, with Python wheels; the same bytes from the same commit
# make test-windows  runs programs with them under Wine, 64-bit and 32-bit
# make test-windows-units  runs the tests of the source under Wine
# make test-packages  installs them into fresh Debian systems and links programs with them, and tests the wheel
# make test-targets   runs the C test programs of the architectures that this machine can only emulate, and of i686
# make docs       generates build/docs/: manual pages and the HTML reference
# make abi        adds the functions and constants that are new in the header to abi/
# make header     generates the headers from the source
# make clean      removes what was built

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DOCDIR ?= $(PREFIX)/share/doc/callbackservice
MANDIR ?= $(PREFIX)/share/man
CC ?= cc
CARGO ?= cargo
PYTHON ?= python3

STRIP ?= strip

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME := libcallbackservice.so.1
# The file that the links libcallbackservice.so.1 and libcallbackservice.so name.
REAL := $(SONAME).$(shell echo '$(VERSION)' | sed 's/^[0-9]*\.\([0-9]*\.[0-9]*\).*/\1/')
HEADERS := $(wildcard include/*.h include/*.hpp)
# Headers that callbackservice.hpp includes.
CPP_HEADERS := $(wildcard include/callbackservice/*.hpp)
PAGES = $(wildcard build/docs/man/man3/*.3)
# What the comments in the headers and in the examples refer to.
DOCUMENTS := $(wildcard $(patsubst %,docs/%.md,behaviour configuration cpp json outbox status-codes threads))
# Those of the languages whose files are installed.
EXAMPLE_FILES := $(wildcard examples/c/* examples/cpp/*)
ARCHITECTURES ?= x86_64 aarch64

# Cargo says where it puts what it builds: CARGO_TARGET_DIR, build.target-dir and build.target all move it, and several
# trees may share one directory. build/release is a link to that directory, and build/library holds the library of this
# tree as it is installed.
MESSAGES := --message-format=json-render-diagnostics
LIBRARY := build/library
SOURCES := src build.rs Cargo.toml Cargo.lock .cargo tools/localize-symbols.sh

# The directories of the installed files, as seen from the directory of another one.
relative = $(shell realpath -ms --relative-to="$(LIBDIR)/$(1)" "$(2)")

.PHONY: all library header demo sandbox test test-full test-faults test-ledger test-outbox test-tsan test-asan test-valgrind fuzz deny \
	test-examples bench bench-micro bench-outbox bench-instructions install uninstall dist windows windows-dist test-windows test-windows-units test-packages test-targets docs manual abi clean

all: library header

library:
	@rm -rf $(LIBRARY) $(LIBRARY).new && mkdir -p $(LIBRARY).new
	$(CARGO) rustc --locked --release --lib --crate-type cdylib,staticlib $(MESSAGES) > build/library.json
	@set -e; \
	shared=$$(sed -n 's|.*"\([^"]*/libcallbackservice\.so\)".*|\1|p' build/library.json | tail -n 1); \
	test -n "$$shared" || { echo 'cargo does not say where the library is' >&2; exit 1; }; \
	release=$${shared%/*}; static=$$release/libcallbackservice.a; \
	ln -sfn "$$release" build/release; \
	ln -sf libcallbackservice.so "$$release/$(SONAME)"; \
	if [ "$$static" -ef "$$release/deps/libcallbackservice.a" ]; then \
		sh tools/localize-symbols.sh include/callbackservice.h "$$static" "$$static"; fi; \
	cp "$$static" $(LIBRARY).new/; \
	$(STRIP) --strip-unneeded -o $(LIBRARY).new/$(SONAME) "$$shared"; \
	ln -s $(SONAME) $(LIBRARY).new/libcallbackservice.so; \
	mv $(LIBRARY).new $(LIBRARY)

header:
	$(CARGO) run --locked --quiet --package generate-header

sandbox:
	@mkdir -p build
	$(CARGO) build --locked --release --package callback-sandbox $(MESSAGES) > build/sandbox.json
	@set -e; \
	program=$$(sed -n 's|.*"executable":"\([^"]*\)".*|\1|p' build/sandbox.json | tail -n 1); \
	test -n "$$program" || { echo 'cargo does not say where the sandbox is' >&2; exit 1; }; \
	ln -sfn "$${program%/*}" build/release

demo: library sandbox
	@CC="$(CC)" PYTHON="$(PYTHON)" sh tools/demo.sh

test:
	@$(PYTHON) tests/run.py

fuzz:
	@SECONDS_EACH=$(or $(SECONDS),60) sh tools/fuzz.sh

test-asan: sandbox
	@$(PYTHON) tests/memory_checkers.py address

test-valgrind: sandbox
	@$(PYTHON) tests/memory_checkers.py valgrind

deny:
	@sh tools/check-dependencies.sh

test-tsan:
	@PYTHON="$(PYTHON)" sh tools/tsan.sh

test-faults: library
	@$(PYTHON) tests/fault_matrix.py --write

test-ledger: library sandbox
	@$(PYTHON) tests/crash_consistency.py

test-outbox: library sandbox
	@$(PYTHON) tests/outbox_consistency.py

test-examples: library sandbox
	@$(PYTHON) tests/examples/run.py $(EXAMPLES)

bench: library sandbox
	@$(PYTHON) benches/compare/run.py --write $(if $(BASELINE),--baseline "$(BASELINE)")

bench-micro:
	$(CARGO) bench --locked --features benchmark --bench micro

bench-outbox:
	@$(CARGO) bench --locked --quiet --bench outbox

bench-instructions: library
	@$(PYTHON) benches/compare/instructions.py --write

test-full:
	@FULL=1 $(PYTHON) tests/run.py
	@$(CARGO) test --locked --quiet --no-default-features --test without_outbox

# Other files of the same SONAME go: ldconfig would take the one with the highest number.
install:
	@test -f $(LIBRARY)/$(SONAME) || { echo 'run make first' >&2; exit 1; }
	@changed=$$(find $(SOURCES) -type f -newer $(LIBRARY)/$(SONAME) | head -n 1); \
	test -z "$$changed" || { echo "$$changed has changed since the library was built: run make first" >&2; exit 1; }
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(LIBDIR)/cmake/callbackservice" "$(DESTDIR)$(INCLUDEDIR)"
	rm -f "$(DESTDIR)$(LIBDIR)/$(SONAME)" "$(DESTDIR)$(LIBDIR)/$(SONAME)".*
	install -m 755 $(LIBRARY)/$(SONAME) "$(DESTDIR)$(LIBDIR)/$(REAL)"
	ln -s $(REAL) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/libcallbackservice.so"
	install -m 644 $(LIBRARY)/libcallbackservice.a "$(DESTDIR)$(LIBDIR)/"
	install -m 644 $(HEADERS) "$(DESTDIR)$(INCLUDEDIR)/"
	$(if $(CPP_HEADERS),install -d "$(DESTDIR)$(INCLUDEDIR)/callbackservice")
	$(if $(CPP_HEADERS),install -m 644 $(CPP_HEADERS) "$(DESTDIR)$(INCLUDEDIR)/callbackservice/")
	install -d "$(DESTDIR)$(DOCDIR)"
	install -m 644 LICENSE-MIT LICENSE-APACHE $(DOCUMENTS) "$(DESTDIR)$(DOCDIR)/"
	$(foreach file,$(EXAMPLE_FILES),install -D -m 644 $(file) "$(DESTDIR)$(DOCDIR)/$(file)" &&) true
	$(if $(PAGES),install -d "$(DESTDIR)$(MANDIR)/man3")
	$(if $(PAGES),install -m 644 $(PAGES) "$(DESTDIR)$(MANDIR)/man3/")
	sed -e 's|@PREFIX@|$(call relative,pkgconfig,$(PREFIX))|' \
		-e 's|@INCLUDEDIR@|$(call relative,pkgconfig,$(INCLUDEDIR))|' \
		-e 's|@VERSION@|$(VERSION)|' packaging/callbackservice.pc.in \
		> "$(DESTDIR)$(LIBDIR)/pkgconfig/callbackservice.pc"
	sed -e 's|@INCLUDEDIR@|$(call relative,cmake/callbackservice,$(INCLUDEDIR))|' \
		packaging/callbackserviceConfig.cmake.in \
		> "$(DESTDIR)$(LIBDIR)/cmake/callbackservice/callbackserviceConfig.cmake"
	@# The fifth byte of an ELF file is 1 where a pointer has 4 bytes, and 2 where it has 8.
	sed -e 's|@VERSION@|$(VERSION)|' \
		-e "s|@POINTER_SIZE@|$$(($$(od -An -tu1 -j4 -N1 $(LIBRARY)/$(SONAME)) * 4))|" \
		packaging/callbackserviceConfigVersion.cmake.in \
		> "$(DESTDIR)$(LIBDIR)/cmake/callbackservice/callbackserviceConfigVersion.cmake"

uninstall:
	rm -f "$(DESTDIR)$(LIBDIR)/$(SONAME)" "$(DESTDIR)$(LIBDIR)/$(SONAME)".* \
		"$(DESTDIR)$(LIBDIR)/libcallbackservice.so" "$(DESTDIR)$(LIBDIR)/libcallbackservice.a" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/callbackservice.pc" \
		$(foreach header,$(notdir $(HEADERS)),"$(DESTDIR)$(INCLUDEDIR)/$(header)") \
		$(foreach header,$(notdir $(CPP_HEADERS)),"$(DESTDIR)$(INCLUDEDIR)/callbackservice/$(header)") \
		"$(DESTDIR)$(MANDIR)/man3/callbackservice.3" "$(DESTDIR)$(MANDIR)/man3"/cbsvc_*.3
	rm -rf "$(DESTDIR)$(LIBDIR)/cmake/callbackservice" "$(DESTDIR)$(DOCDIR)"
	rmdir "$(DESTDIR)$(INCLUDEDIR)/callbackservice" 2> /dev/null || true

dist: manual
	@ARCHITECTURES="$(ARCHITECTURES)" $(PYTHON) packaging/dist.py
	@PYTHON="$(PYTHON)" sh tools/build-wheels.sh $(ARCHITECTURES)

windows:
	@$(PYTHON) packaging/windows/build.py $(WINDOWS)

test-windows-units:
	@$(PYTHON) packaging/windows/test_units.py

windows-dist: windows
	@$(PYTHON) packaging/windows/dist_windows.py $(WINDOWS)
	@PYTHON="$(PYTHON)" sh tools/build-windows-wheels.sh $(WINDOWS)

test-windows: windows-dist library sandbox
	@$(PYTHON) tests/windows/run.py $(WINDOWS)

test-packages: dist sandbox
	@$(PYTHON) tests/packages/run.py
	@PYTHON="$(PYTHON)" sh tools/test-wheel.sh

test-targets: dist
	@$(PYTHON) tests/packages/targets.py
	@$(PYTHON) tests/packages/i686.py

manual:
	@$(PYTHON) tools/manual.py build/docs

docs:
	@$(PYTHON) tools/manual.py --html build/docs

abi:
	@$(PYTHON) abi/update.py

clean:
	$(CARGO) clean
	rm -rf build
