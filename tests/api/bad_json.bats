#!/usr/bin/env bats
# Bodies that are not the JSON that is wanted: refused with a sentence, nothing half stored.

load bad_input

@test "a body that is no JSON" {
    bodies_refused 400 invalid_json <<'END'
{
{"user_id":"u","role":"user","content":"c"} x
{"user_id":NaN}
\0
{"user_id":"u\0","role":"user","content":"c\0"}
{"user_id":"u"}\0
END
}

@test "a body that is not UTF-8" {
    bodies_refused 400 invalid_encoding <<'END'
{"user_id":"a\xff","role":"user","content":"a\xff","title":"a\xff"}
{"user_id":"\xc3","role":"user","content":"\xc3","title":"\xc3"}
{"user_id":"\xc0\xaf","role":"user","content":"\xc0\xaf","title":"\xc0\xaf"}
{"user_id":"\xed\xa0\x80","role":"user","content":"\xed\xa0\x80","title":"\xed\xa0\x80"}
{"user_id":"\xf4\x90\x80\x80","role":"user","content":"\xf4\x90\x80\x80","title":"x"}
{"user_id":"\xf8\x88\x80\x80\x80","role":"user","content":"c"}
{"user_id":"u","role":"user","content":"c","metadata":{"a":"\xe4"}}
{"user_id":"u","role":"user","content":"c","metadata":{"\xe4":1}}
{"user_id":"u\x80","role":"user","content":"c"}
END
}

@test "lone surrogates" {
    bodies_refused 400 invalid_json <<'END'
{"user_id":"\\ud800","role":"user","content":"\\ud800","title":"\\ud800"}
{"user_id":"\\udc00x","role":"user","content":"\\udc00"}
{"user_id":"\\ude00\\ud83d","role":"user","content":"\\ude00\\ud83d"}
{"user_id":"\\ud83d\\u0041","role":"user","content":"c"}
{"user_id":"u","role":"user","content":"c","metadata":{"a":"\\ud800"}}
{"user_id":"u","role":"user","content":"c","metadata":{"\\ud800":1}}
END
}

@test "a body nested too deeply" {
    local depth
    for depth in 101 1000 100000; do
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

@test "a body that is JSON but no object" {
    bodies_refused 422 invalid_parameter <<'END'
"text"
17
true
END
}

@test "an array where one object is wanted" {
    refused 422 invalid_parameter POST /sessions '[{"user_id":"u"}]'
    refused 422 invalid_parameter PUT "/sessions/$user/$sid" '[{"title":"t"}]'
}

@test "the sentence tells where the body is wrong" {
    refused 400 invalid_json POST /sessions '{"user_id":"u",}'
    [[ $(get .detail) =~ [0-9]+ ]] || fail 'no position in the detail'
}

# ---- the same parameter twice ----

@test "the same parameter twice with different values" {
    refused 422 invalid_parameter POST /sessions '{"user_id":"u","user_id":"v"}'
    refused 422 invalid_parameter POST '/sessions?user_id=u' '{"user_id":"v"}'
    refused 422 invalid_parameter POST '/sessions?user_id=u&user_id=v' ''
    refused 422 invalid_parameter POST /sessions '{"user_id":"u","metadata":{},"metadata":{"a":1}}'
    refused 422 invalid_parameter PUT "/sessions/$user/$sid" '{"title":"a","title":"b"}'
    refused 422 invalid_parameter PUT "/sessions/$user/$sid" '{"title":"7","title":7}'
    refused 422 invalid_parameter PUT "/sessions/$user/$sid" '{"title":"null","title":null}'
    refused 422 invalid_parameter POST "/sessions/$sid/messages" '{"role":"user","role":"tool","content":"c"}'
    refused 422 invalid_parameter POST "/sessions/$sid/messages?content=d" '{"role":"user","content":"c"}'
    refused 422 invalid_parameter POST "/sessions/$sid/messages" '{"role":"user","content":"c","content":"\\u0064"}'
    api GET "/sessions/$user?limit=5&limit=6"
    expect 422 invalid_parameter
    api GET "/sessions/$sid/messages?order=asc&order=desc"
    expect 422 invalid_parameter
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
