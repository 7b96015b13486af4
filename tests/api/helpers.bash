# What the tests of the HTTP contract share: sending a request, judging every answer by the rules
# that hold for all of them, and looking into the tables. What a single endpoint does is told in
# the tests. Needs API, BASE and DYNAMODB in the environment; see scripts/test.
# shellcheck shell=bash

export LC_ALL=C.UTF-8
SESSIONS_TABLE=${DYNAMODB_CHAT_SESSIONS_TABLE:-ai4ai-chat-sessions}
MESSAGES_TABLE=${DYNAMODB_CHAT_MESSAGES_TABLE:-ai4ai-chat-messages}
export SESSIONS_TABLE MESSAGES_TABLE
API_TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# ---- failing with a reason --------------------------------------------------------------------

fail() {
    printf '%s\n' "$*" >&2
    tell_exchange
    return 1
}

# The last request and its answer: once, be it that fail has told it or a test ended at a bare expression.
tell_exchange() {
    if [[ -n ${http_status-} && ${told-} != "$header_file" ]]; then
        told=$header_file
        printf 'last request: %s\nlast answer: %s\n' "${last_request:0:1000}" "$http_status" >&2
        head -c 2000 "$body_file" >&2
        printf '\n' >&2
    fi
}

# is ACTUAL WANTED [WHAT]
is() {
    [[ $1 == "$2" ]] || fail "${3:-value}: wanted '$2', got '$1'"
}

# ---- sending ----------------------------------------------------------------------------------

