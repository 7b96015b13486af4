#!/usr/bin/env bats
# Answers are compressed by nginx for clients that take it, and nothing of the contract gets lost on the way. `api` asks
# with --compressed, so that curl opens what comes: every judgement of the answers holds for it.

# shellcheck source=tests/api/helpers.bash
load helpers

setup() {
    new_session
    say "$(printf 'the same words again and again, %.0s' {1..200})"
}

teardown() { judge; }

# The size of what was sent, and of what it was.
sizes() {
    curl -sS --noproxy '*' -o "$BATS_TEST_TMPDIR/packed" -H 'Accept-Encoding: gzip' "$1"
    curl -sS --noproxy '*' -o "$BATS_TEST_TMPDIR/plain" "$1"
    stat -c %s "$BATS_TEST_TMPDIR/packed" "$BATS_TEST_TMPDIR/plain" | xargs
}

@test "a list comes compressed to who takes it, and plain to who does not" {
    api GET "/sessions/$sid/messages" --compressed
    expect 200
    is "$(header Content-Encoding)" gzip
    grep -iq '^vary:.*accept-encoding' "$header_file" || fail 'caches are not told'
    grep -iq '^vary:.*origin' "$header_file" || fail 'the application'\''s Vary is gone'
    check '.messages | length == 1'
    api GET "/sessions/$sid/messages"
    is "$(header Content-Encoding)" ''
    grep -iq '^vary:.*accept-encoding' "$header_file" || fail 'caches are not told'
    local packed plain
    read -r packed plain < <(sizes "$API/sessions/$sid/messages")
    ((packed * 5 < plain)) || fail "$packed bytes of $plain"
}

@test "a problem document too, if it is long; a short answer is not worth it" {
    local long
    long=$(printf 'x%.0s' {1..1500})
    api GET "/sessions/$user/$long" --compressed
    expect 404
    api GET "/sessions/$user/$sid" --compressed
    is "$(header Content-Encoding)" ''
}

@test "an ETag weakened by compression opens If-None-Match and If-Match" {
    put "/sessions/$user/$sid" "$(jq -cn '{metadata: {long: ("abc" * 1000)}}')"
    expect 200
    api GET "/sessions/$user/$sid" --compressed
    is "$(header Content-Encoding)" gzip
    local etag
    etag=$(header ETag)
    [[ $etag == W/\"*\" ]] || fail "$etag"
    api GET "/sessions/$user/$sid" --compressed -H "If-None-Match: $etag"
    expect 304
    api PUT "/sessions/$user/$sid" --compressed --json '{"title":"changed"}' -H "If-Match: $etag"
    expect 200
    api PUT "/sessions/$user/$sid" --compressed --json '{"title":"again"}' -H "If-Match: $etag"
    expect 412
}

@test "HEAD, and whoever comes through a proxy" {
    api HEAD "/sessions/$sid/messages" --compressed
    expect 200
    api GET "/sessions/$sid/messages" --compressed -H 'Via: 1.1 balancer'
    is "$(header Content-Encoding)" gzip
}
