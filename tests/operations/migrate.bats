#!/usr/bin/env bats
# scripts/migrate: tables of other programs become the lines of an import. The tables in tables/ have the shapes that
# the programs write, with what cannot be taken over among it.

# shellcheck source=tests/api/helpers.bash
load ../api/helpers

setup() { TABLES=$BATS_TEST_DIRNAME/tables; }

migrate() { "$TOP/scripts/migrate" "$@" >"$BATS_TEST_TMPDIR/lines" 2>"$BATS_TEST_TMPDIR/said"; }

# holds FILTER: of all lines as one array.
holds() { jq -se "$1" "$BATS_TEST_TMPDIR/lines" >/dev/null || { cat "$BATS_TEST_TMPDIR/lines"; fail "$1"; }; }

# What every reader of an import relies on.
lines_are_in_order() {
    holds 'last.type == "end" and last.sessions == (map(select(.type == "session")) | length)
        and last.messages == (map(select(.type == "message")) | length)'
    holds 'reduce .[] as $l ({ok: true}; if $l.type == "session" then .id = $l.session_id | .at = 0
        elif $l.type == "message" then .ok = (.ok and .id == $l.session_id and $l.timestamp > .at) | .at = $l.timestamp
        else . end) | .ok'
}

@test "LangChain: every kind of message, calls of tools included" {
    migrate langchain --at 2026-01-31T12:00:00Z "$TABLES/langchain.json"
    lines_are_in_order
    holds '[.[] | select(.type == "session") | .session_id] == ["s-1", "s-2"]'
    holds '[.[] | select(.session_id == "s-1") | .role // empty] == ["system", "user", "assistant", "tool", "assistant", "user"]'
    holds '.[3].metadata.tool_calls[0].args.place == "Köln" and .[3].content == "" and .[4].metadata.tool_call_id == "call_1"'
    holds '.[5].content == [{"type": "text", "text": "Take an umbrella."}] and .[1].timestamp == 1769860800000'
    grep -qx 'left out: 2 messages without a role or a text' "$BATS_TEST_TMPDIR/said"
    cp "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/first"
    migrate langchain --at 2026-01-31T12:00:00Z - <"$TABLES/langchain.json"
    cmp "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/lines"
}

@test "LangChain: a table with names of its own, and no time" {
    jq -c '.Items |= map({Id: .SessionId, Messages: .History})' "$TABLES/langchain.json" >"$BATS_TEST_TMPDIR/scan"
    migrate langchain --at 2026-01-31T12:00:00Z --id Id --history Messages "$BATS_TEST_TMPDIR/scan"
    holds 'last.messages == 6'
    run "$TOP/scripts/migrate" langchain "$TABLES/langchain.json"
    [[ $status != 0 && $output == *--at* ]]
    run "$TOP/scripts/migrate" langchain --at soon "$TABLES/langchain.json"
    [[ $status != 0 && $output == *'--at must be a time'* ]]
}

@test "Chainlit: the threads of one user with their times, in order" {
    migrate chainlit --user alice "$TABLES/chainlit.json"
    lines_are_in_order
    holds '.[0] | .title == "A trip to Lisbon" and .created_at == "2026-03-02T10:00:00.123000Z" and .tags == ["travel"]
        and .metadata == {"model": "m-1", "temperature": 0.7, "source": "chainlit"}'
    holds '[.[] | select(.type == "message") | [.role, .timestamp]]
        == [["user", 1772445600123], ["assistant", 1772445605250], ["user", 1772445605251]]'
    grep -qx 'left out: 1 steps that are no message' "$BATS_TEST_TMPDIR/said"
    migrate chainlit --user nobody "$TABLES/chainlit.json"
    holds '. == [{"type": "end", "sessions": 0, "messages": 0}]'
    [[ $("$TOP/scripts/migrate" chainlit --users "$TABLES/chainlit.json" | xargs) == 'alice bob' ]]
}

@test "what is made can be imported, twice, and is there with its times" {
    run "$CHAT_SESSIONS_BIN" --help
    [[ $output == *' import '* ]] || skip 'this program has no import'
    local user id
    user=$(unique migrated)
    migrate chainlit --user alice "$TABLES/chainlit.json"
    for _ in once again; do
        "$CHAT_SESSIONS_BIN" --env-file "$STATE/../test.env" import --user "$user" "$BATS_TEST_TMPDIR/lines"
    done
    api GET "/sessions/$user"
    check '.count == 1 and .sessions[0].title == "A trip to Lisbon" and .sessions[0].message_count == 3'
    id=$(jq -r '.sessions[0].session_id' <"$body_file")
    api GET "/sessions/$id/messages"
    check '[.messages[].timestamp] == [1772445600123, 1772445605250, 1772445605251]'
    migrate langchain --at 2026-01-31T12:00:00Z "$TABLES/langchain.json"
    "$CHAT_SESSIONS_BIN" --env-file "$STATE/../test.env" import --user "$user" "$BATS_TEST_TMPDIR/lines"
    api GET "/sessions/$user"
    check '.count == 3'
    judge
}
