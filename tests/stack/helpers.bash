# What the tests of the scripts share. They work on a copy of scripts/ and nginx/, so that a .env in the checkout
# has no part in them and the default state directory is not the developer's.
# shellcheck shell=bash

TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
PROGRAM=${CHAT_SESSIONS_BIN:-$TOP/build/chat-sessions}
# A space in it: every path has to be quoted properly.
CHECKOUT="$BATS_FILE_TMPDIR/the checkout"

make_checkout() {
    mkdir -p "$CHECKOUT"
    cp -r "$TOP/scripts" "$TOP/nginx" "$CHECKOUT/"
    cat >"$BATS_FILE_TMPDIR/near.env" <<EOF
AWS_ENDPOINT_URL_DYNAMODB=${DYNAMODB:-}
AWS_ACCESS_KEY_ID=local
AWS_SECRET_ACCESS_KEY=local
AWS_REGION=us-east-1
EOF
}

# start_run DIR OPTIONS…: a stack with a DynamoDB Local of its own.
start_run() {
    local state=$1
    shift
    "$CHECKOUT/scripts/run" --detach --port 0 --state "$state" --program "$PROGRAM" "$@"
}

# start_near DIR: the same with the DynamoDB Local that the whole run shares, where there is one: quicker.
start_near() {
    if [[ -n ${DYNAMODB:-} ]]; then
        start_run "$@" --env-file "$BATS_FILE_TMPDIR/near.env"
    else
        start_run "$@"
    fi
}

stop_run() { "$CHECKOUT/scripts/stop" --state "$1"; }

url_of() { cat "$1/url"; }
pid_of() { cut -d' ' -f1 "$1/pids/$2"; }

# http METHOD URL [curl options]: sets status, body; headers are in $headers, lower case names.
http() {
    local method=$1 url=$2
    shift 2
    curl -s --noproxy '*' --path-as-is --max-time 20 -X "$method" -D "$BATS_TEST_TMPDIR/headers" \
        -o "$BATS_TEST_TMPDIR/body" "$@" "$url" || true
    read_answer
}

# What http and raw have stored. After a "100 Continue" there is a second head: the last one counts.
read_answer() {
    headers=$(tr -d '\r' <"$BATS_TEST_TMPDIR/headers" | awk '/^HTTP\//{text=""} {text=text $0 "\n"} END{printf "%s", text}')
    status=$(awk 'NR == 1 {print $2}' <<<"$headers")
    body=$(cat "$BATS_TEST_TMPDIR/body" 2>/dev/null || true)
}

# raw PORT BYTES: what no client library would send.
raw() {
    exec 5<>"/dev/tcp/127.0.0.1/$1"
    # shellcheck disable=SC2059  # the escapes in it are meant
    printf "$2" >&5
    timeout 10 cat <&5 >"$BATS_TEST_TMPDIR/answer" || true
    exec 5>&-
    awk -v RS='\r\n\r\n' 'NR == 1' "$BATS_TEST_TMPDIR/answer" >"$BATS_TEST_TMPDIR/headers"
    awk -v RS='\r\n\r\n' 'NR == 2' "$BATS_TEST_TMPDIR/answer" >"$BATS_TEST_TMPDIR/body"
    read_answer
}

header() { sed -nE "s/^$1: //Ip" <<<"$headers"; }

# problem STATUS CODE: the answer is nginx's own error, complete.
problem() {
    echo "got $status $(header content-type): $body"
    [[ $status == "$1" ]]
    [[ $(header content-type) == application/problem+json ]]
    jq -e --argjson status "$1" --arg code "$2" --arg id "$(header x-request-id)" '
        .type == "about:blank" and .status == $status and .code == $code and (.title | length) > 0
        and (.detail | length) > 10 and .request_id == $id and ($id | length) > 0' <<<"$body"
}

# A failing "!" does not fail a test of bats; this does.
fails() {
    if "$@"; then return 1; fi
}

# until_true SECONDS COMMAND…
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# alive ID: exists and is no zombie.
alive() { [[ -e /proc/$1/stat && $(sed 's/.*) //' "/proc/$1/stat") != Z* ]]; }
gone() { ! alive "$1"; }
