# Fuzzing: `make fuzz`. Included by the Makefile. Every tests/fuzz/fuzz_NAME.c becomes build/fuzz/fuzz_NAME, with
# the program's own sources (not main.c) compiled by clang for libFuzzer, AddressSanitizer and UBSan. A new
# harness needs no change here: a file, and a directory tests/fuzz/corpus/NAME with a few small inputs.

FUZZ         = build/fuzz
FUZZ_SOURCES = $(wildcard tests/fuzz/fuzz_*.c)
# What no harness reaches is not compiled: most of the time of a short run is that.
FUZZ_OBJECTS = $(patsubst %.c,$(FUZZ)/obj/%.o,$(filter-out cgi-src/check/% cgi-src/tool/%,$(LIB_SOURCES)))
FUZZ_LIBRARY = $(FUZZ)/libchat-sessions.a
FUZZ_PROGRAMS = $(FUZZ_SOURCES:tests/fuzz/%.c=$(FUZZ)/%)

FUZZ_SECONDS = 30
FUZZ_ONLY    =

FUZZ_CC     = clang
FUZZ_CFLAGS = $(BASE_FLAGS) $(WARNINGS) -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all

.PHONY: fuzz
fuzz: fuzz-programs ## fuzz each reader of foreign bytes for FUZZ_SECONDS (FUZZ_ONLY=NAME: one)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_ONLY)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

$(FUZZ)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FUZZ_CC) $(subst ','\'',$(FUZZ_CFLAGS))' | cmp -s - $@ || \
	    printf '%s\n' '$(FUZZ_CC) $(subst ','\'',$(FUZZ_CFLAGS))' > $@

$(FUZZ)/obj/%.o: %.c $(FUZZ)/flags
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

$(FUZZ_LIBRARY): $(FUZZ_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(FUZZ_PROGRAMS): $(FUZZ)/%: $(FUZZ)/obj/tests/fuzz/%.o $(FUZZ_LIBRARY)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ $(LIBS)

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_SOURCES:%.c=$(FUZZ)/obj/%.d)