# api METHOD PATH [CURL OPTION…]: sends it and sets http_status, header_file and body_file. A PATH
# that begins with "/" is one below /api/v1; anything else is a whole URL.
api() {
    local method=$1 url=$2 how=(-X "$1")
    shift 2
    [[ $url != /* ]] || url=$API$url
    [[ $method != HEAD ]] || how=(--head)
    open_answer "$method" "$url"
    http_status=$(curl -sS --noproxy '*' --globoff --path-as-is --max-time 60 -D "$header_file" \
        -o "$body_file" -w '%{http_code}' "${how[@]}" "$@" "$url") ||
        fail "curl failed on $method $url"
    # With --head curl writes the headers where the body would go.
    [[ $method != HEAD ]] || : >"$body_file"
    close_answer
}

# raw METHOD TARGET: as api, but with the target's bytes exactly as given, and without curl's headers.
raw() {
    local connection address=${BASE#http://} answer
    open_answer "$1" "$2"
    answer=$header_file.raw
    exec {connection}<>"/dev/tcp/${address%:*}/${address##*:}"
    # From a file and so in one piece: nginx closes at the first line that it does not like.
    printf '%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" "$2" "$address" >"$header_file.sent"
    cat "$header_file.sent" >&"$connection"
    cat <&"$connection" >"$answer"
    exec {connection}>&-
    LC_ALL=C sed $'/^\r$/q' "$answer" >"$header_file"
    LC_ALL=C sed $'1,/^\r$/d' "$answer" >"$body_file"
    read -r _ http_status _ <"$header_file" || fail "no answer to $1 $2"
    close_answer
}

# exchange METHOD TARGET: sends standard input as it is, ends its side of the connection, and takes the
# answer apart. http_status is empty if the connection was closed without one.
exchange() {
    open_answer "$1" "$2"
    node "$API_TESTS/raw.js" "$BASE" "$header_file" "$body_file"
    read -r _ http_status _ <"$header_file" || http_status=''
    [[ -z $http_status ]] || close_answer
}

open_answer() {
    request_method=$1 request_url=$2
    last_request="$1 $2"
    http_status=''
    [[ -d $BATS_TEST_TMPDIR/answers ]] || mkdir "$BATS_TEST_TMPDIR/answers"
    header_file=$BATS_TEST_TMPDIR/answers/$EPOCHREALTIME-$BASHPID
    body_file=$header_file.body
    : >"$header_file"
    : >"$body_file"
}

# Remembers the answer for judge; in a file, since this may be a subshell.
close_answer() {
    printf '%s\0' "$header_file" "$http_status" "$request_method" "$request_url" \
        >>"$BATS_TEST_TMPDIR/answers/list"
}

# post PATH JSON [CURL OPTION…], put, patch: with a body; the JSON may be @FILE.
post() { api POST "$1" --json "$2" "${@:3}"; }
put() { api PUT "$1" --json "$2" "${@:3}"; }
patch() { api PATCH "$1" --json "$2" "${@:3}"; }

# ---- judging ----------------------------------------------------------------------------------

# Every answer of a test keeps the rules of answer.jq; that is looked at once, when the test is
# through. A file with a teardown of its own calls judge there.
teardown() { judge; }

judge() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || tell_exchange
    local list=$BATS_TEST_TMPDIR/answers/list files=() answers i complaint
    [[ -e $list ]] || return 0
    mapfile -d '' -t answers <"$list"
    for ((i = 0; i < ${#answers[@]}; i += 4)); do
        files+=(--rawfile "h$((i / 4))" "${answers[i]}" --rawfile "b$((i / 4))" "${answers[i]}.body")
    done
    jq -n -c -f "$API_TESTS/answer.jq" "${files[@]}" --args "${answers[@]}" >"$list.judged"
    if [[ -n ${STATE-} && -d $STATE ]]; then
        { flock 8 && grep -v '^"' "$list.judged" >&8; } 8>>"$STATE/responses.jsonl"
    fi
    complaint=$(grep '^"' "$list.judged" | head -c 3000)
    [[ -n $complaint ]] || return 0
    printf 'breaks the common rules: %s\n' "$complaint" >&2
    return 1
}

# header NAME: the value of a header of the last answer; nothing if absent, a line each if repeated.
header() {
    local line
    while IFS= read -r line; do
        line=${line%$'\r'}
        if [[ ${line,,} == "${1,,}:"* ]]; then
            line=${line#*:}
            printf '%s\n' "${line#"${line%%[! ]*}"}"
        fi
    done <"$header_file"
}

# expect STATUS [CODE]: of the last answer.
expect() {
    [[ $http_status == "$1" ]] || fail "status: wanted $1, got $http_status"
    [[ -z ${2-} || $(<"$body_file") == *"\"code\":\"$2\","* ]] || fail "code: wanted $2"
}

# get FILTER: from the last body, as text.
get() { jq -r "$@" <"$body_file"; }

# check FILTER [JQ OPTION…]: it holds for the last body.
check() {
    local filter=$1
    shift
    jq -e "$@" "$filter" <"$body_file" >/dev/null || fail "does not hold: $filter $*"
}

# has_text TEXT: the last body contains exactly these bytes.
has_text() {
    [[ $(<"$body_file") == *"$1"* ]] || fail "the body does not contain: $1"
}

# ---- sessions and messages --------------------------------------------------------------------

unique() { printf '%s-%08x%08x' "${1:-user}" "$SRANDOM" "$SRANDOM"; }

# encode TEXT: for a path or a query. quote TEXT: as a JSON string. Both without a process for what
# needs no care.
encode() {
    if [[ $1 == *[!A-Za-z0-9._~-]* ]]; then
        jq -rn --arg text "$1" '$text | @uri'
    else
        printf '%s\n' "$1"
    fi
}
quote() {
    if [[ $1 == *[!A-Za-z0-9\ .,_-]* ]]; then
        jq -n --arg text "$1" '$text'
    else
        printf '"%s"\n' "$1"
    fi
}

# new_session [TITLE]: sets user (a fresh one unless set) and sid.
new_session() {
    user=${user:-$(unique)}
    post /sessions "{\"user_id\":$(quote "$user"),\"title\":$(quote "${1:-a title}")}"
    expect 201
    [[ $(<"$body_file") =~ \"session_id\":\"([^\"]+)\" ]] || fail 'no session_id'
    sid=${BASH_REMATCH[1]}
}

# say CONTENT [ROLE]: appends to the session sid.
say() {
    post "/sessions/$sid/messages" "{\"role\":\"${2:-user}\",\"content\":$(quote "$1")}"
    expect 201
}

# walk PATH MEMBER FILTER [PAUSE COMMAND…]: follows next_cursor to the end and prints FILTER of each
# element of MEMBER. The command runs between the pages.
walk() {
    local path=$1 member=$2 filter=$3 cursor='' joint='?' pages=0 page
    shift 3
    [[ $path != *\?* ]] || joint='&'
    while :; do
        api GET "$path${cursor:+${joint}cursor=$(encode "$cursor")}"
        expect 200
        # The cursor comes first; what it is not, fails.
        page=$(get "if .count == (.${member} | length) and .has_more == (.next_cursor != null)
            then (.next_cursor // \"\"), (.${member}[] | $filter) else error(\"bad page\") end") ||
            fail 'count or has_more is wrong'
        cursor=${page%%$'\n'*}
        [[ $page != *$'\n'* ]] || printf '%s\n' "${page#*$'\n'}"
        [[ -n $cursor ]] || return 0
        pages=$((pages + 1))
        ((pages < 1000)) || fail 'the cursor never comes to an end'
        [[ $# -eq 0 ]] || "$@" >&2
    done
}

# ---- the tables -------------------------------------------------------------------------------

# dynamo OPERATION JSON: straight to DynamoDB, past the service. Prints the answer.
dynamo() {
    printf '%s' "$2" | curl -sS --noproxy '*' --fail-with-body --max-time 60 \
        -H "X-Amz-Target: DynamoDB_20120810.$1" -H 'Content-Type: application/x-amz-json-1.0' \
        -H 'Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0' \
        --data-binary @- "$DYNAMODB/"
}

partition() {
    dynamo Query "{\"TableName\": \"$1\", \"ConsistentRead\": true, \"KeyConditionExpression\": \"$2 = :v\",
        \"ExpressionAttributeValues\": {\":v\": {\"S\": $(quote "$3")}}}"
}

# The items of one user's sessions, of one session's messages (helper items too).
stored_sessions() { partition "$SESSIONS_TABLE" user_id "$1" | jq -c '.Items[]'; }
stored_messages() { partition "$MESSAGES_TABLE" session_id "$1" | jq -c '.Items[]'; }

# How many there are; messages alone, without helper items, in stored_message_count.
stored_session_count() { partition "$SESSIONS_TABLE" user_id "$1" | jq .Count; }
stored_message_count() {
    partition "$MESSAGES_TABLE" session_id "$1" |
        jq '[.Items[] | select((.timestamp.N | tonumber) > 0)] | length'
}

# store_session JSON, store_message JSON: writes an item ({"name": "text" or number}).
store_item() {
    dynamo PutItem "$(jq -n -c --arg table "$1" --argjson item "$2" '{TableName: $table, Item:
        ($item | map_values(if type == "number" then {N: tostring} else {S: .} end))}')" >/dev/null
}
store_session() { store_item "$SESSIONS_TABLE" "$1"; }
store_message() { store_item "$MESSAGES_TABLE" "$1"; }

# set_session_attribute USER SESSION NAME {"S":…}: changes one attribute of a stored session.
set_session_attribute() {
    dynamo UpdateItem "$(jq -n -c --arg table "$SESSIONS_TABLE" --arg u "$1" --arg s "$2" \
        --arg name "$3" --argjson value "$4" '{TableName: $table,
         Key: {user_id: {S: $u}, session_id: {S: $s}}, UpdateExpression: "SET #n = :v",
         ExpressionAttributeNames: {"#n": $name}, ExpressionAttributeValues: {":v": $value}}')" \
        >/dev/null
}

# nothing_left USER SESSION: no item of the session is in either table.
nothing_left() {
    is "$(stored_messages "$2" | head -n 3)" '' 'items left in the messages table'
    is "$(stored_sessions "$1" | jq -c --arg s "$2" 'select(.session_id.S == $s)')" '' \
        'items left in the sessions table'
}

now_ms() { date +%s%3N; }
