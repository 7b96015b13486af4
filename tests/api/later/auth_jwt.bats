#!/usr/bin/env bats
# Who may do what with AUTH_MODE=jwt. Needs a stack of its own: API_JWT is its API, JWT_SECRET its
# AUTH_JWT_SECRET, AUTH_JWT_ISSUER is "issuer" and AUTH_JWT_AUDIENCE "chat".

load ../helpers

setup() {
    API=${API_JWT:?a stack with AUTH_MODE=jwt}
    user=$(unique)
    as "$user"
    post /sessions '{}' "${bearer[@]}"
    expect 201
    sid=$(get .session.session_id)
    post "/sessions/$sid/messages" '{"role":"user","content":"very secret"}' "${bearer[@]}"
    expect 201
}

# token [MEMBERS [HEADER [SECRET]]]: a good one but for MEMBERS, which replace or add claims.
token() {
    local payload
    payload=$(jq -n -c --arg u "$user" --argjson now "$(date +%s)" --argjson more "${1:-"{}"}" \
        '{sub: $u, iss: "issuer", aud: "chat", iat: $now, exp: ($now + 300)} + $more')
    node "$BATS_TEST_DIRNAME/token.js" "${3:-$JWT_SECRET}" "$payload" "${2:-"{\"alg\":\"HS256\",\"typ\":\"JWT\"}"}"
}

# as USER: sets bearer, the curl options that carry the user's token.
as() {
    local user=$1
    bearer=(-H "Authorization: Bearer $(token)")
}

# Every route on the session, as METHOD PATH BODY.
routes() {
    cat <<END
POST /sessions {"user_id":"$user"}
GET /sessions/$user
GET /sessions/$user/$sid
PUT /sessions/$user/$sid {"title":"taken"}
PATCH /sessions/$user/$sid {"title":"taken"}
DELETE /sessions/$user/$sid
DELETE /sessions/$user
GET /sessions/$sid/messages
GET /sessions/$sid/messages?user_id=$user
POST /sessions/$sid/messages {"role":"user","content":"intruder"}
POST /sessions/$sid/messages {"role":"user","content":"intruder","user_id":"$user"}
END
}

# each CURL OPTION…: sends every route; prints the statuses.
each() {
    local method path body
    while read -r method path body; do
        if [[ -n $body ]]; then
            api "$method" "$path" "$@" --json "$body"
        else
            api "$method" "$path" "$@"
        fi
        ! grep -q 'very secret' "$body_file" || fail "$method $path shows another's data"
        printf '%s ' "$http_status"
    done < <(routes)
}

@test "without a token everything is 401" {
    is "$(each | xargs -n1 | sort -u)" 401
}

@test "with another user's token another's path is 403, another's session 404" {
    local before
    before=$(stored_sessions "$user"; stored_messages "$sid")
    as "$user-x"
    is "$(each "${bearer[@]}" | xargs)" '403 403 403 403 403 403 403 404 403 404 403'
    is "$(stored_sessions "$user"; stored_messages "$sid")" "$before"
}

@test "with the own token everything works" {
    api GET "/sessions/$user" "${bearer[@]}"
    expect 200
    check '.count == 1'
    api GET "/sessions/$sid/messages" "${bearer[@]}"
    expect 200
    check '.count == 1'
    api DELETE "/sessions/$user/$sid" "${bearer[@]}"
    expect 200
}

@test "user_id may be left out" {
    post /sessions '{"title":"mine"}' "${bearer[@]}"
    expect 201
    check '.session.user_id == $u' --arg u "$user"
}

@test "a token that is not good is 401" {
    local now good bad
    now=$(date +%s)
    good=$(token)
    for bad in "$(token '{}' '{"alg":"none"}')" "$(token '{}' '{"alg":"RS256"}')" "$(token '{}' '{"alg":"HS512"}')" \
        "$(token '{}' '{"alg":"HS256","crit":["x"],"x":1}')" "$(token '{}' '{"alg":"HS256"}' "$JWT_SECRET-x")" \
        "$(token "{\"exp\":$((now - 61))}")" "$(token "{\"nbf\":$((now + 65))}")" "$(token '{"exp":null}')" \
        "$(token '{"iss":"other"}')" "$(token '{"aud":"other"}')" "$(token '{"sub":7}')" "$(token '{"sub":""}')" \
        "${good%?????}" "${good}x" "$good.$good" . .. x '' "${good#*.}"; do
        api GET "/sessions/$user" -H "Authorization: Bearer $bad"
        expect 401 unauthorized
        [[ $(header WWW-Authenticate) == Bearer* ]]
    done
    for bad in "Basic dTpw" "$good" "Bearer"; do
        api GET "/sessions/$user" -H "Authorization: $bad"
        expect 401 unauthorized
    done
}

@test "a minute of leeway" {
    local now
    now=$(date +%s)
    api GET "/sessions/$user" -H "Authorization: Bearer $(token "{\"exp\":$((now - 50))}")"
    expect 200
    api GET "/sessions/$user" -H "Authorization: Bearer $(token "{\"nbf\":$((now + 50))}")"
    expect 200
}

@test "an audience among others, and Cognito's client_id, are good" {
    api GET "/sessions/$user" -H "Authorization: Bearer $(token '{"aud":["other","chat"]}')"
    expect 200
    api GET "/sessions/$user" -H "Authorization: Bearer $(token '{"aud":"chat","client_id":"chat","token_use":"access"}')"
    expect 200
}
