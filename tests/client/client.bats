#!/usr/bin/env bats
# The client for browsers and Node.js: its unit tests, its types, the package, and its calls against the running
# service. Needs API.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP HERE=$TOP/tests/client TOOLS=$TOP/nginx/web/client/node_modules/.bin
    # As npm would install it; it needs nothing else.
    PROJECT=$BATS_FILE_TMPDIR/project
    export PROJECT
    "$TOP/scripts/build-client"
    mkdir -p "$PROJECT"
    (
        cd "$PROJECT" || exit
        echo '{"name": "page", "version": "1.0.0", "type": "module"}' >package.json
        npm pack --silent --offline "$TOP/build/client" >packed
        npm install --silent --offline --no-audit --no-fund "./$(<packed)"
    )
}

unit() { node --test --test-reporter=tap "$HERE/$1.test.mjs"; }
walk() { timeout 120 node "$HERE/walk.mjs" "$1"; }

@test "the calls: what is sent, sent again, and fails" { unit calls; }
@test "following a session and taking an export" { unit streams; }
@test "the importers" { unit importers; }

@test "the types let through what the contract allows, and nothing else" {
    cp "$HERE/types.ts" "$PROJECT/"
    (cd "$PROJECT" && "$TOOLS/tsc" --noEmit --strict --exactOptionalPropertyTypes --skipLibCheck false --target es2022 \
        --module node16 --moduleResolution node16 types.ts)
}

@test "the package can be installed, needs nothing at run time, and names its files" {
    cd "$PROJECT"
    [[ $(jq -c '.dependencies // {}' node_modules/chat-sessions-client/package.json) == '{}' ]]
    [[ $(ls node_modules) == chat-sessions-client ]]
    local file
    for file in README.md LICENSE chat-sessions.js importers.js types/index.d.ts types/importers/index.d.ts; do
        [[ -s node_modules/chat-sessions-client/$file ]]
    done
    node -e '
        import("chat-sessions-client").then(async ({ ChatSessions, ChatSessionsError }) => {
            const { importFrom } = await import("chat-sessions-client/importers");
            if (![ChatSessions, ChatSessionsError, importFrom].every((it) => typeof it === "function")) process.exit(1);
        });'
    # Nothing that a browser of 2020 cannot read: regular expressions that look behind, static blocks, private methods.
    run grep -lE '\(\?<[=!]|static\{|#[a-z]+\(|\?\?=|\|\|=' node_modules/chat-sessions-client/*.js
    ((status == 1))
}

@test "its sessions, against the service" { walk sessions; }
@test "its messages, against the service" { walk messages; }
@test "its errors, against the service" { walk refusals; }
@test "answers that are lost store nothing twice" { walk lost; }
@test "following a session of the service" { walk following; }
@test "health, metrics and the document" { walk operation; }
@test "imported files are there whole, also after a second time" { walk imports; }
