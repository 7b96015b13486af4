#!/usr/bin/env bats
# What is shipped for Prometheus and Grafana: promtool has nothing to say, a Prometheus of the test's own scrapes the
# stack by the example and can answer every question of rules and dashboard, and no metric is named that is not there.
# Needs the stack of scripts/test.

# shellcheck source=tests/api/helpers.bash
load ../api/helpers
# shellcheck source=scripts/lib.bash
source "$TOP/scripts/lib.bash"

MONITORING=$TOP/scripts/monitoring
RULES=$MONITORING/chat-sessions.rules.yml
DASHBOARD=$MONITORING/dashboard.json

teardown() {
    [[ ! -d $BATS_TEST_TMPDIR/prometheus ]] || STATE=$BATS_TEST_TMPDIR/prometheus stop_process prometheus TERM 10
    judge
}

# The questions of the dashboard with its variables filled in, a line each.
dashboard_questions() {
    jq -r '.panels[].targets[]?.expr' "$DASHBOARD" | sed 's/\$__rate_interval/1m/g; s/\$node/.*/g'
}

# The same of the alerts, on one line each.
alert_questions() {
    node -e 'for (const text of require("fs").readFileSync(process.argv[1], "utf8").matchAll(
        /^ {8}expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/gm)) console.log((text[1] || text[2]).replace(/\s+/g, " ").trim())' "$RULES"
}

# So that every family has something to show.
make_traffic() {
    new_session
    say hello
    api GET "/sessions/$user/$sid"
    api GET "/sessions/$user/none"
    expect 404
}

# start_prometheus: by the shipped example, at this stack; sets PROMETHEUS. The port is the kernel's choice.
start_prometheus() {
    local directory=$BATS_TEST_TMPDIR/prometheus port
    mkdir -p "$directory/logs" "$directory/pids"
    port=$(free_port)
    PROMETHEUS=http://127.0.0.1:$port
    # shellcheck disable=SC2153 # BASE is from the environment
    sed -e "s/127.0.0.1:80/${BASE#http://}/" -e 's/_interval: 15s/_interval: 1s/' "$MONITORING/prometheus.yml" \
        >"$directory/prometheus.yml"
    cp "$RULES" "$directory/"
    STATE=$directory start_process prometheus "$directory/logs/prometheus.log" prometheus \
        --config.file="$directory/prometheus.yml" --storage.tsdb.path="$directory/data" \
        --web.listen-address="127.0.0.1:$port" --storage.tsdb.retention.size=64MB --log.level=warn
}

# ask QUESTION: the answer's document.
ask() { curl -sS --noproxy '*' --max-time 20 --data-urlencode "query=$1" "$PROMETHEUS/api/v1/query"; }

# has_values QUESTION: it has an answer with something in it.
has_values() { ask "$1" 2>/dev/null | jq -e '.status == "success" and (.data.result | length > 0)' >/dev/null; }

is_understood() { ask "$1" 2>/dev/null | jq -e '.status == "success"' >/dev/null; }

has_rate() {
    make_traffic
    has_values 'up{job="chat-sessions"} == 1' && has_values 'sum(rate(chat_sessions_requests_total[1m])) > 0'
}

@test "promtool finds nothing wrong with the rules and the example" {
    promtool check rules "$RULES"
    promtool check config "$MONITORING/prometheus.yml"
}

@test "each alert comes for what it is meant for, and none without a reason" {
    promtool test rules "$BATS_TEST_DIRNAME/alerts.test.yml"
    # The file of tests knows them all.
    [[ $(sed -n 's/^ *- alert: //p' "$RULES" | sort) == \
        "$(sed -n 's/.*{alertname="\([A-Za-z]*\)"}.*value.*/\1/p' "$BATS_TEST_DIRNAME/alerts.test.yml" | sort)" ]]
}

@test "each alert has its paragraph in docs/operations.md, and no other has" {
    [[ $(sed -n 's/^ *- alert: //p' "$RULES" | sort) == \
        "$(sed -n 's/^- \*\*\(ChatSessions[A-Za-z]*\)\*\*.*/\1/p' "$TOP/docs/operations.md" | sort)" ]]
}

@test "every metric and every error code that rules and dashboard name is there" {
    local name base
    make_traffic
    curl -sS --noproxy '*' "$BASE/metrics" >"$BATS_TEST_TMPDIR/metrics"
    while read -r name; do
        base=${name%_bucket}
        grep -qE "^# TYPE ($name|$base) " "$BATS_TEST_TMPDIR/metrics" || fail "there is no $name"
        grep -qE "^${name}[{ ]" "$BATS_TEST_TMPDIR/metrics" || fail "$name has no value"
    done < <({ dashboard_questions; alert_questions; } | grep -oE '\b(chat_sessions|process)_[a-z_]+' | sort -u)
    while read -r name; do
        grep -q "\"$name\"" "$TOP/cgi-src/base/err.h" || fail "there is no code $name"
    done < <({ dashboard_questions; alert_questions; } | grep -oE 'code=~?"[a-z_|]+"' | grep -oE '[a-z_]{4,}' | grep -v '^code$' | sort -u)
}

@test "a Prometheus scrapes the stack by the example and can answer every question" {
    local question count=0
    make_traffic
    start_prometheus
    # Something is counted between two scrapes, so that there are rates.
    wait_for 40 has_rate || {
        cat "$BATS_TEST_TMPDIR/prometheus/logs/prometheus.log"
        ask 'up' && ask chat_sessions_requests_total
        fail 'it does not scrape, or nothing is counted'
    }
    while IFS= read -r question; do
        count=$((count + 1))
        # Nothing has failed yet in most runs: those two may be empty.
        [[ $question == *'status=~"'* ]] || wait_for 20 has_values "$question" || fail "no answer to: $question"
        wait_for 20 is_understood "$question" || fail "not understood: $question: $(ask "$question")"
    done < <(dashboard_questions)
    ((count >= 20)) || fail "$count questions of the dashboard"
    count=0
    while IFS= read -r question; do
        count=$((count + 1))
        wait_for 20 is_understood "$question" || fail "not understood: $question: $(ask "$question")"
    done < <(alert_questions)
    ((count == $(grep -c '^ *- alert:' "$RULES"))) || fail "$count questions of the alerts"
    # It has taken the rules itself, and finds this stack in good order but for what other tests do to it.
    curl -sS --noproxy '*' "$PROMETHEUS/api/v1/rules" | jq -e '.data.groups[0].rules | length > 10 and all(.health != "err")' ||
        fail "$(curl -sS --noproxy '*' "$PROMETHEUS/api/v1/rules")"
}

@test "the dashboard is one that Grafana takes: ids and places are its own, each panel has a question" {
    jq -e '(.panels | map(.id) | length == (unique | length)) and .uid == "chat-sessions"
        and all(.panels[]; .type == "row" or ((.targets | length > 0) and all(.targets[]; .expr and .refId)))
        and ([.panels[] | [.gridPos.x, .gridPos.y]] | length == (unique | length))' "$DASHBOARD" >/dev/null
}
