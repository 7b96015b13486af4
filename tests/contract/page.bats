#!/usr/bin/env bats
# The page at /docs and the document at /openapi.json, as nginx serves them. Needs BASE and API.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP
    "$TOP/tests/contract/prepare"
}

fetch() { curl -sS --noproxy '*' --max-time 30 "$@"; }

@test "/openapi.json is the document" {
    local url
    for url in "$BASE/openapi.json" "$API/openapi.json"; do
        [[ $(fetch -o /dev/null -w '%{http_code} %{content_type}' "$url") == '200 application/json' ]]
        fetch "$url" | cmp - "$TOP/build/docs/openapi.json"
    done
}

@test "/docs, /docs/ and below the API's prefix are the page, under a strict policy" {
    local url
    for url in "$BASE/docs" "$BASE/docs/" "$API/docs"; do
        fetch -D "$BATS_TEST_TMPDIR/headers" "$url" | cmp - "$TOP/build/docs/index.html"
        grep -qi "^content-security-policy: default-src 'none'; script-src 'self'" "$BATS_TEST_TMPDIR/headers"
        grep -qi '^x-content-type-options: nosniff' "$BATS_TEST_TMPDIR/headers"
    done
}

@test "what the page loads is there, with its type" {
    local file type
    while read -r file type; do
        [[ $(fetch -o /dev/null -w '%{http_code} %{content_type}' "$BASE/docs/$file") == "200 $type" ]]
    done <<'END'
swagger-ui-bundle.js text/javascript
page.js text/javascript
swagger-ui.css text/css
page.css text/css
icon.svg image/svg+xml
END
}

@test "the page itself has no inline script, style or handler" {
    run grep -inE '<script[^>]*>[^<]|<style|[[:space:]]on[a-z]+=|style=|javascript:|https?://' "$TOP/build/docs/index.html"
    ((status == 1))
}

@test "in a browser: a session is created from the page, and no other server is asked" {
    node "$TOP/tests/contract/docs-page.js"
}
