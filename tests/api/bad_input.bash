# What the tests of bad input share: a session that has to stay as it was, whatever is thrown at it.
# shellcheck shell=bash

load helpers

setup() {
    user=$(unique)
    new_session
    sessions_before=$(stored_sessions "$user")
    messages_before=$(stored_messages "$sid")
}

# Nothing has come of it: the session is as it was, and the service works on.
teardown() {
    judge
    [[ -n ${BATS_TEST_COMPLETED-} ]] || return 0
    is "$(stored_sessions "$user")" "$sessions_before" 'stored sessions'
    is "$(stored_messages "$sid")" "$messages_before" 'stored messages'
    api GET "/sessions/$user/$sid"
    expect 200
}

# refused STATUS CODE METHOD PATH BODY: also says which case it is when it is not refused so.
refused() {
    local body=$BATS_TEST_TMPDIR/body
    printf '%b' "$5" >"$body"
    api "$3" "$4" -H 'Content-Type: application/json' --data-binary "@$body"
    [[ $http_status == "$1" && $(<"$body_file") == *"\"code\":\"$2\""* ]] ||
        fail "case: $3 $4 $5 -- wanted $1 $2"
}

# Each line of standard input is a body (with the escapes of printf) for every place that takes one.
bodies_refused() {
    local line
    while IFS= read -r line; do
        refused "$1" "$2" POST /sessions "$line"
        refused "$1" "$2" POST "/sessions/$sid/messages" "$line"
        refused "$1" "$2" PUT "/sessions/$user/$sid" "$line"
    done
}
