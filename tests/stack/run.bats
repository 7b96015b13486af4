#!/usr/bin/env bats
# bats file_tags=apart,long
# scripts/run and scripts/stop: what starts, what ends, what stays.

load helpers

setup_file() { make_checkout; }

setup() {
    state=$BATS_TEST_TMPDIR/state
    body=''
}

teardown() {
    stop_run "$BATS_TEST_TMPDIR/state" >/dev/null
    [[ ! -d "$BATS_TEST_TMPDIR/deep" ]] || stop_run "$BATS_TEST_TMPDIR/deep/$deep" >/dev/null
}

create_session() {
    http POST "$(url_of "$state")/api/v1/sessions" -H 'Content-Type: application/json' \
        -d "{\"user_id\":\"$1\",\"title\":\"kept\"}"
    [[ $status == 201 ]]
}

# What scripts/run asks of a .env.
names_aws() { TOP=$CHECKOUT bash -c 'source "$TOP/scripts/lib.bash" && names_aws "$1"' - "$BATS_TEST_TMPDIR/env"; }

titles_of() {
    http GET "$(url_of "$state")/api/v1/sessions/$1"
    jq -r '.sessions[].title' <<<"$body"
}

@test "run answers, says where, and gives three curl lines to try" {
    run start_near "$state"
    [[ $status -eq 0 ]]
    [[ $output == *"answers at http://127.0.0.1:"* ]]
    [[ $(grep -c '^  curl ' <<<"$output") -eq 3 ]]
    http GET "$(url_of "$state")/api/v1/health"
    [[ $status == 200 ]]
}

@test "nginx listens on 127.0.0.1 and ::1 alone" {
    start_near "$state"
    local port
    port=$(url_of "$state")
    port=$(printf '%04X' "${port##*:}")
    # Local addresses of listening sockets in the kernel's own notation.
    awk -v port=":$port" '$4 == "0A" && index($2, port) {print $2}' /proc/net/tcp /proc/net/tcp6 >"$BATS_TEST_TMPDIR/listening"
    grep -qx "0100007F:$port" "$BATS_TEST_TMPDIR/listening"
    # Where this machine has no IPv6, the first alone.
    fails grep -vxE "(0100007F|0{24}01000000):$port" "$BATS_TEST_TMPDIR/listening"
}

@test "a second run on the same state says that it is already running" {
    start_near "$state"
    local first
    first=$(pid_of "$state" pool)
    run "$CHECKOUT/scripts/run" --detach --state "$state" --program "$PROGRAM"
    [[ $status -eq 0 ]]
    [[ $output == *"already running at $(url_of "$state")"* ]]
    [[ $(pid_of "$state" pool) == "$first" ]]
    alive "$first"
}

@test "a second run that asks for another port is refused" {
    start_near "$state"
    run "$CHECKOUT/scripts/run" --detach --port 19999 --state "$state" --program "$PROGRAM"
    [[ $status -eq 1 ]]
    [[ $output == *'already running'*'19999'* ]]
}

@test "stop ends everything and leaves no socket" {
    start_run "$state"
    local pids=() name
    for name in nginx pool dynamodb; do pids+=("$(pid_of "$state" "$name")"); done
    local url
    url=$(url_of "$state")
    run stop_run "$state"
    [[ $status -eq 0 ]]
    for name in "${pids[@]}"; do gone "$name"; done
    fails curl -s --noproxy '*' --max-time 5 "$url"
    [[ ! -e $state/sockets/pool.sock && ! -e $state/sockets/pool.sock.status ]]
}

@test "stop where nothing runs says so" {
    run stop_run "$state"
    [[ $status -eq 0 && $output == *'nothing runs'* ]]
}

@test "data outlives stop and run" {
    start_run "$state"
    create_session keeper
    stop_run "$state"
    start_run "$state"
    [[ $(titles_of keeper) == kept ]]
}

