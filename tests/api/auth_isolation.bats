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
