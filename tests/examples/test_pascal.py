"""The example and the unit for Free Pascal."""

import re
import subprocess
import unittest

from booking import BookingTests, InterruptTests
from interfaces import constants, translated
from support import EXAMPLES, TIMEOUT, Case, environment, library_directory, require_packages, run_example

UNIT = EXAMPLES / "pascal/callbackservice.pas"
TYPES = {
    "void": None,
    "cbsvc_status": "cbsvc_status",
    "cbsvc_service *": "Pcbsvc_service",
    "cbsvc_service **": "PPcbsvc_service",
    "cbsvc_handler": "cbsvc_handler",
    "cbsvc_release": "cbsvc_release",
    "const char *": "PAnsiChar",
    "char *": "PAnsiChar",
    "char **": "PPAnsiChar",
    "void *": "Pointer",
    "int32_t": "cint32",
    "int32_t *": "pcint32",
    "uint32_t": "cuint32",
    "uint32_t *": "pcuint32",
    "uint64_t": "cuint64",
    "uint64_t *": "pcuint64",
    "intptr_t *": "pcintptr",
}
# What the compiler says of its types, and that every function of the unit can be linked.
SIZES = """
program sizes;
uses ctypes, callbackservice;
begin
  WriteLn(SizeOf(Pcbsvc_service), SizeOf(cbsvc_status), SizeOf(cuint64), SizeOf(cint32), SizeOf(PtrInt));
  WriteLn(cbsvc_version = CBSVC_HEADER_VERSION);
  WriteLn(PtrUInt(nil) in [0], %s);
end.
"""

# An exception in Pascal jumps over the frames of C.
HANDLER = """
program handlers;
{$mode objfpc}{$H+}
uses SysUtils, callbackservice;
procedure OnEvent(Event, Data: PAnsiChar; UserData: Pointer); cdecl;
begin
  if PtrUInt(UserData) = 5 then
    raise Exception.Create(Event);
end;
var
  Service: Pcbsvc_service;
begin
  WriteLn(cbsvc_init('{"dataURL":"http://127.0.0.1:1/x"}', nil, nil, @Service, nil));
  WriteLn(cbsvc_subscribe(Service, 'CallbackService.availabilityError', @OnEvent, Pointer(5), nil, nil));
  try
    cbsvc_availability(Service, '{}', nil);
  except
    on Error: Exception do
      WriteLn(Error.Message);
  end;
  WriteLn(cbsvc_close(Service, 1000));
end.
"""


def compile_program(source, directory):
    options = [f"-Fu{UNIT.parent}", f"-Fl{library_directory}", f"-FE{directory}", f"-FU{directory}"]
    words = ["fpc", "-v0ewn", *options, source]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, env=environment())
    if done.returncode != 0 or re.search(r"(Error|Fatal|Warning|Note):|\(\d+,\d+\)", done.stdout):
        raise AssertionError(f"{done.stdout}\n{done.stderr}")
    return directory / source.stem


class Pascal(BookingTests, InterruptTests, Case):
    @classmethod
    def setUpClass(cls):
        require_packages(["fp-compiler"])

    def setUp(self):
        super().setUp()
        self.command = [compile_program(EXAMPLES / "pascal/book.pas", self.scratch)]

    def test_the_unit_has_everything_that_the_header_has(self):
        text = UNIT.read_text()
        found = dict(re.findall(r"^  (CBSVC_\w+) = (\d+);$", text, re.M))
        self.assertEqual({name: int(value) for name, value in found.items()}, constants())
        declared = {}
        interface = " ".join(text.split("implementation")[0].split())
        for name, parameters, returned in re.findall(
            r"(?:function|procedure) (\w+)(?:\((.*?)\))?(?:: (\w+))?; cdecl; external 'callbackservice';", interface
        ):
            groups = [group.split(": ") for group in parameters.split("; ") if group]
            kinds = [kind for names, kind in groups for _ in names.split(", ")]
            declared[name] = (returned or None, kinds)
        self.assertEqual(declared, translated(TYPES, {}))

    def test_every_function_can_be_called_and_the_types_have_the_sizes_of_c(self):
        source = self.scratch / "sizes.pas"
        addresses = ", ".join(f"' ', PtrUInt(@{name}) > 0" for name in translated(TYPES, {}))
        source.write_text(SIZES % addresses)
        done = run_example([compile_program(source, self.scratch)])
        sizes, version, linked = done.stdout.splitlines()
        self.assertEqual((sizes, version), ("84848", "TRUE"))
        self.assertEqual(set(linked.split()), {"TRUE"})

    def test_the_service_can_be_closed_when_an_exception_has_left_a_handler(self):
        source = self.scratch / "handlers.pas"
        source.write_text(HANDLER)
        done = run_example([compile_program(source, self.scratch)])
        self.assertEqual(done.stdout.split(), ["0", "0", "CallbackService.availabilityError", "0"])


if __name__ == "__main__":
    unittest.main()
