-- Sends the requests of the file BENCH_REQUESTS in turn, from the one BENCH_FIRST on; prints one JSON line.
-- With BENCH_ONCE it ends when as many were answered as there are, whatever its duration.
local requests = {}
for text in io.open(os.getenv("BENCH_REQUESTS"), "rb"):read("*a"):gmatch("[^%z]+") do
  requests[#requests + 1] = text
end
local next_one = tonumber(os.getenv("BENCH_FIRST")) % #requests
local once = os.getenv("BENCH_ONCE") == "1"

function request()
  next_one = next_one + 1
  if next_one > #requests then
    next_one = 1
  end
  return requests[next_one]
end

if once then
  local answered, refused = 0, 0
  function response(status)
    answered = answered + 1
    if status > 399 then
      refused = refused + 1
    end
    if answered == #requests then
      io.write(string.format('\n{"requests": %d, "refused": %d}\n', answered, refused))
      os.exit(0)
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "bytes": %d, "p50": %f, "p99": %f, "refused": %d, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
