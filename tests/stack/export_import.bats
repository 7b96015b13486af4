#!/usr/bin/env bats
# bats file_tags=apart
# chat-sessions export and import: what comes out, what goes in again, and what becomes of files that are not whole.

load ../api/helpers

PROGRAM=${CHAT_SESSIONS_BIN:-$TOP/build/chat-sessions}

setup() {
    user=$(unique)
    file=$BATS_TEST_TMPDIR/lines
    printf '%s\n' "AWS_ENDPOINT_URL_DYNAMODB=$DYNAMODB" AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \
        AWS_REGION=us-east-1 >"$BATS_TEST_TMPDIR/env"
    chmod 600 "$BATS_TEST_TMPDIR/env"
}

program() { "$PROGRAM" --env-file "$BATS_TEST_TMPDIR/env" "$@"; }

# run_import STATUS LAST_LINE [OPTION…]: of $file.
run_import() {
    local wanted=$1 line=$2
    shift 2
    run program import --user "$user" "$file" "$@"
    echo "$output"
    is "$status" "$wanted" status
    is "${lines[-1]}" "$line" 'last line'
}

# What an import keeps of an export, to the byte. Not: the sessions' ids; when they were last changed, which says
# afterwards when the last message came; of messages when they were edited, and the time below the millisecond. The
# last message is made anew, and looked at by itself.
kept() {
    sed -E -e 's/"session_id":"[^"]*",//' -e '/^\{"type":"session"/{s/"updated_at":"[^"]*",//;s/"last_message":(null|\{[^}]*\}),?//;s/,\}$/}/}' \
        -e '/^\{"type":"message"/{s/("created_at":"[^"]*\.[0-9]{3})[0-9]{3}Z/\1/;s/"updated_at":"[^"]*",//}' "$1"
}

# A bit of everything.
fill() {
    new_session first
    post "/sessions/$sid/messages" '{"role":"user","content":"Grüße\n\u2028","metadata":{"n": 1.0, "m": 12345678901234567890123}}'
    expect 201
    post "/sessions/$sid/messages" '[{"role":"assistant","content":[{"type":"text","text":"parts", "n":1e2}]},
        {"role":"tool","content":null,"metadata":{"a":1}},{"role":"function","content":"","metadata":{"a":1}}]'
    expect 201
    post "/sessions/$sid/messages" '{"role":"user","content":"mine","message_id":"my id"}'
    expect 201
    post /sessions "{\"user_id\":\"$user\",\"metadata\":{\"b\": [1.50]}}"
    expect 201
    sid=$(get .session.session_id)
    set_session_attribute "$user" "$sid" archived '{"BOOL":true}'
    set_session_attribute "$user" "$sid" pinned '{"BOOL":true}'
    set_session_attribute "$user" "$sid" tags '{"L":[{"S":"work"},{"S":"ä \"b\""}]}'
    new_session "a long one"
    local n
    for n in {1..5}; do
        post "/sessions/$sid/messages" "$(jq -n -c '[range(50) | {role: "user", content: ("x" * 300)}]')"
        expect 201
    done
    api PATCH "/sessions/$sid/messages/$(get '.messages[0].timestamp')" --json '{"content":"edited"}'
    expect 200
}

@test "exported, erased, imported and exported, it is the same but for ids" {
    fill
    program export --user "$user" >"$file"
    api DELETE "/sessions/$user"
    expect 200
    run_import 0 'imported 3, skipped 0, failed 0'
    program export --user "$user" >"$file.again"
    is "$(wc -l <"$file")" 259 lines
    diff <(kept "$file") <(kept "$file.again")
    is "$(jq -r 'select(.type == "session") | .session_id' "$file" "$file.again" | sort -u | wc -l)" 6 'ids'
    is "$(jq -c 'select(.title == "a long one") | [.message_count, .last_message.role]' "$file.again")" '[250,"user"]'
    # The API shows the same as the program.
    api GET "/sessions/$user" -H 'Accept: application/x-ndjson'
    diff "$body_file" "$file.again"
}

