-- The loads, for wrk: wrk … -s load.lua URL -- LOAD [count] The requests are made before the clock
-- runs. With "count" the status of each answer is looked at, which takes wrk so much time that it
-- is done while a service warms up; otherwise wrk itself counts what is 400 or more. The result is
-- a line of JSON.

local SESSIONS, PAGES = 2000, 500
local CONTENT = ("What a user writes to an assistant is about as long as this. "):rep(4):sub(1, 216)

local function session_id(number)
    return ("0194319a-%04x-7001-9c1e-%012x"):format(number, number)
end

local JSON = {["Content-Type"] = "application/json"}

local function message()
    return ('{"user_id":"alice","role":"user","content":"%s"}'):format(CONTENT)
end

local function get(number)
    return wrk.format("GET", "/api/v1/sessions/alice/" .. session_id(number))
end

local function list(number)
    return wrk.format("GET", "/api/v1/sessions/" .. session_id(number) .. "/messages?limit=20")
end

local function append(number)
    return wrk.format("POST", "/api/v1/sessions/" .. session_id(number) .. "/messages", JSON, message())
end

local function create(number)
    return wrk.format("POST", "/api/v1/sessions", JSON, ('{"user_id":"user-%d","title":"A title"}'):format(number))
end

-- How a request is made, of how many kinds there are, and the status that it must have.
local loads = {
    get = {make = get, kinds = SESSIONS, status = 200},
    list = {make = list, kinds = PAGES, status = 200},
    append = {make = append, kinds = SESSIONS, status = 201},
    hot = {make = append, kinds = 1, status = 201},
    create = {make = create, kinds = SESSIONS, status = 201},
}

local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
end

local requests, next_request = {}, 0

function init(arguments)
    local load = loads[arguments[1]]
    for number = 1, load.kinds do
        requests[number] = load.make(number)
    end
    if arguments[2] == "count" then
        unexpected = 0
        function response(status)
            if status ~= load.status then
                unexpected = unexpected + 1
            end
        end
    end
end

function request()
    next_request = next_request % #requests + 1
    return requests[next_request]
end

function done(summary, latency)
    local errors, unexpected = summary.errors, 0
    for _, thread in ipairs(threads) do
        unexpected = unexpected + (thread:get("unexpected") or errors.status)
    end
    local sockets = errors.connect + errors.read + errors.write + errors.timeout
    io.write(('RESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"status_errors":%d,"socket_errors":%d}\n'):format(
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), unexpected, sockets))
end
