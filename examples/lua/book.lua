-- Shows the next open slots, and books one for a caller.
--
--     luajit book.lua CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]
--
-- CONFIG_FILE holds a JSON object with at least dataURL. Without DESIRED_TIME, the first slot is booked.
-- The exit status is 0 if the callback is booked, 1 if it is not, and 2 if that is not known.

package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path
local callbackservice = require "callbackservice"
local json = callbackservice.json

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function show(heading, outcome)
  print(heading)
  for index = 0, math.min(json.count(outcome, "/slots"), 3) - 1 do
    local slot = "/slots/" .. index
    local time, capacity = json.get(outcome, slot .. "/utcTime"), json.get(outcome, slot .. "/capacity")
    print(("  %s  %s free"):format(time, capacity or "?"))
  end
end

local function book(service, number, name, time)
  local found = service:call("availability", {numberOfDays = "1", maxTimeSlots = "3"})
  local reason = json.get(found, "/error/message")
  if reason then
    io.stderr:write("no slots: ", reason, "\n")
    return 1
  end
  show("open:", found)
  time = time or json.get(found, "/slots/0/utcTime")
  if not time then
    io.stderr:write("no slot is open\n")
    return 1
  end
  local booking = service:call("schedule", {phonenumber = number, firstname = name, desiredtime = time})
  reason = json.get(booking, "/error/message")
  if not reason then
    print(("booked %s as %s"):format(time, json.get(booking, "/id")))
    return 0
  end
  io.stderr:write("not booked: ", reason, "\n")
  if json.count(booking, "/slots") > 0 then show("open instead:", booking) end
  return json.get(booking, "/error/booked") == "unknown" and 2 or 1
end

if #arg ~= 3 and #arg ~= 4 then
  io.stderr:write("usage: luajit book.lua CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]\n")
  os.exit(1)
end
local opened, service = pcall(function() return callbackservice.open(read_file(arg[1])) end)
if not opened then
  io.stderr:write(tostring(service), "\n")
  os.exit(1)
end
local ran, status = pcall(book, service, arg[2], arg[3], arg[4])
if not ran then
  io.stderr:write(tostring(status), "\n")
  status = 1
end
for _, left in ipairs(service:close()) do
  io.stderr:write("left behind: ", json.get(left, "/id") or json.get(left, "/error/message") or "done", "\n")
  status = 2
end
os.exit(status)
