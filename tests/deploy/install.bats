#!/usr/bin/env bats
# bats file_tags=apart
# What `make install` puts where, and the unit that systemd runs it with.

bats_require_minimum_version 1.5.0

fail() {
    printf '%s\n' "$*" >&2
    return 1
}

setup() { ROOT=$BATS_TEST_TMPDIR/root; }

install_below() { make -s -C "$TOP" install DESTDIR="$ROOT" "$@" >"$BATS_TEST_TMPDIR/out"; }

mode_of() { stat -c %a "$ROOT$1"; }

@test "install honours DESTDIR, PREFIX and SYSCONFDIR" {
    install_below PREFIX=/opt/chat SYSCONFDIR=/opt/chat/etc
    [[ $("$ROOT/opt/chat/bin/chat-sessions" --version) == chat-sessions\ * ]]
    [[ -z $(find "$ROOT" -type f -not -path "$ROOT/opt/chat/*") ]]
    ! grep -rnI -e /usr/local/ -e ' /etc/chat-sessions' "$ROOT/opt/chat/lib" "$ROOT/opt/chat/etc" ||
        fail 'a path of the default place is left'
    grep -q '^ExecStart=/opt/chat/bin/chat-sessions serve --env-file /opt/chat/etc/chat-sessions/chat-sessions.env$' \
        "$ROOT/opt/chat/lib/systemd/system/chat-sessions.service"
    [[ $(mode_of /opt/chat/etc/chat-sessions/chat-sessions.env) == 640 ]]
}

@test "the installed configuration is accepted as it is, and so is nginx's site" {
    install_below
    run -0 env -i PATH="$PATH" AWS_ACCESS_KEY_ID=AKIDSIGNATUREFRONT AWS_SECRET_ACCESS_KEY=front/secret+key \
        AWS_ENDPOINT_URL_DYNAMODB="$DYNAMODB" "$ROOT/usr/local/bin/chat-sessions" \
        --env-file "$ROOT/etc/chat-sessions/chat-sessions.env" create-tables
    sed -i "s|listen \(.*\)80;|listen unix:$BATS_TEST_TMPDIR/\1.sock;|; s|/var/log/nginx|$BATS_TEST_TMPDIR|" \
        "$ROOT/etc/nginx/sites-available/chat-sessions"
    sed -i '/\[::\]/d' "$ROOT/etc/nginx/sites-available/chat-sessions"
    printf '%s\n' "pid $BATS_TEST_TMPDIR/pid; events { }" "http { include $ROOT/etc/nginx/sites-available/chat-sessions; }" \
        >"$ROOT/etc/nginx/nginx.conf"
    run -0 env PATH="$PATH:/usr/sbin" nginx -t -q -c "$ROOT/etc/nginx/nginx.conf" -e "$BATS_TEST_TMPDIR/error.log"
}

@test "a second install leaves what the administrator has changed" {
    install_below
    local file
    for file in chat-sessions/chat-sessions.env nginx/sites-available/chat-sessions logrotate.d/chat-sessions; do
        echo '# changed' >>"$ROOT/etc/$file"
    done
    install_below
    for file in chat-sessions/chat-sessions.env nginx/sites-available/chat-sessions logrotate.d/chat-sessions; do
        [[ $(tail -n 1 "$ROOT/etc/$file") == '# changed' ]] || fail "$file was overwritten"
        [[ -e $ROOT/etc/$file.new ]] || fail "no $file.new"
    done
    [[ $(mode_of /etc/chat-sessions/chat-sessions.env.new) == 640 ]]
}

@test "what Prometheus and Grafana need is installed, the rules beside the example that names them" {
    install_below
    local file directory=$ROOT/usr/local/share/chat-sessions/monitoring
    for file in prometheus.yml chat-sessions.rules.yml dashboard.json; do
        [[ -s $directory/$file ]] || fail "no $file"
    done
    promtool check config "$directory/prometheus.yml"
}

@test "the installed configuration names no region and no keys, and is not about copying files" {
    install_below
    local file=$ROOT/etc/chat-sessions/chat-sessions.env
    [[ $(head -n 1 "$file") == '# The configuration of the service chat-sessions.' ]]
    ! grep -nE '^(export )?[A-Z_]*(REGION|ACCESS_KEY|TOKEN)[A-Z_]*=' "$file" || fail 'a region or a key is set'
    ! grep -n -e 'cp .env' -e your_ "$file" || fail 'a text of the example'
    # Every key of the example is in it.
    diff <(grep -oE '^(# )?[A-Z_]+=' "$TOP/.env.example" | tr -d '# ' | sort -u) \
        <(grep -oE '^(# )?[A-Z_]+=' "$file" | tr -d '# ' | sort -u)
    run -0 env -i PATH="$PATH" "$ROOT/usr/local/bin/chat-sessions" --env-file "$file" config AWS_REGION DEFAULT_AWS_REGION
    [[ $output == $'AWS_REGION=\'\'\nDEFAULT_AWS_REGION=\'\'' ]]
}

