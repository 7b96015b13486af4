#!/usr/bin/env bats
# Bodies that are not the JSON that is wanted: refused with a sentence, nothing half stored. Every way to be wrong is a
# case of tests/unit/test_service_exchange.c; here is one of each kind, and what its strings cannot hold: a NUL.

load bad_input

@test "a body that is no JSON" {
    bodies_refused 400 invalid_json <<'END'
{"user_id":NaN}
{"user_id":"\\ud800","role":"user","content":"\\ud800","title":"\\ud800"}
\0
{"user_id":"u\0","role":"user","content":"c\0"}
{"user_id":"u"}\0
END
}

@test "a body that is not UTF-8" {
    bodies_refused 400 invalid_encoding <<'END'
{"user_id":"a\xff","role":"user","content":"a\xff","title":"a\xff"}
{"user_id":"u","role":"user","content":"c","metadata":{"a":"\xe4"}}
END
}

@test "a body nested too deeply" {
    local depth
    for depth in 101 100000; do
        printf '{"user_id":"u","role":"user","content":"c","metadata":{"a":%s%s}}' \
            "$(head -c "$depth" /dev/zero | tr '\0' '[')" "$(head -c "$depth" /dev/zero | tr '\0' ']')" \
            >"$BATS_TEST_TMPDIR/deep"
        post /sessions "@$BATS_TEST_TMPDIR/deep"
        expect 400 invalid_json
        post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/deep"
        expect 400 invalid_json
        # Never closed.
        printf '%s' "$(head -c "$depth" /dev/zero | tr '\0' '[')" >"$BATS_TEST_TMPDIR/deep"
        put "/sessions/$user/$sid" "@$BATS_TEST_TMPDIR/deep"
        expect 400 invalid_json
    done
}

@test "the sentence tells where the body is wrong" {
    refused 400 invalid_json POST /sessions '{"user_id":"u",}'
    [[ $(get .detail) =~ [0-9]+ ]] || fail 'no position in the detail'
}

@test "the same parameter twice with the same value is fine" {
    api GET "/sessions/$user?limit=5&limit=5"
    expect 200
    api GET "/sessions/$sid/messages?order=asc&order=asc"
    expect 200
    local other
    other=$(unique)
    post "/sessions?user_id=$other" "{\"user_id\":\"$other\",\"user_id\":\"$other\"}"
    expect 201
}