@test "data outlives kill -9 of DynamoDB Local, and the next run puts the stack together again" {
    start_run "$state"
    create_session survivor
    local pid
    pid=$(pid_of "$state" dynamodb)
    # It answers a moment before a transaction would outlive its kill, and shows nobody when that is over.
    sleep 2
    kill -9 "$pid"
    until_true 10 gone "$pid"
    run start_run "$state"
    [[ $status -eq 0 ]]
    [[ $(titles_of survivor) == kept ]]
}

@test "a worker that is killed is replaced and the service goes on" {
    start_near "$state"
    local master worker
    master=$(pid_of "$state" pool)
    worker=$(pgrep -P "$master" | head -n 1)
    [[ -n $worker ]]
    local before
    before=$(pgrep -c -P "$master")
    kill -9 "$worker"
    replaced() { [[ $(pgrep -c -P "$master") -eq $before ]] && ! pgrep -P "$master" | grep -qx "$worker"; }
    until_true 10 replaced
    http GET "$(url_of "$state")/api/v1/sessions/anyone"
    [[ $status == 200 ]]
}

@test "a port that is taken is named, with the option to choose another" {
    start_near "$state"
    local port
    port=$(url_of "$state")
    port=${port##*:}
    run "$CHECKOUT/scripts/run" --detach --port "$port" --state "$BATS_TEST_TMPDIR/other" --program "$PROGRAM"
    [[ $status -eq 1 ]]
    [[ $output == *"port $port on 127.0.0.1 is taken"*'--port'* ]]
    [[ ! -e $BATS_TEST_TMPDIR/other/pids/pool ]]
}

@test "the placeholders of .env.example are refused with a sentence" {
    printf 'AWS_ACCESS_KEY_ID=your_access_key_id\nAWS_SECRET_ACCESS_KEY=x\n' >"$BATS_TEST_TMPDIR/env"
    run "$CHECKOUT/scripts/run" --detach --port 0 --state "$state" --program "$PROGRAM" --env-file "$BATS_TEST_TMPDIR/env"
    [[ $status -eq 1 ]]
    [[ $output == *'AWS_ACCESS_KEY_ID'*'placeholder'* ]]
}

@test "the example file as it is copied is refused as well" {
    [[ -e $TOP/.env.example ]]
    cp "$TOP/.env.example" "$CHECKOUT/.env"
    run "$CHECKOUT/scripts/run" --detach --port 0 --state "$state" --program "$PROGRAM"
    rm "$CHECKOUT/.env"
    [[ $status -eq 1 ]]
    [[ $output == *'placeholder'* ]]
}

@test "a trial never sees the machine's AWS credentials" {
    AWS_ACCESS_KEY_ID=AKIAREALREALREALREAL AWS_SECRET_ACCESS_KEY=realsecret AWS_PROFILE=work \
        AWS_SESSION_TOKEN=realtoken AWS_ENDPOINT_URL=http://192.0.2.1 start_run "$state"
    local environment
    environment=$(tr '\0' '\n' <"/proc/$(pid_of "$state" pool)/environ")
    fails grep -E 'REAL|realsecret|realtoken|AWS_PROFILE|192\.0\.2\.1' <<<"$environment"
    http GET "$(url_of "$state")/api/v1/sessions/anyone"
    [[ $status == 200 ]]
}

@test "a .env without a key of AWS's is a trial with those settings, not a way to somebody's account" {
    printf '%s\n' '# AWS_REGION=eu-west-1' 'AWS_PROFILE= # none' "AWS_ACCESS_KEY_ID=''" AWS_MAX_ATTEMPTS=2 POOL_PROCESSES=1 \
        'export POOL_THREADS=16' CORS_ORIGINS=http://trial.example >"$BATS_TEST_TMPDIR/env"
    printf 'MAX_HISTORY_BYTES=2048' >>"$BATS_TEST_TMPDIR/env" # no line feed at its end
    AWS_ACCESS_KEY_ID=AKIAREALREALREALREAL AWS_SECRET_ACCESS_KEY=realsecret AWS_PROFILE=work \
        run start_run "$state" --env-file "$BATS_TEST_TMPDIR/env"
    echo "$output"
    [[ $status -eq 0 ]]
    [[ $output == *"(DynamoDB Local, data in $state/dynamodb)"* ]]
    [[ $output == *"The settings are those of $BATS_TEST_TMPDIR/env, which names neither a region nor an account"* ]]
    fails grep -aE 'REAL|realsecret|AWS_PROFILE' "/proc/$(pid_of "$state" pool)/environ"
    create_session trial
    [[ $(titles_of trial) == kept ]]
    http GET "$(url_of "$state")/api/v1/health" -H 'Origin: http://trial.example'
    [[ $(header access-control-allow-origin) == http://trial.example ]]
    http POST "$(url_of "$state")/api/v1/sessions" -H 'Content-Type: application/json' \
        -d "{\"user_id\":\"trial\",\"title\":\"$(printf '%02048d' 0)\"}"
    [[ $status == 413 ]]
    grep -q '16 threads' "$state/logs/pool.log"
    [[ $(stat -c %a "$state/local.env") == 600 ]]
}

@test "a .env that names AWS in any way is no trial" {
    local line
    for line in AWS_PROFILE=work 'export DEFAULT_AWS_REGION = us-east-1' 'AWS_REGION="eu-west-1"' $'\xEF\xBB\xBFAWS_REGION=a' \
        'AWS_WEB_IDENTITY_TOKEN_FILE=/x' $'\tAWS_ENDPOINT_URL=http://x\r' 'AWS_PROFILE=#1' "AWS_PROFILE= 'a b'"; do
        printf '%s\n' POOL_THREADS=16 >"$BATS_TEST_TMPDIR/env"
        [[ $line != $'\xEF'* ]] || : >"$BATS_TEST_TMPDIR/env"
        printf '%s\n' "$line" >>"$BATS_TEST_TMPDIR/env"
        echo "$line"
        names_aws
    done
    for line in '' 'AWS_PROFILE=' $'AWS_PROFILE=\r' 'AWS_PROFILE= # work' 'AWS_PROFILE=""' 'AWS_MAX_ATTEMPTS=9' \
        '# AWS_PROFILE=work' 'NOT_AWS_REGION=a' 'LOG_FILE=AWS_REGION=a'; do
        printf '%s\n' POOL_THREADS=16 "$line" >"$BATS_TEST_TMPDIR/env"
        echo "$line"
        fails names_aws
    done
}

@test "a trial's bad value is told before anything is started" {
    printf 'POOL_THREADS=many\n' >"$BATS_TEST_TMPDIR/env"
    run start_run "$state" --env-file "$BATS_TEST_TMPDIR/env"
    echo "$output"
    [[ $status -eq 1 && $output == *"POOL_THREADS=many in $BATS_TEST_TMPDIR/env is not allowed"* ]]
    [[ -z $(ls "$state/pids") && ! -e $state/dynamodb.url ]]
}

@test "without credentials it runs and says so in each answer but health" {
    local state=$BATS_TEST_TMPDIR/state url
    printf 'AWS_REGION=us-east-1\nAWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:9\n' >"$BATS_TEST_TMPDIR/env"
    AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null \
        start_run "$state" --env-file "$BATS_TEST_TMPDIR/env"
    url=$(url_of "$state")
    http GET "$url/api/v1/sessions/alice"
    local answer=$body code=$status retry
    retry=$(header retry-after)
    http GET "$url/api/v1/health"
    stop_run "$state"
    echo "$code $retry $answer, health: $status"
    [[ $code == 503 && $retry =~ ^[0-9]+$ && $status == 200 ]]
    jq -e '.code == "credentials_not_configured"
        and (.detail | startswith("DynamoDB not available: AWS credentials not configured"))' <<<"$answer"
}

# table_exists NAME: asked by DynamoDB itself.
table_exists() {
    curl -s --noproxy '*' "$DYNAMODB" -H 'X-Amz-Target: DynamoDB_20120810.DescribeTable' \
        -H 'Content-Type: application/x-amz-json-1.0' -d "{\"TableName\":\"$1\"}" \
        -H 'Authorization: AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0' |
        jq -e '.Table.TableStatus == "ACTIVE"'
}

both_tables_exist() { table_exists "later-$1-sessions" && table_exists "later-$1-messages"; }

# Nobody looks at the tables any more.
nobody_looks() { ! pgrep -P "$1" -f -- '--wait'; }

@test "credentials that come after the start: the tables are made then, and after a reload that names others" {
    [[ -n ${DYNAMODB:-} ]] || skip 'needs the stack of scripts/test'
    local dir=$BATS_TEST_TMPDIR pool one=$$-one two=$$-two
    printf '%s\n' AWS_REGION=us-east-1 "AWS_ENDPOINT_URL_DYNAMODB=$DYNAMODB" AWS_EC2_METADATA_DISABLED=true \
        AWS_CONFIG_FILE=/dev/null "AWS_SHARED_CREDENTIALS_FILE=$dir/credentials" "SOCKET=$dir/s" POOL_PROCESSES=1 \
        POOL_THREADS=1 "DYNAMODB_CHAT_SESSIONS_TABLE=later-$one-sessions" \
        "DYNAMODB_CHAT_MESSAGES_TABLE=later-$one-messages" >"$dir/env"
    env -i PATH="$PATH" ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$PROGRAM" --env-file "$dir/env" serve 2>"$dir/log" 3>&- &
    pool=$!
    until_true 30 grep -q 'the pool is ready' "$dir/log"
    grep -q 'then makes missing tables' "$dir/log"
    fails table_exists "later-$one-sessions"
    printf '[default]\naws_access_key_id = AK\naws_secret_access_key = secret\n' >"$dir/credentials"
    until_true 30 both_tables_exist "$one"
    until_true 10 nobody_looks "$pool"
    sed -i "s/$one/$two/" "$dir/env"
    kill -HUP "$pool"
    until_true 30 both_tables_exist "$two"
    until_true 10 nobody_looks "$pool"
    # What is still looking ends with the pool.
    rm "$dir/credentials"
    failures() { grep -c 'ERROR: .*credentials not configured' "$dir/log"; }
    local before
    before=$(failures)
    one_more() { (($(failures) > before)); }
    kill -HUP "$pool"
    until_true 20 one_more
    kill -TERM "$pool"
    until_true 20 gone "$pool"
    until_true 10 fails pgrep -f -- "$dir/env create-tables"
}

# A DynamoDB that knows nobody's key.
start_refusing() {
    node -e '
        require("http").createServer((request, answer) => {
          answer.writeHead(400, { "Content-Type": "application/x-amz-json-1.0" });
          answer.end(JSON.stringify({ __type: "com.amazon.coral.service#UnrecognizedClientException",
            message: "The security token included in the request is invalid." }));
        }).listen(0, "127.0.0.1", function () { console.log(this.address().port); });' \
        >"$BATS_TEST_TMPDIR/refusing" 3>&- &
    refusing_pid=$!
    until_true 20 test -s "$BATS_TEST_TMPDIR/refusing"
}

@test "a key that DynamoDB refuses: run fails, says why, and nothing stays" {
    start_refusing
    printf '%s\n' AWS_REGION=us-east-1 "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/refusing")" \
        AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=secret >"$BATS_TEST_TMPDIR/env"
    run start_run "$state" --env-file "$BATS_TEST_TMPDIR/env"
    kill "$refusing_pid"
    echo "$status: $output"
    [[ $status -eq 1 ]]
    [[ $output == *'The service does not work: 503'*'AWS does not know the credentials'* ]]
    [[ $output == *"--env-file $BATS_TEST_TMPDIR/env check"* ]]
    [[ -z $(ls "$state/pids") && ! -e $state/url ]]
}

@test "what the program reads in a .env, nginx gets as well" {
    [[ -n ${DYNAMODB:-} ]] || skip 'needs the stack of scripts/test'
    printf '%s\r\n' "export AWS_ENDPOINT_URL_DYNAMODB = '$DYNAMODB' # local" AWS_ACCESS_KEY_ID=local \
        AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1 $'POOL_THREADS=16\t# a comment' POOL_PROCESSES=2 \
        'CORS_ORIGINS="http://localhost:3000, http://a.example,http://A.example,http://a.example" # dev' \
        'CORS_CREDENTIALS=1 # a comment' >"$BATS_TEST_TMPDIR/env"
    start_run "$state" --env-file "$BATS_TEST_TMPDIR/env"
    sed -n '/chat_sessions_cors_credentials {/,/}/p' "$state/nginx/snippets/chat-sessions/http.conf" | grep -q 'default *"true";'
    local origin
    for origin in http://localhost:3000 http://a.example; do
        http GET "$(url_of "$state")/api/v1/health" -H "Origin: $origin"
        [[ $status == 200 && $(header access-control-allow-origin) == "$origin" ]]
    done
    http GET "$(url_of "$state")/api/v1/metrics"
    grep -qE '16 threads' "$state/logs/pool.log"
}

@test "a value that cannot be is told before anything is started" {
    printf '%s\n' AWS_REGION=us-east-1a >"$BATS_TEST_TMPDIR/env"
    run start_run "$state" --env-file "$BATS_TEST_TMPDIR/env"
    echo "$output"
    [[ $status -eq 1 ]]
    [[ $output == *"AWS_REGION=us-east-1a in $BATS_TEST_TMPDIR/env is not allowed: it is a zone of the region us-east-1;"* ]]
    [[ -z $(ls "$state/pids") && ! -e $state/logs/pool.log ]]
}

@test "an option's bad value is refused with a sentence" {
    run "$CHECKOUT/scripts/run" --port 70000
    [[ $status -eq 1 && $output == *'--port must be'*'70000'* ]]
    run "$CHECKOUT/scripts/run" --nonsense
    [[ $status -eq 1 && $output == *'--nonsense'* ]]
    run "$CHECKOUT/scripts/run" --state
    [[ $status -eq 1 && $output == *'--state needs a value'* ]]
}

@test "a program that does not start: its last words are shown and nothing stays" {
    printf '#!/bin/sh\necho "ERROR: the tables are upside down" >&2\nexit 3\n' >"$BATS_TEST_TMPDIR/broken"
    chmod +x "$BATS_TEST_TMPDIR/broken"
    PROGRAM=$BATS_TEST_TMPDIR/broken run start_near "$state"
    [[ $status -eq 1 ]]
    [[ $output == *'the tables are upside down'* ]]
    [[ -z $(ls "$state/pids") ]]
}

@test "stop leaves alone a process that only has the remembered id" {
    mkdir -p "$state/pids"
    sleep 60 3>&- &
    local stranger=$!
    printf '%s 12345 %s\n' "$stranger" "$(cat /proc/sys/kernel/random/boot_id)" >"$state/pids/pool"
    stop_run "$state"
    alive "$stranger"
    kill "$stranger"
}

@test "a state directory too deep for a socket's path works" {
    deep=$(printf 'directory-%.0s' {1..12})
    start_near "$BATS_TEST_TMPDIR/deep/$deep"
    http GET "$(url_of "$BATS_TEST_TMPDIR/deep/$deep")/api/v1/health"
    [[ $status == 200 ]]
}

@test "in the foreground an interruption ends everything" {
    local arguments=(--port 0 --state "$state" --program "$PROGRAM")
    [[ -z ${DYNAMODB:-} ]] || arguments+=(--env-file "$BATS_FILE_TMPDIR/near.env")
    # setsid: an ordinary background command of a script ignores SIGINT, and so would its children.
    setsid "$CHECKOUT/scripts/run" "${arguments[@]}" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    local run_pid=$!
    until_true 60 grep -q 'Ctrl-C' "$BATS_TEST_TMPDIR/out"
    local pool
    pool=$(pid_of "$state" pool)
    alive "$pool"
    kill -TERM "$run_pid"
    until_true 60 gone "$run_pid"
    gone "$pool"
    [[ -z $(ls "$state/pids") ]]
}