@test "imported again, everything is skipped; what was deleted meanwhile comes back" {
    fill
    program export --user "$user" --output "$file"
    user=$(unique)
    run_import 0 'imported 3, skipped 0, failed 0'
    run_import 0 'imported 0, skipped 3, failed 0'
    is "$(stored_sessions "$user" | jq -s 'map(select(.title)) | length')" 3
    api GET "/sessions/$user"
    api DELETE "/sessions/$user/$(get '.sessions[0].session_id')"
    expect 200
    run_import 0 'imported 1, skipped 2, failed 0'
    # Standard input is as good.
    run program import --user "$user" - <"$file"
    is "$status $output" '0 imported 0, skipped 3, failed 0'
}

@test "a session that has changed since the import is told and left" {
    new_session
    say one
    program export --user "$user" >"$file"
    run_import 0 'imported 1, skipped 0, failed 0'
    say two
    program export --user "$user" >"$file"
    # The file has the session that the import made, too: that is another one.
    run_import 1 'imported 1, skipped 0, failed 1'
    [[ $output =~ "$file":[0-9]+:\ this\ session\ was\ imported\ before\ with\ other\ content ]]
}

@test "which line is wrong, and why; the other sessions are imported" {
    local session='"type":"session","user_id":"x","session_id"' message='"type":"message","role":"user","content":"c"'
    cat >"$file" <<END
{$message,"timestamp":5}
{$session:"1","title":"good"}
{$message,"timestamp":5}
{$session:"2","title":7}
{$message,"timestamp":5}
{$session:"3","created_at":"2026-01-02T03:04:05Z"}
{$message,"timestamp":5}
{$message,"timestamp":5}
{$session:"4"}
{"type":"message","role":"user","timestamp":5}
{$session:"5","metadata":[]}
{$session:"6"}
{$message,"timestamp":1.5}
{$session:"7"}
{$message,"timestamp":1,"session_id":"6"}
{$session:"8"}
{$message,"timestamp":
{$session:""}
["no object"]
{$session:"9"}
{"type":"something"}
{$session:"10"}
{"type":"message","role":"user","content":[1],"timestamp":5}

{$session:"11","title":"good, too","unknown":1}
{"type":"end","sessions":11,"messages":7}
END
    run_import 1 'imported 2, skipped 0, failed 11'
    is "$(sed -n "s#^chat-sessions: $file:##p" <<<"$output")" '1: there is no session before this message
4: title must be a string
8: timestamp must be greater than that of the message before
10: content must be given
11: metadata must be an object or null
13: timestamp must be an integer from 1 to 9007199254740991
15: session_id must be that of the session before the message
17: the line is not JSON
18: session_id must be given
21: type must be "session", "message" or "end"
23: content must be a string, null or an array of objects'
    api GET "/sessions/$user?sort=created"
    check '[.sessions[].title] | sort == ["good", "good, too"]'
}

@test "an export that was cut off is told, and its last session is left out" {
    new_session one
    say hello
    new_session two
    say hello
    program export --user "$user" | head -n 3 >"$file"
    user=$(unique)
    run_import 1 'imported 1, skipped 0, failed 1'
    [[ $output == *'the line "end" is missing'* ]]
    # With a line missing in the middle the counts tell.
    printf '%s\n' '{"type":"session","session_id":"x"}' '{"type":"end","sessions":1,"messages":1}' >"$file"
    run_import 1 'imported 1, skipped 0, failed 1'
    [[ $output == *"$file:2: the counts differ"* ]]
}

@test "--output makes a file for its owner alone, when it is whole" {
    new_session
    (umask 000; program export --user "$user" --output "$file")
    is "$(stat -c %a "$file")" 600
    is "$(tail -n 1 "$file")" '{"type":"end","sessions":1,"messages":0}'
    run "$PROGRAM" --env-file <(sed 's/^AWS_ENDPOINT.*/AWS_ENDPOINT_URL_DYNAMODB=http:\/\/127.0.0.1:1/' "$BATS_TEST_TMPDIR/env") \
        export --user "$user" --output "$file.other"
    is "$status" 69
    is "$(echo "$file"*)" "$file" 'files'
    run program export --user "$user" --output /nowhere/file
    is "$status" 74
    [[ $output == *'/nowhere/file.part: No such file'* ]]
    run bash -c "'$PROGRAM' --env-file '$BATS_TEST_TMPDIR/env' export --user '$user' >/dev/full"
    is "$status" 74
    [[ $output == *'standard output: No space left'* ]]
}

@test "an import that is interrupted ends after its session, and goes on when it is started again" {
    local n
    for n in {1..60}; do
        printf '{"type":"session","session_id":"%s","title":"%s"}\n' "$n" "$n"
    done >"$file"
    echo '{"type":"end","sessions":60,"messages":0}' >>"$file"
    mkfifo "$file.fifo"
    "$PROGRAM" --env-file "$BATS_TEST_TMPDIR/env" import --user "$user" "$file.fifo" >"$file.out" 2>&1 3>&- &
    exec 7>"$file.fifo"
    head -n 10 "$file" >&7
    until [[ $(stored_session_count "$user") -ge 9 ]]; do :; done
    kill -INT "$!"
    tail -n +11 "$file" >&7 || true
    exec 7>&-
    n=0
    wait "$!" || n=$?
    is "$n" 130
    grep -q 'interrupted; import it again to go on' "$file.out"
    run program import --user "$user" "$file"
    is "$status" 0
    [[ ${lines[-1]} =~ ^imported\ [0-9]+,\ skipped\ [0-9]+,\ failed\ 0$ ]]
    is "$(stored_sessions "$user" | jq -s 'map(select(.title)) | length')" 60
}

@test "plain CGI streams an export, too" {
    new_session
    node "$API_TESTS/fixtures.js" messages "$sid" 500 500
    GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET REQUEST_URI="/api/v1/sessions/$user" HTTP_ACCEPT=application/x-ndjson \
        "$PROGRAM" --env-file "$BATS_TEST_TMPDIR/env" >"$file"
    is "$(head -n 1 "$file")" $'Status: 200 OK\r'
    is "$(grep -c '^Content-Length' "$file")" 0 'lengths'
    is "$(tail -n 1 "$file")" '{"type":"end","sessions":1,"messages":500}'
    is "$(sed '1,/^\r$/d' "$file" | jq -c .type | sort | uniq -c | awk '{print $1}' | xargs)" '1 500 1'
}

@test "bad arguments are named" {
    local bad
    usage() {
        run program "$@"
        is "$status" 64 "$*"
        bad=${lines[0]}
    }
    usage export
    is "$bad" 'chat-sessions export: missing argument: --user USER'
    usage export --user
    is "$bad" 'chat-sessions export: a value must follow: --user'
    usage export --user ''
    [[ $bad == *'--user must be 1 to 2048 bytes of UTF-8: ' ]]
    usage export --user a b
    is "$bad" 'chat-sessions export: unexpected argument: b'
    usage export --user a --dry-run
    is "$bad" 'chat-sessions export: unknown option: --dry-run'
    usage import --user a
    is "$bad" 'chat-sessions import: missing argument: FILE (or - for standard input)'
    usage import a
    is "$bad" 'chat-sessions import: missing argument: --user USER'
    usage import --user a b c
    is "$bad" 'chat-sessions import: unexpected argument: c'
    run program import --user a /nowhere
    is "$status" 74
    run program import --help
    is "$status" 0
    [[ ${lines[0]} == 'Usage: chat-sessions [--env-file FILE] import --user USER FILE' ]]
}

@test "a terminal sees how far it is, a pipe does not" {
    new_session
    say hello
    program export --user "$user" >"$file" 2>"$file.said"
    is "$(<"$file.said")" ''
    script -qec "'$PROGRAM' --env-file '$BATS_TEST_TMPDIR/env' import --user $(unique) '$file'" /dev/null >"$file.seen"
    grep -q 'line 1: imported 0' "$file.seen"
    grep -q 'imported 1, skipped 0, failed 0' "$file.seen"
}
