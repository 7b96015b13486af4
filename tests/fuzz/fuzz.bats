#!/usr/bin/env bats
# bats file_tags=apart,long
# Each reader of foreign bytes against made-up inputs, FUZZ_SECONDS (3) each; see README.md.
# The harnesses run together, before the tests, which then look at what became of each.

setup_file() {
    export FUZZ_SECONDS=${FUZZ_SECONDS:-3}
    make -C "$TOP" --no-print-directory -s -j"$(nproc)" WERROR=1 fuzz-programs
    "$TOP/tests/fuzz/run" || true
}

survives() {
    cat "$TOP/build/fuzz/logs/$1.result"
    [ "$(<"$TOP/build/fuzz/logs/$1.result")" = ok ]
}

@test "made-up requests break nothing" { survives request; }
@test "made-up request targets break nothing" { survives uri; }
@test "made-up JSON breaks nothing" { survives json; }
@test "made-up cursors break nothing" { survives cursor; }
@test "made-up tokens break nothing, and none verifies" { survives token; }
@test "made-up key sets break nothing" { survives key_set; }
@test "made-up answers of DynamoDB break nothing" { survives classify; }
@test "made-up credentials documents break nothing" { survives credentials_document; }
@test "made-up answers of STS break nothing" { survives sts; }
@test "made-up profile files break nothing" { survives profile; }
@test "made-up .env files break nothing" { survives dotenv; }

@test "every other harness holds too" {
    local source name
    for source in "$BATS_TEST_DIRNAME"/fuzz_*.c; do
        name=$(basename "$source" .c)
        name=${name#fuzz_}
        grep -q "survives $name; }" "$BATS_TEST_FILENAME" || survives "$name"
    done
}
