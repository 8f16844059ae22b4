-- The request of one benchmark row, and a count of the answers that were not whole.
-- Arguments: the file with the body, the credential, the last line of a whole stream, the mark in
-- the body that each request replaces with a text of its own, and what that text begins with.

local threads = {}
local pieces = {}
local sent = 0

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  split(file:read("*a"), args[4])
  file:close()
  run = args[5]
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = args[2]
  ending = args[3]
  whole, refused, cut = 0, 0, 0
end

function split(body, mark)
  local start = 1
  repeat
    local from, to = body:find(mark, start, true)
    table.insert(pieces, body:sub(start, (from or 0) - 1))
    start = (to or 0) + 1
  until not from
end

function request()
  sent = sent + 1
  return wrk.format(nil, nil, nil, table.concat(pieces, run .. "-" .. sent))
end

function response(status, headers, body)
  if status ~= 200 then
    refused = refused + 1
  elseif body:find(ending, -#ending - 4, true) then
    whole = whole + 1
  else
    cut = cut + 1
  end
end

function done(summary, latency, requests)
  local sum = {whole = 0, refused = 0, cut = 0}
  for _, thread in ipairs(threads) do
    for name in pairs(sum) do
      sum[name] = sum[name] + thread:get(name)
    end
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"whole": %d, "refused": %d, "cut": %d, "socket_errors": %d, "microseconds": %d}\n',
    sum.whole, sum.refused, sum.cut,
    errors.connect + errors.read + errors.write + errors.timeout, summary.duration))
end
