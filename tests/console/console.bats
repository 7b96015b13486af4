#!/usr/bin/env bats
# bats file_tags=long
# The console in a browser, as nginx serves it, with the service behind it. Needs BASE.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP HERE=$TOP/tests/console
    "$TOP/tests/contract/prepare" --modules
    "$TOP/scripts/build-console"
    start_browser
}

teardown_file() { kill "$BROWSER_PID" 2>/dev/null || true; }

# One for all walks.
start_browser() {
    node "$HERE/browser.mjs" "$BATS_FILE_TMPDIR/browser" 3>&- &
    export BROWSER_PID=$!
    until [[ -s $BATS_FILE_TMPDIR/browser ]]; do
        kill -0 "$BROWSER_PID"
        sleep 0.1
    done
    BROWSER=$(<"$BATS_FILE_TMPDIR/browser")
    export BROWSER
}

walk() { timeout 400 node "$HERE/$1.mjs" "$2"; }
fetch() { curl -sS --noproxy '*' --max-time 30 "$@"; }

@test "/console/ and what it loads are there, with their types, under a strict policy" {
    local file type
    while IFS='|' read -r file type; do
        [[ $(fetch -o /dev/null -w '%{http_code} %{content_type}' "$BASE/console/$file") == "200 $type" ]]
        fetch -D "$BATS_TEST_TMPDIR/headers" "$BASE/console/$file" | cmp - "$TOP/build/console/${file:-index.html}"
        grep -qi "^content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'" "$BATS_TEST_TMPDIR/headers"
        grep -qi '^x-content-type-options: nosniff' "$BATS_TEST_TMPDIR/headers"
        grep -qi '^cache-control: no-cache' "$BATS_TEST_TMPDIR/headers"
    done <<'END'
|text/html
console.js|text/javascript
console.css|text/css
icon.svg|image/svg+xml
END
    [[ $(fetch -o /dev/null -w '%{http_code} %{redirect_url}' "$BASE/console") == "308 $BASE/console/" ]]
    [[ $(fetch -o /dev/null -w '%{http_code}' "$BASE/console/none") == 404 ]]
}

@test "/ of a local run tells where to go" {
    local page link
    page=$(fetch -D "$BATS_TEST_TMPDIR/headers" "$BASE/")
    grep -qi "^content-security-policy: default-src 'none'" "$BATS_TEST_TMPDIR/headers"
    for link in /console/ /docs/ /openapi.json /api/v1/health/ready /console/start.css; do
        [[ $page == *"href=\"$link\""* ]]
        [[ $(fetch -o /dev/null -w '%{http_code}' "$BASE$link") == 200 ]]
    done
}

@test "the pages have no inline script, style or handler, and load nothing from elsewhere" {
    run grep -inE '<script[^>]*>[^<]|<style|[[:space:]]on[a-z]+=|[[:space:]]style=|javascript:|https?://' "$TOP"/build/console/*.html
    ((status == 1))
    run grep -nE '@import|url\(|https?://' "$TOP"/build/console/*.css
    ((status == 1))
    run grep -cE '\beval\(|new Function\(' "$TOP/build/console/console.js"
    ((status == 1))
}

@test "its script stays small: 120 KB compressed" {
    (($(gzip -9c "$TOP/build/console/console.js" | wc -c) < 120000))
    for name in preact marked dompurify; do grep -q "^==== $name ====" "$TOP/build/console/LICENSES.txt"; done
}

@test "the user is chosen, or named by a token, which is kept in the tab alone" { walk features choosing; }
@test "the list: pages, previews, search, views, tags" { walk features list; }
@test "pinning, archiving and tagging" { walk features marks; }
@test "a conversation: read, rename, write, edit, delete, and what others write" { walk features conversation; }
@test "files are imported, with what was skipped, and a second time without doubles" { walk features importing; }
@test "what an older page has kept in the browser is taken over" { walk features browser; }
@test "exports as NDJSON, JSON and Markdown; NDJSON can be imported" { walk features exporting; }
@test "with the keyboard alone" { walk features keyboard; }
@test "a conversation of 5,000 messages" { walk hardship long; }
@test "contents that mean harm do none" { walk hardship hostile; }
@test "a service that answers 503 for a while" { walk hardship failures; }
@test "lost connections store nothing twice" { walk hardship lost; }
@test "axe-core finds nothing serious, in light and dark" { walk access wide; }
@test "axe-core finds nothing serious, 390 pixels wide, in light and dark" { walk access narrow; }
