#!/usr/bin/env bats
# Isolation as a matrix: for every route, whether the target is the caller's own, another's or missing,
# and whoever asks, the status that comes and that nothing of another's is in the body. The table is in
# auth_isolation.js.

load helpers
load auth_stack

setup_file() {
    export KEYS=$BATS_FILE_TMPDIR/keys JWT_URL HEADER_URL
    mkdir -p "$KEYS"
    node "$TOP/tests/lib/make-tokens.js" keys "$KEYS"
    JWT_URL=$(start_auth_stack jwt AUTH_MODE=jwt "AUTH_JWT_JWKS_FILE=$KEYS/jwks.json")
    HEADER_URL=$(start_auth_stack header AUTH_MODE=header AUTH_USER_HEADER=X-Test-User)
    trust_header header X-Test-User
}

teardown_file() {
    stop_auth_stack jwt
    stop_auth_stack header
}

matrix() { node "$BATS_TEST_DIRNAME/auth_isolation.js" "$@"; }

@test "every route, AUTH_MODE=none" { matrix none "$BASE"; }
@test "every route, AUTH_MODE=jwt" { matrix jwt "$JWT_URL"; }
@test "every route, AUTH_MODE=header" { matrix header "$HEADER_URL"; }

# Without an owner item the owner is found another way.
@test "sessions of an earlier backend are their owner's alone, too" {
    local me other sid first=1735787045678 hidden='only for the owner'
    me=$(unique) other=$(unique) sid=$(cat /proc/sys/kernel/random/uuid)
    API=$HEADER_URL/api/v1
    store_session "{\"user_id\":\"$other\",\"session_id\":\"$sid\",\"title\":\"$hidden\",\"message_count\":1,
        \"created_at\":\"2025-01-02T03:04:05.678901\",\"updated_at\":\"2025-01-02T03:04:05.678901\",\"metadata\":\"{}\"}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":$first,\"message_id\":\"m\",\"role\":\"user\",
        \"content\":\"$hidden\",\"created_at\":\"2025-01-02T03:04:05.678901\",\"metadata\":\"{}\"}"
    local as_me=(-H "X-Test-User: $me") as_other=(-H "X-Test-User: $other") message='{"role":"user","content":"c"}'
    refused() {
        expect "$1"
        [[ $(<"$body_file") != *"$hidden"* ]] || fail "it shows what is another's"
    }
    api GET "/sessions/$sid/messages" "${as_me[@]}"; refused 404
    api GET "/sessions/$sid/messages?order=desc" "${as_me[@]}"; refused 404
    api GET "/sessions/$sid/messages?user_id=$other" "${as_me[@]}"; refused 403
    api GET "/sessions/$sid/messages/$first" "${as_me[@]}"; refused 404
    api PUT "/sessions/$sid/messages/$first" --json '{"content":"mine now"}' "${as_me[@]}"; refused 404
    api DELETE "/sessions/$sid/messages/$first" "${as_me[@]}"; refused 404
    api POST "/sessions/$sid/messages" --json "$message" "${as_me[@]}"; refused 404
    api POST "/sessions/$sid/messages" --json "[$message,{\"role\":\"user\",\"content\":\"c\",\"user_id\":\"$other\"}]" "${as_me[@]}"
    refused 403
    api GET "/sessions/$me/$sid" "${as_me[@]}"; refused 404
    api GET "/sessions/$other/$sid" "${as_me[@]}"; refused 403
    is "$(stored_message_count "$sid")" 1
    api GET "/sessions/$sid/messages" "${as_other[@]}"
    expect 200
    has_text "$hidden"
    api POST "/sessions/$sid/messages" --json "$message" "${as_other[@]}"
    expect 201
    # Now that there is an owner item, as before.
    api GET "/sessions/$sid/messages" "${as_me[@]}"; refused 404
}