@test "the console is installed where its snippet looks for it" {
    "$TOP/scripts/build-console"
    install_below PREFIX=/opt/chat SYSCONFDIR=/opt/etc
    grep -q 'alias /opt/chat/share/chat-sessions/console/;' "$ROOT/opt/etc/nginx/snippets/chat-sessions/console.conf"
    diff -r --exclude='.*' "$TOP/build/console" "$ROOT/opt/chat/share/chat-sessions/console"
}

@test "uninstall takes away what install has put there, and leaves nginx sound" {
    install_below PREFIX=/opt/chat SYSCONFDIR=/opt/etc
    mkdir -p "$ROOT/opt/etc/nginx/sites-enabled"
    ln -s ../sites-available/chat-sessions "$ROOT/opt/etc/nginx/sites-enabled/chat-sessions"
    echo '# changed' >>"$ROOT/opt/etc/chat-sessions/chat-sessions.env"
    uninstall() { make -s -C "$TOP" uninstall DESTDIR="$ROOT" PREFIX=/opt/chat SYSCONFDIR=/opt/etc "$@"; }
    run -0 uninstall
    [[ $output == *"left (--purge removes it): $ROOT/opt/etc/chat-sessions/chat-sessions.env"* ]]
    [[ ! -e $ROOT/opt/chat && ! -L $ROOT/opt/etc/nginx/sites-enabled/chat-sessions ]]
    grep -q '^# changed' "$ROOT/opt/etc/chat-sessions/chat-sessions.env"
    [[ -e $ROOT/opt/etc/nginx/sites-available/chat-sessions && -e $ROOT/opt/etc/nginx/snippets/chat-sessions/http.conf ]]
    run -0 uninstall PURGE=1
    [[ -z $(find "$ROOT" -type f) ]] || fail "$(find "$ROOT" -type f)"
}

@test "the units: no limit on starts, nothing that a package would restart with the service" {
    local unit
    ! grep -n '^Also=' "$TOP"/scripts/systemd/*.{service,socket} || fail 'Also='
    grep -qx StartLimitIntervalSec=0 "$TOP/scripts/systemd/chat-sessions.service"
    grep -qx Restart=always "$TOP/scripts/systemd/chat-sessions.service"
    ! grep -n RestartPreventExitStatus "$TOP/scripts/systemd/chat-sessions.service" || fail 'some ends are final'
    for unit in "$TOP"/scripts/systemd/*.socket; do grep -qx TriggerLimitIntervalSec=0 "$unit"; done
    # The first line of the reload looks at the file and fails; only then the master hears of it.
    [[ $(grep -m 1 '^ExecReload=' "$TOP/scripts/systemd/chat-sessions.service") == *' check --configuration' ]]
}

@test "systemd's exposure of the service is at most 2.5" {
    run -0 systemd-analyze security --no-pager --offline=true --threshold=25 \
        "$TOP/scripts/systemd/chat-sessions.service" "$TOP/scripts/systemd/chat-sessions-purge.service"
}

@test "systemd accepts the unit and its sockets" {
    local unit
    install_below
    for unit in "$TOP"/scripts/systemd/*.{service,socket,timer}; do
        sed "s|/usr/local/bin/|$ROOT/usr/local/bin/|" "$unit" >"$BATS_TEST_TMPDIR/${unit##*/}"
    done
    run -0 systemd-analyze verify --man=no "$BATS_TEST_TMPDIR"/*.{service,socket,timer}
    [[ -z $output ]] || fail "$output"
}

@test "the manual page has no mistakes and names every command" {
    local command
    if command -v groff >/dev/null; then
        run -0 groff -man -ww -Tutf8 -z "$TOP/docs/chat-sessions.8"
        [[ -z $output ]] || fail "$output"
    fi
    while read -r command; do
        grep -qxF ".B ${command//-/\\-}" "$TOP/docs/chat-sessions.8" || fail "$command is missing"
    done < <("$CHAT_SESSIONS_BIN" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-][a-z-]*\)  .*/\1/p')
}
