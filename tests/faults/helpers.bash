# What the tests with a DynamoDB in trouble share: the requests and rules of the API's tests, a stack of a
# test's own, and the faults of the front, which all stacks of a run share. Needs FRONT and TOP.
# shellcheck shell=bash

# shellcheck source=tests/api/helpers.bash
source "$TOP/tests/api/helpers.bash"
# shellcheck source=tests/api/auth_stack.bash
source "$TOP/tests/api/auth_stack.bash"

# faults KIND: every call to DynamoDB meets this from now on.
faults() { tell_front "{\"rate\":1,\"kinds\":[\"$1\"]}"; }
no_faults() { tell_front '{"rate":0,"kinds":[]}'; }
tell_front() { curl -sS --noproxy '*' --fail -o "$BATS_TEST_TMPDIR/told" -d "$1" "$FRONT/-/faults"; }

# How many calls have reached the front.
front_calls() { curl -sS --noproxy '*' "$FRONT/-/stats" | jq .verified; }

# How many requests the workers are at.
busy() { curl -sS --noproxy '*' "$BASE/api/v1/health" | jq .workers.busy; }

# until_true COMMAND…: at most 20 s.
until_true() {
    local deadline=$((SECONDS + 20))
    until "$@"; do
        ((SECONDS < deadline)) || fail "never true: $*"
        sleep 0.02
    done
}

# From now on BASE and API are the stack at this URL.
use_stack() {
    BASE=$1
    API=$BASE/api/v1
}
