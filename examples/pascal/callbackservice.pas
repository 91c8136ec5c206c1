{ The functions and constants of callbackservice.h, and a few lines that make them safe for Pascal.

  The program needs libcallbackservice.so.1 when it runs, and libcallbackservice.so when it is linked.

  - A PPAnsiChar receives a text that belongs to the program: cbsvc_take copies and frees it. A PAnsiChar that
    cbsvc_status_name or cbsvc_version_text returns is constant and is not freed.
  - Open services with "handlers":"poll", and take events with cbsvc_next_event. An exception must not leave a handler.
    With "handlers":"thread", a handler runs on a thread that the run-time library does not know.
  - C libraries expect that floating-point exceptions are masked, and Pascal raises them: call SetExceptionMask of the
    unit math before the first service is opened. The threads of the library inherit the masks. }
unit callbackservice;

{$mode objfpc}{$H+}
{$packrecords c}

interface

uses
  ctypes;

const
  CBSVC_HEADER_VERSION = 256;
  CBSVC_LOG_OFF = 0;
  CBSVC_LOG_ERROR = 1;
  CBSVC_LOG_WARNING = 2;
  CBSVC_LOG_INFO = 3;
  CBSVC_LOG_DEBUG = 4;
  CBSVC_OK = 0;
  CBSVC_NULL_ARGUMENT = 101;
  CBSVC_BAD_HANDLE = 102;
  CBSVC_NOT_UTF8 = 103;
  CBSVC_NOT_JSON = 104;
  CBSVC_CONFIG = 105;
  CBSVC_UNKNOWN_COMMAND = 106;
  CBSVC_NO_DATA = 107;
  CBSVC_BAD_OPTION = 108;
  CBSVC_UNSUPPORTED = 109;
  CBSVC_BUFFER_TOO_SMALL = 110;
  CBSVC_CLOSED = 201;
  CBSVC_REENTRANT = 202;
  CBSVC_WRONG_MODE = 203;
  CBSVC_BUSY = 204;
  CBSVC_NO_SUCH = 205;
  CBSVC_TIMEOUT = 301;
  CBSVC_CANCELLED = 302;
  CBSVC_EXPIRED = 303;
  CBSVC_DNS = 401;
  CBSVC_CONNECT = 402;
  CBSVC_TLS = 403;
  CBSVC_PROXY = 404;
  CBSVC_PROTOCOL = 405;
  CBSVC_TOO_LARGE = 406;
  CBSVC_REJECTED = 501;
  CBSVC_SLOT_UNAVAILABLE = 502;
  CBSVC_UNAUTHORIZED = 503;
  CBSVC_RATE_LIMITED = 504;
  CBSVC_SERVER_ERROR = 505;
  CBSVC_NOT_FOUND = 506;
  CBSVC_PANIC = 901;
  CBSVC_INTERNAL = 902;
  CBSVC_STORAGE = 903;

type
  { A handle, never an address. }
  Pcbsvc_service = type Pointer;
  PPcbsvc_service = ^Pcbsvc_service;
  cbsvc_status = cint32;
  cbsvc_handler = procedure(event, data: PAnsiChar; user_data: Pointer); cdecl;
  cbsvc_release = procedure(user_data: Pointer); cdecl;
  pcintptr = ^PtrInt;

function cbsvc_init(config: PAnsiChar; on_event: cbsvc_handler; user_data: Pointer; service: PPcbsvc_service;
  error: PPAnsiChar): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_configure(service: Pcbsvc_service; config: PAnsiChar; error: PPAnsiChar): cbsvc_status; cdecl;
  external 'callbackservice';
function cbsvc_close(service: Pcbsvc_service; timeout_ms: cint32): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_schedule(service: Pcbsvc_service; data: PAnsiChar; outcome: PPAnsiChar): cbsvc_status; cdecl;
  external 'callbackservice';
function cbsvc_availability(service: Pcbsvc_service; query: PAnsiChar; outcome: PPAnsiChar): cbsvc_status; cdecl;
  external 'callbackservice';
function cbsvc_command(service: Pcbsvc_service; name, data: PAnsiChar; outcome: PPAnsiChar): cbsvc_status; cdecl;
  external 'callbackservice';
function cbsvc_start(service: Pcbsvc_service; name, data: PAnsiChar; done: cbsvc_handler; user_data: Pointer;
  release: cbsvc_release; call: pcuint64): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_cancel(service: Pcbsvc_service; call: cuint64): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_dispatch(service: Pcbsvc_service; timeout_ms: cint32): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_next_event(service: Pcbsvc_service; timeout_ms: cint32; call: pcuint64;
  event, data: PPAnsiChar): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_waitable(service: Pcbsvc_service; waitable: pcintptr): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_subscribe(service: Pcbsvc_service; event: PAnsiChar; handler: cbsvc_handler; user_data: Pointer;
  release: cbsvc_release; subscription: pcuint64): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_unsubscribe(service: Pcbsvc_service; subscription: cuint64): cbsvc_status; cdecl;
  external 'callbackservice';
function cbsvc_json_get(json, pointer: PAnsiChar; value: PPAnsiChar): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_json_read(json, pointer, buffer: PAnsiChar; size: cint32; needed: pcint32): cbsvc_status; cdecl;
  external 'callbackservice';
function cbsvc_json_count(json, pointer: PAnsiChar; count: pcuint32): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_json_set(json, pointer, value: PAnsiChar; result: PPAnsiChar): cbsvc_status; cdecl;
  external 'callbackservice';
function cbsvc_diagnostics(json: PPAnsiChar): cbsvc_status; cdecl; external 'callbackservice';
function cbsvc_set_log(level: cint32; handler: cbsvc_handler; user_data: Pointer): cbsvc_status; cdecl;
  external 'callbackservice';
function cbsvc_status_name(status: cbsvc_status): PAnsiChar; cdecl; external 'callbackservice';
procedure cbsvc_string_free(text: PAnsiChar); cdecl; external 'callbackservice';
function cbsvc_version: cuint32; cdecl; external 'callbackservice';
function cbsvc_version_text: PAnsiChar; cdecl; external 'callbackservice';

{ Copies a text that the library returned in an out parameter, and frees it; the empty string for nil. }
function cbsvc_take(text: PAnsiChar): string;

implementation

function cbsvc_take(text: PAnsiChar): string;
begin
  Result := text;
  cbsvc_string_free(text);
end;

end.
