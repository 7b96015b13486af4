#!/usr/bin/env bats
# Wrong paths, queries, methods and headers: refused, nothing half stored.

load bad_input

@test "a bad percent-escape in path and query" {
    local bad
    for bad in %zz % %4 %%41; do
        raw GET "/api/v1/sessions/$bad"
        expect 400
        raw GET "/api/v1/sessions/$user?limit=$bad"
        expect 400
        raw GET "/api/v1/sessions/$user?x=$bad"
        expect 400
        raw GET "/api/v1/sessions/$user?$bad=1"
        expect 400
        raw GET "/api/v1/sessions/$bad/messages"
        expect 400
    done
}

@test "a NUL in the path" {
    raw GET "/api/v1/sessions/a%00b"
    expect 400
    raw GET "/api/v1/sessions/$user/$sid%00"
    expect 400
    raw GET "/api/v1/sessions/$sid%00/messages"
    expect 400
    raw DELETE "/api/v1/sessions/$user/$sid%00x"
    expect 400
}

@test "a NUL in the query" {
    api POST '/sessions?user_id=a%00b'
    [[ $http_status == 400 || $http_status == 422 ]] || fail "status $http_status"
    api POST "/sessions/$sid/messages?role=user%00&content=c"
    [[ $http_status == 400 || $http_status == 422 ]] || fail "status $http_status"
    api GET "/sessions/$sid/messages?user_id=$user%00"
    [[ $http_status == 400 || $http_status == 422 ]] || fail "status $http_status"
}

@test "bad UTF-8 in path and query" {
    local bad
    for bad in %ff %ed%a0%80 $'\xff'; do
        raw GET "/api/v1/sessions/$bad"
        expect 400
        raw GET "/api/v1/sessions/$user/$bad"
        expect 400
        raw GET "/api/v1/sessions/$bad/messages"
        expect 400
        raw POST "/api/v1/sessions?user_id=$bad"
        expect 400
        raw GET "/api/v1/sessions/$user?x=$bad"
        expect 400
    done
}

@test "a method that a path does not have is 405, and Allow tells the others" {
    local case method path
    for case in "PUT /sessions" "PATCH /sessions" "POST /sessions/$user" \
        "PUT /sessions/$user" "PATCH /sessions/$user" "POST /sessions/$user/$sid" \
        "PUT /sessions/$sid/messages" "PATCH /sessions/$sid/messages" "DELETE /sessions/$sid/messages" \
        "BREW /sessions" "BREW /sessions/$user" "PROPFIND /sessions/$user/$sid" \
        "TRACE /sessions/$sid/messages" "TRACE /sessions"; do
        read -r method path <<<"$case"
        api "$method" "$path"
        expect 405 method_not_allowed
        [[ ", $(header Allow)," != *", $method,"* ]] || fail "Allow names $method: $(header Allow)"
    done
}

@test "a method in small letters is none" {
    raw get "/api/v1/sessions/$user"
    [[ $http_status == 4* ]] || fail "status $http_status"
}

@test "a path that is none" {
    local path
    for path in / /session /Sessions /sessionsx "/sessions/$user/$sid/x/y" "/sessions/$sid/messages/" \
        "/sessions/$user/" /sessions/ "/sessions//$sid" "/sessions/$user//$sid" "//sessions/$user" \
        "/sessions/$sid/Messages/x/y" /../../etc/passwd; do
        api GET "$path"
        expect 404
    done
    for path in /api /api/ /api/v1 /api/v2/sessions /index.html /favicon.ico /.env /API/v1/sessions/x; do
        api GET "$BASE$path"
        expect 404 not_found
    done
}

@test "a request line that is too long" {
    local long
    long=$(head -c 40000 /dev/zero | tr '\0' x)
    api GET "/sessions/$long"
    [[ $http_status == 414 || $http_status == 400 ]] || fail "status $http_status"
}

@test "a header that is too long" {
    api GET "/sessions/$user" -H "X-Long: $(head -c 40000 /dev/zero | tr '\0' x)"
    [[ $http_status == 431 || $http_status == 400 ]] || fail "status $http_status"
}

@test "what is no HTTP" {
    local text
    for text in 'hello\r\n\r\n' 'GET\r\n\r\n' '\0\0\0\r\n\r\n' 'GET /api/v1/sessions/x HTTP/9.9\r\nHost: x\r\n\r\n'; do
        printf '%b' "$text" >"$BATS_TEST_TMPDIR/request"
        exchange X "$text" <"$BATS_TEST_TMPDIR/request"
        [[ $http_status != 5* || $http_status == 505 ]] || fail "status $http_status"
    done
}
