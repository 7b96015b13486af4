#!/usr/bin/env bats
# bats file_tags=apart
# The program as a file: what the libraries that it loads can see of it.

load helpers

@test "the program exports nothing of its own" {
    # What the linker has copied out of the C library bears that library's version; out of libunistring it
    # copies one table.
    run nm -D --defined-only "$PROGRAM"
    echo "$output"
    ((status == 0))
    fails grep -vE '@GLIBC_| uninorm_nfkc$' <<<"$output"
    # Those are names of jansson's too, which libcjose calls.
    nm "$PROGRAM" | grep ' [Tt] json_string$'
}
