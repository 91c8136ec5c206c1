{ Shows the next open slots, and books one for a caller.

      book CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]

  CONFIG_FILE holds a JSON object with at least dataURL. Without DESIRED_TIME, the first slot is booked.
  The exit status is 0 if the callback is booked, 1 if it is not, and 2 if that is not known.

  Compile with fpc book.pas; -FlDIRECTORY names the directory of libcallbackservice.so unless the linker knows it. }
program book;

{$mode objfpc}{$H+}

uses
  BaseUnix, Classes, Math, SysUtils, callbackservice;

var
  { What to say of the booking if this program fails. }
  Failure: Integer = 1;
  Interrupted: Boolean = False;

{ Ctrl-C ends the command, not the program: the outcome says what became of the booking. }
procedure Interrupt(Signal: LongInt); cdecl;
begin
  Interrupted := True;
end;

procedure Check(Status: cbsvc_status; const What: string);
begin
  if Status <> CBSVC_OK then
    raise Exception.CreateFmt('%s: %s', [What, cbsvc_status_name(Status)]);
end;

{ The value at a JSON Pointer, or the empty string if there is none. }
function Value(const Json, Pointer: string): string;
var
  Text: PAnsiChar;
  Status: cbsvc_status;
begin
  Status := cbsvc_json_get(PAnsiChar(Json), PAnsiChar(Pointer), @Text);
  if Status <> CBSVC_NO_SUCH then
    Check(Status, Pointer);
  Result := cbsvc_take(Text);
end;

{ The JSON text with a string at a JSON Pointer. A NUL would cut the string. }
function WithValue(const Json, Pointer, Text: string): string;
var
  Changed: PAnsiChar;
begin
  if System.Pos(#0, Json + Text) > 0 then
    raise Exception.CreateFmt('%s: holds a NUL', [Pointer]);
  Check(cbsvc_json_set(PAnsiChar(Json), PAnsiChar(Pointer), PAnsiChar(Text), @Changed), Pointer);
  Result := cbsvc_take(Changed);
end;

function OpenService(const Path: string): Pcbsvc_service;
var
  Config: TStringList;
  Message: PAnsiChar;
begin
  Config := TStringList.Create;
  try
    Config.LoadFromFile(Path);
    if cbsvc_init(PAnsiChar(WithValue(Config.Text, '/handlers', 'poll')), nil, nil, @Result, @Message) <> CBSVC_OK then
      raise Exception.Create(cbsvc_take(Message));
  finally
    Config.Free;
  end;
end;

procedure CloseService(Service: Pcbsvc_service);
var
  Status: cbsvc_status;
begin
  Status := cbsvc_close(Service, 1000);
  if Status <> CBSVC_OK then
    WriteLn(StdErr, 'closing: ', cbsvc_status_name(Status));
end;

{ Runs a command and returns its outcome. The call ends by itself within ajaxTimeout. }
function Run(Service: Pcbsvc_service; const Command, Options: string): string;
var
  Call, Done: QWord;
  Event, Outcome: PAnsiChar;
  Status: cbsvc_status;
begin
  Check(cbsvc_start(Service, PAnsiChar('CallbackService.' + Command), PAnsiChar(Options), nil, nil, nil, @Call),
    Command);
  repeat
    { A signal does not end the wait. }
    Status := cbsvc_next_event(Service, 200, @Done, @Event, @Outcome);
    if Status <> CBSVC_TIMEOUT then
      Check(Status, Command);
    cbsvc_string_free(Event);
    Result := cbsvc_take(Outcome);
    if Interrupted then
      cbsvc_cancel(Service, Call);
  until Done = Call;
end;

procedure ShowSlots(const Heading, Outcome: string);
var
  I: Integer = 0;
begin
  WriteLn(Heading);
  while (I < 3) and (Value(Outcome, Format('/slots/%d', [I])) <> '') do
  begin
    WriteLn('  ', Value(Outcome, Format('/slots/%d/utcTime', [I])), '  ',
      Value(Outcome, Format('/slots/%d/capacity', [I])), ' free');
    Inc(I);
  end;
end;

{ The time of the first slot. }
function FirstSlot(Service: Pcbsvc_service): string;
var
  Outcome: string;
begin
  Outcome := Run(Service, 'availability', '{"numberOfDays":1,"maxTimeSlots":3}');
  if Value(Outcome, '/state') <> 'resolved' then
    raise Exception.Create('no slots: ' + Value(Outcome, '/error/message'));
  ShowSlots('open:', Outcome);
  Result := Value(Outcome, '/slots/0/utcTime');
end;

function BookCallback(Service: Pcbsvc_service; const Number, Name, Time: string): Integer;
var
  Options, Outcome: string;
begin
  Options := WithValue('{}', '/phonenumber', Number);
  Options := WithValue(Options, '/firstname', Name);
  Options := WithValue(Options, '/desiredtime', Time);
  Failure := 2;
  Outcome := Run(Service, 'schedule', Options);
  if Value(Outcome, '/state') = 'resolved' then
  begin
    WriteLn('booked ', Time, ' as ', Value(Outcome, '/id'));
    Exit(0);
  end;
  WriteLn(StdErr, 'not booked: ', Value(Outcome, '/error/message'));
  if Value(Outcome, '/slots') <> '' then
    ShowSlots('open instead:', Outcome);
  if Value(Outcome, '/error/booked') = 'unknown' then
    Exit(2);
  Result := 1;
end;

var
  Service: Pcbsvc_service;
  Time: string;
begin
  if (ParamCount < 3) or (ParamCount > 4) then
  begin
    WriteLn(StdErr, 'usage: book CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]');
    Halt(1);
  end;
  { C libraries, and the threads that they start, expect floating-point exceptions to be masked. }
  SetExceptionMask([exInvalidOp, exDenormalized, exZeroDivide, exOverflow, exUnderflow, exPrecision]);
  FpSignal(SIGINT, @Interrupt);
  try
    Service := OpenService(ParamStr(1));
    try
      Time := FirstSlot(Service);
      if ParamCount = 4 then
        Time := ParamStr(4);
      if Time = '' then
        raise Exception.Create('no slot is open');
      ExitCode := BookCallback(Service, ParamStr(2), ParamStr(3), Time);
    finally
      CloseService(Service);
    end;
  except
    on Error: Exception do
    begin
      WriteLn(StdErr, Error.Message);
      ExitCode := Failure;
    end;
  end;
end.
