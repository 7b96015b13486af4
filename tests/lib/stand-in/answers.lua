-- What the stand-in for DynamoDB answers: the same bytes for the same call, made once and kept.
-- Follows the API reference of DynamoDB (2012-08-10). Nothing is stored and no condition is looked at:
-- every write succeeds, every session and message that is asked for is there.
--
--   1. which operation and which table   2. the keys that were asked for   3. the answer, from memory

local ffi = require "ffi"

-- zlib, which nginx itself is linked with.
ffi.cdef "unsigned long crc32(unsigned long crc, const char *bytes, unsigned int length);"

local ngx = ngx
local read_body, get_body, sleep = ngx.req.read_body, ngx.req.get_body_data, ngx.sleep
local print, find, match, concat = ngx.print, string.find, string.match, table.concat
local header = ngx.header

local M = {}

-- ---- the tables ------------------------------------------------------------------------------

local SESSIONS, MESSAGES = "ai4ai-chat-sessions", "ai4ai-chat-messages"

local KEYS = {
    [SESSIONS] = {{"user_id", "S", "HASH"}, {"session_id", "S", "RANGE"}},
    [MESSAGES] = {{"session_id", "S", "HASH"}, {"timestamp", "N", "RANGE"}},
}

local MESSAGE_COUNT, SESSION_COUNT, CONTENT_BYTES = 20, 50, 216

-- The owner of every session, because the path of a message names no user.
local OWNER = "alice"

-- 2025-01-04T14:00:00Z: in the past on every machine, so that nothing here is newer than now.
local EPOCH_MS = 1735999200000

local function time_after(seconds)
    return os.date("!%Y-%m-%dT%H:%M:%S", EPOCH_MS / 1000 + seconds) .. ".000000Z"
end

local function uuid(kind, number)
    return ("0194319a-%04x-7%03x-9c1e-%012x"):format(number, kind, number)
end

-- ---- items -----------------------------------------------------------------------------------
-- As DynamoDB sends them: attributes in no order that a reader may rely on.

