#!/usr/bin/env bats
# bats file_tags=apart
# The stand-in for DynamoDB (tests/lib/stand-in): what measurements are made with has to be right itself.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP STAND_IN=$TOP/tests/lib/stand-in STAND_IN_STATE=$BATS_FILE_TMPDIR/stand-in
    URL=$("$STAND_IN/start" --state "$STAND_IN_STATE")
    export URL
}

teardown_file() { "$STAND_IN/stop" --state "$STAND_IN_STATE"; }

teardown() {
    [[ ! -e $BATS_TEST_TMPDIR/stand-in ]] || "$STAND_IN/stop" --state "$BATS_TEST_TMPDIR/stand-in"
}

# call OPERATION BODY [CURL OPTION…]: sets headers, body; fails unless the status is 200.
call() {
    local operation=$1 request=$2
    shift 2
    curl -sS --noproxy '*' --max-time 20 -D "$BATS_TEST_TMPDIR/headers" -o "$BATS_TEST_TMPDIR/body" --fail-with-body \
        -H "X-Amz-Target: DynamoDB_20120810.$operation" -H 'Content-Type: application/x-amz-json-1.0' \
        -d "$request" "$@" "$URL/" || { cat "$BATS_TEST_TMPDIR/body"; return 1; }
}

answer() { jq -ec "$@" "$BATS_TEST_TMPDIR/body"; }

header() { tr -d '\r' <"$BATS_TEST_TMPDIR/headers" | sed -nE "s/^$1: //Ip"; }

# Of every answer, also of an error.
checksum_is_right() {
    [[ $(header x-amz-crc32) == "$(perl -MCompress::Zlib -0777 -ne 'print crc32($_)' "$BATS_TEST_TMPDIR/body")" ]]
    [[ $(header content-length) == "$(stat -c %s "$BATS_TEST_TMPDIR/body")" ]]
    [[ $(header content-type) == application/x-amz-json-1.0 ]]
}

SESSIONS='"TableName":"ai4ai-chat-sessions"'
MESSAGES='"TableName":"ai4ai-chat-messages"'

@test 'the tables have the keys that the service wants' {
    call DescribeTable "{$SESSIONS}"
    checksum_is_right
    answer '.Table.TableStatus == "ACTIVE" and [.Table.KeySchema[] | .AttributeName, .KeyType] ==
        ["user_id", "HASH", "session_id", "RANGE"]'
    call DescribeTable "{$MESSAGES}"
    checksum_is_right
    answer '[.Table.AttributeDefinitions[] | .AttributeName, .AttributeType] == ["session_id", "S", "timestamp", "N"]'
}

@test 'a session and a message come with the key that was asked for, however the call is spaced' {
    call GetItem "{$SESSIONS,\"Key\":{\"user_id\":{\"S\":\"bob\"},\"session_id\":{\"S\":\"s-1\"}}}"
    checksum_is_right
    answer '.Item.user_id.S == "bob" and .Item.session_id.S == "s-1" and .Item.title.S != ""'
    call GetItem "{\"Key\" : {\"timestamp\" : {\"N\" : \"0\"}, \"session_id\": { \"S\": \"s-2\" }}, $MESSAGES}"
    checksum_is_right
    answer '.Item == {"session_id": {"S": "s-2"}, "timestamp": {"N": "0"}, "user_id": {"S": "alice"}}'
    call GetItem "{$MESSAGES,\"Key\":{\"session_id\":{\"S\":\"s-2\"},\"timestamp\":{\"N\":\"17\"}}}"
    answer '.Item.session_id.S == "s-2" and (.Item.content.S | length) == 216'
}

