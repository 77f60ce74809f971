-- Sends GET requests, each with another key from a file. The arguments after `--` are the file and the length of a key in
-- bytes. The file has one key per line. The order is scattered, and uses each key once before it repeats.

local data, width, count, head, tail
local at, step = 0, 1
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local function gcd(a, b)
  while b ~= 0 do a, b = b, a % b end
  return a
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  data = file:read("*a")
  file:close()
  width = tonumber(args[2])
  count = math.floor(#data / (width + 1))
  -- About the golden ratio of the count, and coprime to it, so that the steps visit all keys before one repeats.
  step = math.max(1, math.floor(count * 0.618))
  while gcd(step, count) ~= 1 do step = step + 1 end
  math.randomseed(os.time() + number)
  at = math.random(0, count - 1)
  head = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\nX-API-Key: "
  tail = "\r\n\r\n"
end

function request()
  at = (at + step) % count
  local start = at * (width + 1) + 1
  return head .. data:sub(start, start + width - 1) .. tail
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'result={"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"failed":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
