-- A service of libcallbackservice in poll mode, for LuaJIT: the library calls no Lua function, so that no compiled code
-- ends with "bad callback", and no error() leaves a handler.

local ffi = require "ffi"

-- From callbackservice.ffi.h.
ffi.cdef [[
typedef struct cbsvc_service cbsvc_service;
typedef int32_t cbsvc_status;
typedef void (*cbsvc_handler)(const char *event, const char *data, void *user_data);
typedef void (*cbsvc_release)(void *user_data);
cbsvc_status cbsvc_init(const char *config, cbsvc_handler on_event, void *user_data, cbsvc_service **service,
                        char **error);
cbsvc_status cbsvc_close(cbsvc_service *service, int32_t timeout_ms);
cbsvc_status cbsvc_start(cbsvc_service *service, const char *name, const char *data, cbsvc_handler done,
                         void *user_data, cbsvc_release release, uint64_t *call);
cbsvc_status cbsvc_next_event(cbsvc_service *service, int32_t timeout_ms, uint64_t *call, char **event, char **data);
cbsvc_status cbsvc_json_get(const char *json, const char *pointer, char **value);
cbsvc_status cbsvc_json_count(const char *json, const char *pointer, uint32_t *count);
cbsvc_status cbsvc_json_set(const char *json, const char *pointer, const char *value, char **result);
const char *cbsvc_status_name(cbsvc_status status);
void cbsvc_string_free(char *text);
]]
local library = ffi.load "libcallbackservice.so.1"

local function name(status)
  return ffi.string(library.cbsvc_status_name(status))
end

-- Copies a text of the library, which is in out[0], and frees it; nil for NULL.
local function text(out)
  if out[0] == nil then return nil end
  local copy = ffi.string(out[0])
  library.cbsvc_string_free(out[0])
  out[0] = nil
  return copy
end

local json = {}

-- The value at a JSON pointer, as a string; nil if there is none.
function json.get(source, pointer)
  local value = ffi.new "char *[1]"
  local status = name(library.cbsvc_json_get(source, pointer, value))
  if status ~= "OK" and status ~= "NO_SUCH" then error(pointer .. ": " .. status, 0) end
  return text(value)
end

-- The number of elements of an array; 0 if there is none.
function json.count(source, pointer)
  local count = ffi.new "uint32_t[1]"
  local status = name(library.cbsvc_json_count(source, pointer, count))
  if status ~= "OK" and status ~= "NO_SUCH" then error(pointer .. ": " .. status, 0) end
  return count[0]
end

-- A text with a string put at a pointer; a source that is nil is a new object.
function json.set(source, pointer, value)
  -- C would take the text up to the NUL.
  if value:find("\0", 1, true) then error(pointer .. ": holds a NUL", 0) end
  local result = ffi.new "char *[1]"
  local status = library.cbsvc_json_set(source, pointer, value, result)
  if status ~= 0 then error(pointer .. ": " .. name(status), 0) end
  return text(result)
end

local Service = {}
Service.__index = Service

-- Opens a service with a configuration, which is JSON.
local function open(config)
  local service, message = ffi.new "cbsvc_service *[1]", ffi.new "char *[1]"
  local status = library.cbsvc_init(json.set(config, "/handlers", "poll"), nil, nil, service, message)
  if status ~= 0 then error(text(message) or name(status), 0) end
  return setmetatable({handle = service[0], done = ffi.new "uint64_t[1]", data = ffi.new "char *[1]"}, Service)
end

-- Runs a command, such as "schedule", and returns its outcome, which is JSON with /error/message if it was rejected.
function Service:call(command, options)
  local data
  for key, value in pairs(options) do data = json.set(data, "/" .. key, value) end
  local call = ffi.new "uint64_t[1]"
  local status = library.cbsvc_start(self.handle, "CallbackService." .. command, data, nil, nil, nil, call)
  if status ~= 0 then error(command .. ": " .. name(status), 0) end
  repeat
    local done, outcome = self:next_event(1000)
    -- Both are 64-bit integers of C. As the key of a table, use tonumber(done): ids are below 2^53.
    if done == call[0] then return outcome end
  until false
end

-- The id of the call that is complete, and its outcome; 0 for another event, or if there is none in time.
function Service:next_event(milliseconds)
  -- The error() of Ctrl-C comes after the wait: what was taken stays in the object, where close finds it.
  local status = name(library.cbsvc_next_event(self.handle, milliseconds, self.done, nil, self.data))
  if status ~= "OK" and status ~= "TIMEOUT" then error("waiting: " .. status, 0) end
  return self.done[0], text(self.data)
end

-- Closes the service. Returns the outcomes of commands that an error(), such as that of Ctrl-C, has left behind: none
-- must be lost.
function Service:close()
  local left = {self.done[0] ~= 0 and text(self.data) or nil}
  local status = name(library.cbsvc_close(self.handle, 1000))
  while status == "BUSY" do
    local call, outcome = self:next_event(-1)
    if call ~= 0 then left[#left + 1] = outcome end
    status = name(library.cbsvc_close(self.handle, 1000))
  end
  if status ~= "OK" then error("closing: " .. status, 0) end
  return left
end

return {open = open, json = json}
