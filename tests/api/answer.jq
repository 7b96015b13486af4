# Answers of the service, judged by the rules that hold for all of them. Named arguments h0, b0, h1, b1 …:
# headers and bodies; positional ones: file, status, method and URL of each. Gives for each the answer as it is
# kept, an object, and what is wrong with it, strings.

def time: type == "string" and test("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$");
def text: type == "string";
def integer: type == "number" and . == floor;
def only($names): keys - $names == [];

def good_session:
  type == "object"
  and only(["session_id", "user_id", "title", "created_at", "updated_at", "message_count", "archived",
            "pinned", "tags", "last_message", "metadata"])
  and (.session_id | text) and (.user_id | text) and (.title | text)
  and (.created_at | time) and (.updated_at | time)
  and (.message_count | integer and . >= 0)
  and (.archived | type == "boolean") and (.pinned | type == "boolean")
  and (.tags | type == "array" and all(text)) and has("last_message")
  and (.last_message
       | . == null or (keys == ["preview", "role", "timestamp"] and (.role | text)
                       and (.preview | text and length <= 200)
                       and (.timestamp | integer and . > 0)))
  and (if has("metadata") then .metadata | type == "object" else true end);

def good_content($metadata):
  if type == "array" then length > 0 and all(type == "object" and (.type | text))
  else text or (. == null and $metadata != null) end;

def good_message:
  type == "object"
  and only(["message_id", "session_id", "timestamp", "role", "content", "created_at", "updated_at",
            "metadata"])
  and (.message_id | text) and (.session_id | text) and (.timestamp | integer and . > 0)
  and (.role | text) and (.metadata as $m | .content | good_content($m)) and (.created_at | time)
  and (if has("updated_at") then .updated_at | time else true end)
  and has("metadata") and (.metadata | type == "object" or . == null);

def complain($good; $text): if $good then empty else $text end;

def of_success($media; $answer):
  complain($media | test("^application/json(; *charset=utf-8)?$"; "i"); "Content-Type is \($media)"),
  if ($answer | type) != "object" then "the body is no JSON object"
  else $answer |
    complain(.status == "success"; "status is not success"),
    complain(.timestamp | time; "timestamp is \(.timestamp)"),
    complain(if has("session") then .session | good_session else true end; "bad session"),
    complain(all(.sessions[]?; good_session); "bad session in sessions"),
    complain(if (.message | type) == "object" then .message | good_message else true end;
             "bad message"),
    complain(all(.messages[]?; good_message); "bad message in messages")
  end;

# An export: a line each, the last of which is "end".
def good_line:
  if type != "object" then false
  elif .type == "session" then del(.type) | good_session
  elif .type == "message" then del(.type) | good_message
  else .type == "end" and only(["type", "sessions", "messages"])
    and (.sessions | integer) and (.messages | integer) end;

def of_export($body):
  ($body | split("\n")) as $lines
  | ($lines[:-1] | map(try fromjson catch null)) as $values
  | complain($lines[-1] == ""; "the last line is not ended"),
    complain(all($values[]; good_line); "bad line \(first($values[] | select(good_line | not)))"),
    complain(($values | map(select(.type == "end")) | length) <= 1; "two ends");

def of_problem($wanted; $media; $id; $answer):
  complain($media | test("^application/problem\\+json(; *charset=utf-8)?$"; "i");
           "Content-Type is \($media)"),
  if ($answer | type) != "object" then "the body is no JSON object"
  else $answer |
    complain(keys == ["code", "detail", "request_id", "status", "title", "type"];
             "members are \(keys)"),
    complain(.type == "about:blank"; "type is \(.type)"),
    complain(.status == $wanted; "status is \(.status)"),
    complain(.title | text and length > 0; "no title"),
    complain(.code | text and test("^[a-z][a-z_]*$"); "code is \(.code)"),
    complain(.detail | text and length > 0 and (test("[\\x00-\\x1f]") | not); "no good detail"),
    complain(.request_id == $id; "request_id is \(.request_id), X-Request-Id is \($id)")
  end;

def headers_of($text):
  $text | split("\r\n") | .[1:]
  | map(select(contains(":")) | capture("^(?<name>[^:]*):[ \t]*(?<value>.*)$"; "s"))
  | reduce .[] as $h ({}; .[$h.name | ascii_downcase] |=
      if . == null then $h.value else . + ", " + $h.value end);

def complaints($status; $method; $h; $body):
  ($body | try fromjson catch null) as $json
  | complain(($h["x-request-id"] // "") | length >= 1 and length <= 128; "no X-Request-Id"),
    complain($status != 500 and $status != 502; "a server's error"),
    if $status == 405 then complain($h.allow; "405 without Allow") else empty end,
    if $status == 401 then complain($h["www-authenticate"]; "401 without WWW-Authenticate")
    else empty end,
    if $status == 429 or $status == 503 then complain($h["retry-after"]; "no Retry-After")
    else empty end,
    if $method == "HEAD" or $status == 204 or $status == 304 then
      complain($body == ""; "a body where there is none")
    elif ($h["content-type"] // "") == "application/x-ndjson" then of_export($body)
    elif $status < 300 then of_success($h["content-type"] // ""; $json)
    elif $status >= 400 then
      of_problem($status; $h["content-type"] // ""; $h["x-request-id"]; $json)
    else "status \($status)" end;

$ARGS.positional as $answers
| range($answers | length / 4) as $i
| ($answers[4 * $i + 1] | tonumber) as $status
| $answers[4 * $i + 2] as $method
| $answers[4 * $i + 3] as $path
| headers_of($ARGS.named["h\($i)"]) as $headers
| $ARGS.named["b\($i)"] as $body
| {$method, $path, $status, $headers, $body},
  (complaints($status; $method; $headers; $body) | "\($method) \($path[0:300]): \(.)")