local METADATA = [[{\"model\":\"large-2\",\"temperature\":0.7,\"tokens\":143}]]

local function session_item(user_id, session_id, number)
    return concat {
        '{"message_count":{"N":"42"},"created_at":{"S":"', time_after(number),
        '"},"last_timestamp":{"N":"', ("%d"):format(EPOCH_MS + 60000 + number * 1000),
        '"},"user_id":{"S":"', user_id,
        '"},"session_id":{"S":"', session_id,
        '"},"version":{"N":"7"},"metadata":{"S":"', METADATA,
        -- The order of activity is another one than that of creation: 37 and 50 have no common divisor.
        '"},"updated_at":{"S":"', time_after(3600 + number * 37 % SESSION_COUNT * 60),
        '"},"title":{"S":"', ("Planning the trip to the mountains, part %02d"):format(number),
        '"}}',
    }
end

local PROSE = "The path along the lake is open from May on; take the early bus, since the late one does "
    .. "not stop at the bridge. Bring good shoes and enough water, and tell the hut a day before how many "
    .. "of you come, so that there is soup for all."

local function message_item(session_id, number)
    local seconds = 60 + number
    local content = ("%02d. "):format(number) .. PROSE
    return concat {
        '{"role":{"S":"', number % 2 == 1 and "user" or "assistant",
        '"},"timestamp":{"N":"', ("%d"):format(EPOCH_MS + seconds * 1000),
        '"},"created_at":{"S":"', time_after(seconds),
        '"},"session_id":{"S":"', session_id,
        '"},"metadata":{"S":"', METADATA,
        '"},"content":{"S":"', content:sub(1, CONTENT_BYTES),
        '"},"message_id":{"S":"', uuid(1, number),
        '"}}',
    }
end

local function owner_item(session_id)
    return concat {
        '{"user_id":{"S":"', OWNER, '"},"timestamp":{"N":"0"},"session_id":{"S":"', session_id, '"}}',
    }
end

-- ---- answers ---------------------------------------------------------------------------------

local function new_answer(text)
    return {
        text = text,
        length = #text,
        crc32 = ("%d"):format(tonumber(ffi.C.crc32(0, text, #text))),
    }
end

-- Answers that were made already, by what was asked. Emptied when full: a load with more keys than
-- that pays for making them.
local function new_memory(size)
    local kept, count = {}, 0
    return function(key, make, ...)
        local answer = kept[key]
        if not answer then
            if count == size then
                kept, count = {}, 0
            end
            answer = new_answer(make(...))
            kept[key], count = answer, count + 1
        end
        return answer
    end
end

local remember_item, remember_page, remember_other = new_memory(20000), new_memory(1000), new_memory(100)

local function capacity(units, table_name)
    return ('{"CapacityUnits":%.1f,"TableName":"%s"}'):format(units, table_name)
end

local function item_answer(table_name, item)
    return concat {'{"ConsumedCapacity":', capacity(1, table_name), ',"Item":', item, "}"}
end

local function page_answer(table_name, units, items)
    return concat {
        '{"ConsumedCapacity":', capacity(units, table_name), ',"Count":', #items,
        ',"Items":[', concat(items, ","), '],"ScannedCount":', #items, "}",
    }
end

local function get_session(user_id, session_id)
    return item_answer(SESSIONS, session_item(user_id, session_id, 1))
end

local function get_message(session_id, timestamp)
    return item_answer(MESSAGES, timestamp == "0" and owner_item(session_id) or message_item(session_id, 1))
end

local function reverse(items)
    local count = #items
    for i = 1, math.floor(count / 2) do
        items[i], items[count + 1 - i] = items[count + 1 - i], items[i]
    end
end

local function query_messages(session_id, with_owner, backward, limit)
    local items = {}
    if with_owner then
        items[1] = owner_item(session_id)
    end
    for number = 1, MESSAGE_COUNT do
        items[#items + 1] = message_item(session_id, number)
    end
    if backward then
        reverse(items)
    end
    for i = #items, limit + 1, -1 do
        items[i] = nil
    end
    return page_answer(MESSAGES, 2, items)
end

local function query_sessions(user_id, backward, limit)
    local items = {}
    for number = 1, SESSION_COUNT do
        items[number] = session_item(user_id, uuid(2, number), number)
    end
    if backward then
        reverse(items)
    end
    for i = #items, limit + 1, -1 do
        items[i] = nil
    end
    return page_answer(SESSIONS, 3, items)
end

local function describe(table_name)
    local attributes, schema = {}, {}
    for i, key in ipairs(KEYS[table_name]) do
        attributes[i] = ('{"AttributeName":"%s","AttributeType":"%s"}'):format(key[1], key[2])
        schema[i] = ('{"AttributeName":"%s","KeyType":"%s"}'):format(key[1], key[3])
    end
    return concat {
        '{"AttributeDefinitions":[', concat(attributes, ","),
        '],"BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"},"CreationDateTime":1735999200.0,"ItemCount":0',
        ',"KeySchema":[', concat(schema, ","),
        '],"TableArn":"arn:aws:dynamodb:us-east-1:000000000000:table/', table_name,
        '","TableName":"', table_name, '","TableSizeBytes":0,"TableStatus":"ACTIVE"}',
    }
end

local function written(table_name)
    return '{"ConsumedCapacity":' .. capacity(1, table_name) .. "}"
end

-- Units of a transaction count twice.
local function transaction(messages, sessions)
    local list = {}
    if messages then
        list[#list + 1] = capacity(2, MESSAGES)
    end
    if sessions then
        list[#list + 1] = capacity(2, SESSIONS)
    end
    return '{"ConsumedCapacity":[' .. concat(list, ",") .. "]}"
end

-- ---- operations ------------------------------------------------------------------------------
-- Each takes the body of the call and its table, and returns an answer, or nil and what is wrong.
-- Blanks around ':' are as the callers like it. A value with an escape in it is not understood.

local function string_of(body, attribute)
    return match(body, '"' .. attribute .. '"%s*:%s*{%s*"S"%s*:%s*"([^"\\]+)"')
end

local function first_string(body)
    return match(body, '{%s*"S"%s*:%s*"([^"\\]+)"')
end

local function is_backward(body)
    return find(body, '"ScanIndexForward"%s*:%s*false') ~= nil
end

local function limit_of(body, default)
    return tonumber(match(body, '"Limit"%s*:%s*(%d+)')) or default
end

local function item_of(body, table_name)
    local session_id = string_of(body, "session_id")
    if table_name == MESSAGES then
        local timestamp = match(body, '"timestamp"%s*:%s*{%s*"N"%s*:%s*"(-?%d+)"')
        if not session_id or not timestamp then
            return nil
        end
        local key = timestamp == "0" and "owner " or "message "
        return key .. session_id, get_message, session_id, timestamp
    end
    local user_id = string_of(body, "user_id")
    if not session_id or not user_id then
        return nil
    end
    return user_id .. " " .. session_id, get_session, user_id, session_id
end

local operations = {}

function operations.GetItem(body, table_name)
    local key, make, partition, sort = item_of(body, table_name)
    if not key then
        return nil, "The stand-in finds no key in this call"
    end
    return remember_item(key, make, partition, sort)
end

function operations.Query(body, table_name)
    local partition = first_string(body)
    if not partition then
        return nil, "The stand-in finds no partition key in this call"
    end
    local backward = is_backward(body)
    local direction = backward and " backward " or " forward "
    if table_name == SESSIONS then
        local limit = limit_of(body, SESSION_COUNT)
        return remember_page(partition .. direction .. limit, query_sessions, partition, backward, limit)
    end
    -- The owner item is in a range that begins with 0, and includes it.
    local with_owner = find(body, '{%s*"N"%s*:%s*"0"') and (find(body, "BETWEEN", 1, true) or find(body, ">=", 1, true))
    local limit = limit_of(body, MESSAGE_COUNT + 1)
    local range = with_owner and "owner" or "messages"
    return remember_page(range .. direction .. limit .. " " .. partition, query_messages, partition,
        with_owner, backward, limit)
end

function operations.Scan(_, table_name)
    return remember_other("Scan " .. table_name, page_answer, table_name, 1, {})
end

function operations.DescribeTable(_, table_name)
    return remember_other("DescribeTable " .. table_name, function()
        return '{"Table":' .. describe(table_name) .. "}"
    end)
end

function operations.CreateTable(_, table_name)
    return remember_other("CreateTable " .. table_name, function()
        return '{"TableDescription":' .. describe(table_name) .. "}"
    end)
end

function operations.PutItem(_, table_name)
    return remember_other(table_name, written, table_name)
end

operations.DeleteItem = operations.PutItem

-- With ReturnValues the whole item comes, whatever part of it was asked for.
function operations.UpdateItem(body, table_name)
    if not find(body, '_NEW"', 1, true) then
        return operations.PutItem(body, table_name)
    end
    local key, make, partition, sort = item_of(body, table_name)
    if not key then
        return nil, "The stand-in finds no key in this call"
    end
    return remember_item("updated " .. key, function()
        return (make(partition, sort):gsub('"Item":', '"Attributes":', 1))
    end)
end

function operations.TransactWriteItems(body)
    local messages, sessions = find(body, MESSAGES, 1, true), find(body, SESSIONS, 1, true)
    local both = messages and sessions
    return remember_other(both and "both" or messages and "messages" or "sessions", transaction, messages, sessions)
end

function operations.BatchWriteItem(body)
    local messages = find(body, MESSAGES, 1, true)
    return remember_other(messages and "batch messages" or "batch sessions", function()
        return '{"ConsumedCapacity":[' .. capacity(1, messages and MESSAGES or SESSIONS) .. '],"UnprocessedItems":{}}'
    end)
end

-- Those whose bodies name tables in other places than "TableName".
local NAMES_NO_TABLE = {TransactWriteItems = true, BatchWriteItem = true}

-- ---- one call --------------------------------------------------------------------------------

local function send(answer)
    header["Content-Length"] = answer.length
    header["x-amz-crc32"] = answer.crc32
    print(answer.text)
end

local function refuse(kind, message)
    ngx.status = 400
    send(new_answer(('{"__type":"%s","message":"%s"}'):format(kind, message)))
end

local PREFIX = "DynamoDB_20120810."

-- delay: how long each answer is held back, in seconds.
function M.answer(delay)
    local target = ngx.var.http_x_amz_target
    local name = target and target:sub(1, #PREFIX) == PREFIX and target:sub(#PREFIX + 1)
    local operation = operations[name]
    read_body()
    if delay > 0 then
        sleep(delay)
    end
    if not operation then
        return refuse("com.amazon.coral.service#UnknownOperationException", "The stand-in does not know this operation")
    end
    local body = get_body() or ""
    local table_name = match(body, '"TableName"%s*:%s*"([^"]*)"')
    if not NAMES_NO_TABLE[name] and not KEYS[table_name] then
        return refuse("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "Requested resource not found")
    end
    local answer, wrong = operation(body, table_name)
    if not answer then
        return refuse("com.amazon.coral.validate#ValidationException", wrong)
    end
    send(answer)
end

return M
