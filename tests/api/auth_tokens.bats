#!/usr/bin/env bats
# bats file_tags=long
# AUTH_MODE on the real stack: keys from a file and from a URL, tokens that are refused, a secret, the
# header of the proxy, and what is said at start-up. Each rule about a token is a case of the unit tests.

load helpers
load auth_stack

setup_file() {
    export KEYS=$BATS_FILE_TMPDIR/keys JWT_URL
    mkdir -p "$KEYS"
    make_tokens keys "$KEYS"
    JWT_URL=$(start_auth_stack jwt AUTH_MODE=jwt "AUTH_JWT_JWKS_FILE=$KEYS/jwks.json" \
        AUTH_JWT_ISSUER=https://issuer AUTH_JWT_AUDIENCE=app)
}

teardown_file() { stop_auth_stack jwt; }

setup() {
    user=$(unique)
    API=$JWT_URL/api/v1
}

teardown() { stop_auth_stack other; }

make_tokens() { node "$TOP/tests/lib/make-tokens.js" "$@"; }

# token ALG [CLAIMS [HEADER]]: good, but for what is said.
token() {
    local claims
    claims=$(jq -n -c --arg u "$user" --argjson more "${2:-"{}"}" '{sub: $u, iss: "https://issuer", aud: "app"} + $more')
    make_tokens token "$KEYS" "$1" "$claims" "${3:-"{}"}"
}

list_with() { api GET "/sessions/$user" -H "Authorization: Bearer $1"; }

@test "RS256, ES256 and EdDSA with keys from a file" {
    local alg
    for alg in RS256 ES256 EdDSA; do
        post /sessions '{"title":"mine"}' -H "Authorization: Bearer $(token "$alg")"
        expect 201
        check '.session.user_id == $u' --arg u "$user"
    done
    list_with "$(token RS256)"
    check '.count == 3'
}

@test "an access token of Cognito" {
    list_with "$(token RS256 '{"aud":null,"client_id":"app","token_use":"access"}')"
    expect 200
    list_with "$(token RS256 '{"aud":null,"client_id":"app","token_use":"id"}')"
    expect 401 unauthorized
    # Cognito's own have no aud: one that has is for those that it names.
    list_with "$(token RS256 '{"aud":"other","client_id":"app","token_use":"access"}')"
    expect 401 unauthorized
}

@test "what is wrong with a token is said in a sentence" {
    local now
    now=$(date +%s)
    refused() {
        list_with "$1"
        expect 401 unauthorized
        is "$(header WWW-Authenticate)" Bearer
        check '.detail | contains($text)' --arg text "$2"
    }
    refused "$(token RS256 "{\"exp\":$((now - 61))}")" 'has expired'
    refused "$(token RS256 "{\"nbf\":$((now + 90))}")" 'not yet valid'
    refused "$(token RS256 '{"exp":null}')" 'no expiry'
    refused "$(token RS256 '{"iss":"https://other"}')" 'another issuer'
    refused "$(token RS256 '{"aud":"other"}')" 'another audience'
    refused "$(token RS256 '{}' '{"kid":"nobody"}')" 'unknown key'
    refused "$(token RS256 '{}' '{"kid":"ES256"}')" 'unknown key'
    refused "$(token RS256 '{}' '{"alg":"none"}')" 'not signed with'
    refused "$(token RS256 '{}' '{"crit":["x"],"x":1}')" 'crit'
    refused "$(make_tokens hmac "$(openssl pkey -in "$KEYS/RS256.pem" -pubout)" "{\"sub\":\"$user\"}" '{"kid":"RS256"}')" \
        'RS256, ES256 or EdDSA'
    refused "$(token RS256 | sed 's/.\{9\}$/AAAAAAAA/')" 'base64url'
    refused "$(token RS256 | tr . ,)" 'three parts'
    api GET "/sessions/$user"
    expect 401 unauthorized
    check '.detail | contains("Authorization: Bearer")'
}

@test "health needs no token" {
    api GET /health
    expect 200
    api GET /health/ready
    expect 200
}

@test "a long token passes nginx" {
    list_with "$(token RS256 "{\"groups\":\"$(head -c 10000 /dev/zero | tr '\0' g)\"}")"
    expect 200
    list_with "$(token RS256 "{\"groups\":\"$(head -c 13000 /dev/zero | tr '\0' g)\"}")"
    expect 401 unauthorized
}

@test "a key that is added to the file is taken at once, one that is removed goes" {
    local other=$BATS_TEST_TMPDIR/other new
    mkdir "$other"
    make_tokens keys "$other"
    cp "$KEYS/jwks.json" "$BATS_TEST_TMPDIR/before.json"
    new=$(jq -c '{keys: [.keys[] | objects | select(.kid == "RS256") | .kid = "new"]}' "$other/jwks.json")
    jq -c --argjson new "$new" '.keys += $new.keys' "$KEYS/jwks.json" >"$KEYS/next" && mv "$KEYS/next" "$KEYS/jwks.json"
    local rotated
    rotated=$(KEYS=$other token RS256 '{}' '{"kid":"new"}')
    list_with "$rotated"
    expect 200
    mv "$BATS_TEST_TMPDIR/before.json" "$KEYS/jwks.json"
    # Looked at every few seconds, in each process.
    local deadline=$((SECONDS + 30)) refused=0
    while ((refused < 20)); do
        list_with "$rotated"
        if [[ $http_status == 401 ]]; then refused=$((refused + 1)); else refused=0; fi
        ((SECONDS < deadline)) || fail 'the old key is still taken'
    done
}

@test "keys from a URL" {
    local port
    node -e '
        const fs = require("fs");
        const server = require("http").createServer((q, r) => {
            fs.appendFileSync(process.argv[2], "fetched\n");
            r.end(fs.readFileSync(process.argv[1]));
        }).listen(0, "127.0.0.1", () => fs.writeFileSync(process.argv[3], String(server.address().port)));
        setTimeout(() => process.exit(), 60000);
    ' "$KEYS/jwks.json" "$BATS_TEST_TMPDIR/fetches" "$BATS_TEST_TMPDIR/port.new" 3>&- &
    local server=$!
    local deadline=$((SECONDS + 20))
    until [[ -s $BATS_TEST_TMPDIR/port.new ]]; do
        ((SECONDS < deadline)) || fail 'no key server'
        sleep 0.02
    done
    port=$(<"$BATS_TEST_TMPDIR/port.new")
    API=$(start_auth_stack other AUTH_MODE=jwt "AUTH_JWT_JWKS_URL=http://127.0.0.1:$port/keys")/api/v1
    local good unknown i
    good=$(token ES256)
    unknown=("$(token RS256 '{}' '{"kid":"nobody"}')" "$(token RS256 '{}' '{"kid":"else"}')")
    for i in {1..20}; do
        list_with "$good"
        [[ $http_status == 200 ]] || break
        list_with "${unknown[i % 2]}"
        [[ $http_status == 401 ]] || break
    done
    kill "$server"
    is "$http_status" 401
    # The creation of tables and each of two processes: once; not with each unknown key.
    (($(wc -l <"$BATS_TEST_TMPDIR/fetches") <= 3)) || fail "$(wc -l <"$BATS_TEST_TMPDIR/fetches") fetches"
    # It has gone; its keys stay.
    list_with "$(token EdDSA)"
    expect 200
}

@test "while the issuer's keys cannot be read it is 503, and no token is called bad" {
    # Nobody listens on port 1 of this machine.
    API=$(start_auth_stack other AUTH_MODE=jwt AUTH_JWT_JWKS_URL=http://127.0.0.1:1/keys)/api/v1
    list_with "$(token ES256)"
    expect 503 issuer_unavailable
    header Retry-After
    # What is wrong without any key is the caller's.
    list_with nonsense
    expect 401 unauthorized
}

@test "a shared secret" {
    local secret=0123456789abcdef0123456789abcdef
    API=$(start_auth_stack other AUTH_MODE=jwt AUTH_JWT_SECRET=$secret AUTH_JWT_USER_CLAIM=email)/api/v1
    list_with "$(make_tokens hmac $secret "{\"email\":\"$user\"}")"
    expect 200
    list_with "$(make_tokens hmac "$secret-" "{\"email\":\"$user\"}")"
    expect 401 unauthorized
    list_with "$(token RS256 "{\"email\":\"$user\"}")"
    expect 401 unauthorized
}

# Whoever comes from outside must not be able to say who he is.
@test "a user that the caller names itself is never believed" {
    local name configured
    for configured in X-User-Id Remote-Person Chat-Sessions-User; do
        stop_auth_stack other
        API=$(start_auth_stack other AUTH_MODE=header "AUTH_USER_HEADER=$configured")/api/v1
        for name in "$configured" "${configured,,}" "${configured^^}" "${configured//-/_}" X-User-Id Remote-User \
            Chat-Sessions-User CHAT_SESSIONS_USER Http-Chat-Sessions-User; do
            api GET "/sessions/$user" -H "$name: $user"
            expect 401 unauthorized
            [[ $(get .detail) == *CHAT_SESSIONS_USER* ]] || fail 'the detail does not tell the administrator where to look'
            post /sessions '{"title":"t"}' -H "$name: $user"
            expect 401 unauthorized
        done
    done
}

# What an administrator of the version before has: a line that lets the header through, and no user.conf.
@test "a configuration that was edited for the version before names nobody" {
    API=$(start_auth_stack other AUTH_MODE=header)/api/v1
    local state=$BATS_FILE_TMPDIR/other/state snippets=$BATS_FILE_TMPDIR/other/state/nginx/snippets/chat-sessions old
    for old in '' 'fastcgi_param HTTP_X_USER_ID $remote_user;' 'fastcgi_param HTTP_X_USER_ID $http_x_user_id;'; do
        { grep -v user.conf "$TOP/nginx/snippets/fastcgi.conf"; printf '%s\n' "$old"; } >"$snippets/fastcgi.conf"
        "$TOP/tests/lib/reload-nginx" "$(cut -d' ' -f1 "$state/pids/nginx")"
        for _ in {1..20}; do
            api GET "/sessions/$user" -H "X-User-Id: $user"
            expect 401 unauthorized
        done
    done
}

@test "while the issuer hangs, tokens that nobody can verify hold neither the workers nor the health check" {
    local port i server
    node -e '
        const server = require("net").createServer(() => {}).listen(0, "127.0.0.1",
            () => require("fs").writeFileSync(process.argv[1], String(server.address().port)));
        setTimeout(() => process.exit(), 120000);
    ' "$BATS_TEST_TMPDIR/port.new" 3>&- &
    server=$!
    local deadline=$((SECONDS + 20))
    until [[ -s $BATS_TEST_TMPDIR/port.new ]]; do
        ((SECONDS < deadline)) || fail 'no key server'
        sleep 0.02
    done
    port=$(<"$BATS_TEST_TMPDIR/port.new")
    # One thread in eight may wait for the issuer: of 8, in each of two processes.
    API=$(start_auth_stack other AUTH_MODE=jwt "AUTH_JWT_JWKS_URL=http://127.0.0.1:$port/keys")/api/v1
    curl -sS --noproxy '*' --parallel --parallel-immediate --parallel-max 150 -o /dev/null -w '%{http_code}\n' \
        -H "Authorization: Bearer $(token ES256)" "$API/sessions/u?[1-150]" >"$BATS_TEST_TMPDIR/codes" 2>/dev/null 3>&- &
    local garbage=$!
    for ((i = 0; i < 20; i++)); do
        api GET /health/ready
        expect 200
    done
    wait "$garbage"
    kill "$server"
    is "$(sort "$BATS_TEST_TMPDIR/codes" | uniq -c | xargs)" '150 503'
}

@test "a bad configuration ends the start with a sentence" {
    local out=$BATS_FILE_TMPDIR/other/out
    ! start_auth_stack other AUTH_MODE=jwt 2>/dev/null || fail 'it started without keys'
    grep -q 'AUTH_MODE=jwt needs .*AUTH_JWT_JWKS_URL, AUTH_JWT_JWKS_FILE or AUTH_JWT_SECRET' "$out" || fail "$(<"$out")"
    ! start_auth_stack other AUTH_MODE=jwt AUTH_JWT_JWKS_FILE=/nonexistent 2>/dev/null || fail 'it started without the file'
    grep -q 'AUTH_JWT_JWKS_FILE /nonexistent cannot be read' "$out" || fail "$(<"$out")"
}