# query_messages CONDITION LOW MORE: the condition as the SDKs and the service spell it.
query_messages() {
    call Query "{$MESSAGES,\"KeyConditionExpression\":\"session_id = :s AND #t $1\",\"ExpressionAttributeValues\":
        {\":s\":{\"S\":\"s-1\"},\":low\":{\"N\":\"$2\"},\":high\":{\"N\":\"99999999999999\"}}$3}"
    checksum_is_right
}

@test 'a page of messages has 20 of 216 bytes, in order, and the owner where the range includes him' {
    query_messages 'BETWEEN :low AND :high' 0 ',"Limit":22'
    answer '.Count == 21 and (.Items | length) == 21 and .Items[0].user_id.S == "alice"'
    answer '.Items[1:] | all(.content.S | length == 216) and ([.[].timestamp.N | tonumber] | . == (sort | unique))'
    answer '[.Items[1:][].metadata.S | fromjson] | length == 20'
    query_messages '> :low' 0 ''
    answer '.Count == 20 and .Items[0].role.S == "user"'
    query_messages '> :low' 0 ',"Limit":5,"ScanIndexForward":false'
    answer '.Count == 5 and (.Items[0].timestamp.N > .Items[4].timestamp.N)'
}

@test 'a user has 50 sessions, in the order of their ids, which is not that of their last change' {
    call Query "{$SESSIONS,\"ExpressionAttributeValues\":{\":u\":{\"S\":\"bob\"},\":first\":{\"S\":\"\\\"\"}}}"
    checksum_is_right
    answer '.Count == 50 and ([.Items[].session_id.S] | . == (sort | unique)) and all(.Items[]; .user_id.S == "bob")'
    answer '[.Items[].updated_at.S] | (unique | length) == 50 and . != sort'
}

@test 'writes succeed and tell what they consumed' {
    for operation in PutItem DeleteItem UpdateItem; do
        call "$operation" "{$SESSIONS,\"Key\":{\"user_id\":{\"S\":\"bob\"},\"session_id\":{\"S\":\"s-1\"}}}"
        checksum_is_right
        answer '.ConsumedCapacity.TableName == "ai4ai-chat-sessions"'
    done
    call UpdateItem "{$SESSIONS,\"ReturnValues\":\"ALL_NEW\",\"Key\":{\"user_id\":{\"S\":\"bob\"},\"session_id\":{\"S\":\"s-1\"}}}"
    answer '.Attributes.user_id.S == "bob"'
    call TransactWriteItems "{\"TransactItems\":[{\"Put\":{$SESSIONS}},{\"Put\":{$MESSAGES}}]}"
    checksum_is_right
    answer '[.ConsumedCapacity[].TableName] == ["ai4ai-chat-messages", "ai4ai-chat-sessions"]'
    call BatchWriteItem '{"RequestItems":{"ai4ai-chat-messages":[]}}'
    checksum_is_right
    answer '.UnprocessedItems == {}'
}

@test 'what it does not know is an error of the caller, as DynamoDB says it' {
    ! call Nothing '{}' || false
    checksum_is_right
    answer '.__type | endswith("#UnknownOperationException")'
    ! call GetItem '{"TableName":"other"}' || false
    checksum_is_right
    answer '.__type | endswith("#ResourceNotFoundException")'
    ! call GetItem "{$SESSIONS}" || false
    answer '.__type | endswith("#ValidationException")'
}

@test 'the same call has the same answer, byte for byte' {
    local query="{$SESSIONS,\"ExpressionAttributeValues\":{\":u\":{\"S\":\"bob\"}}}"
    call Query "$query"
    cp "$BATS_TEST_TMPDIR/body" "$BATS_TEST_TMPDIR/first"
    call Query "$query"
    cmp "$BATS_TEST_TMPDIR/body" "$BATS_TEST_TMPDIR/first"
}

@test 'with TLS: its authority is trusted, calls share a connection, which the status counts; and it delays' {
    URL=$("$STAND_IN/start" --state "$BATS_TEST_TMPDIR/stand-in" --tls --delay 300 --workers 2)
    [[ $URL == https://* ]]
    local trust=(--cacert "$BATS_TEST_TMPDIR/stand-in/ca.pem" -w '%{time_starttransfer}')
    run call DescribeTable "{$MESSAGES}"
    [[ $status -ne 0 ]]
    call DescribeTable "{$MESSAGES}" "${trust[@]}" "$URL/" >"$BATS_TEST_TMPDIR/times"
    awk '$1 < 0.3 { exit 1 }' "$BATS_TEST_TMPDIR/times"
    # The second reading of the status needs a connection of its own, and so does each call of curl.
    local before after
    before=$(curl -sS --noproxy '*' "${trust[@]}" "$URL/-/status" | awk 'NR == 3 { print $1, $3 }')
    call DescribeTable "{$MESSAGES}" "${trust[@]}" "$URL/" "$URL/" >/dev/null
    after=$(curl -sS --noproxy '*' "${trust[@]}" "$URL/-/status" | awk 'NR == 3 { print $1, $3 }')
    echo "before: $before; after: $after"
    [[ $((${after% *} - ${before% *})) -eq 2 && $((${after#* } - ${before#* })) -eq 4 ]]
}

@test 'wrong options are refused, and nothing runs after stop' {
    run "$STAND_IN/start" --state "$BATS_TEST_TMPDIR/x" --delay never
    [[ $status -eq 1 && $output == *'--delay must be a number from 0 to 60000'* ]]
    run "$STAND_IN/start"
    [[ $status -eq 1 && $output == *'--state DIR'* ]]
    run "$STAND_IN/start" --state "$STAND_IN_STATE"
    [[ $status -eq 1 && $output == *'already running'* ]]
    URL=$("$STAND_IN/start" --state "$BATS_TEST_TMPDIR/stand-in")
    "$STAND_IN/stop" --state "$BATS_TEST_TMPDIR/stand-in"
    run call DescribeTable "{$MESSAGES}"
    [[ $status -ne 0 ]]
}

@test "the nginx before the benchmark's rivals is this service's, and all that goes to the pool here goes to them" {
    node -e "require('$TOP/tests/bench/services').writeNginx({ state: '$BATS_TEST_TMPDIR', port: 1, upstream: '127.0.0.1:1' })"
    nginx -t -q -p "$BATS_TEST_TMPDIR/nginx" -c nginx.conf -e stderr
    run ! grep -n 'fastcgi_pass chat_sessions;' "$BATS_TEST_TMPDIR/nginx/snippets/chat-sessions/server.conf"
}
