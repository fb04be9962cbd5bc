# What the acceptance scripts share: words, waiting, a network of their own, servers in the background, certificates.
# To be sourced. shellcheck shell=bash

set -euo pipefail
export LC_ALL=C PATH=$HOME/.cargo/bin:/usr/sbin:/sbin:$PATH
umask 022

ACCEPTANCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$ACCEPTANCE/../.." && pwd)
CERTVIGIL=${CERTVIGIL:-$ROOT/target/debug/certvigil}
case $CERTVIGIL in /*) ;; *) CERTVIGIL=$PWD/$CERTVIGIL ;; esac
SCRIPT=$(basename "$0" .sh)

say() { printf '   %s\n' "$*"; }

# fail WORDS...: the end. The logs stay where they are.
fail() {
    printf '   FAILED: %s\n' "$*" >&2
    FAILED=yes
    exit 1
}

# shown FILE: for a failure, the end of a log.
shown() { [ ! -s "$1" ] || sed 's/^/   | /' "$1" | tail -n 30 >&2; }

# needs COMMAND:PACKAGE...: root, the binary, and these; a lack is named and ends the script, nothing is skipped.
needs() {
    [ "$(id -u)" = 0 ] || fail "needs root: network namespaces, ports below 1024 (sudo make acceptance)"
    [ -x "$CERTVIGIL" ] || fail "there is no $CERTVIGIL: cargo build, or name another by CERTVIGIL="
    "$ROOT/.ci/need" ip:iproute2 openssl:openssl python3:python3 "$@" || fail "a package is missing, see above"
}

# own_network NAME...: goes on in a network namespace of its own, where only loopback is up, every port is free and these names
# mean this machine. The first call starts the script anew inside; that one's call returns.
own_network() {
    if [ -z "${CERTVIGIL_NETNS:-}" ]; then
        local netns=certvigil-$$ status=0
        ip netns add "$netns" 2>/dev/null || fail "needs the privilege to make network namespaces (CAP_SYS_ADMIN)"
        # Reached from the trap only.
        # shellcheck disable=SC2317
        leave_network() {
            ip netns pids "$1" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
            ip netns del "$1" || true
            rm -rf "/etc/netns/$1"
        }
        # shellcheck disable=SC2064
        trap "leave_network $netns" EXIT
        trap 'exit 130' INT TERM
        ip -n "$netns" link set lo up
        mkdir -p "/etc/netns/$netns"
        printf '127.0.0.1 localhost %s\n::1 localhost\n' "$*" >"/etc/netns/$netns/hosts"
        # Nobody answers there: what is not in the hosts file does not resolve, at once.
        printf 'nameserver 127.0.0.1\noptions attempts:1 timeout:1\n' >"/etc/netns/$netns/resolv.conf"
        CERTVIGIL_NETNS=$netns ip netns exec "$netns" "$0" || status=$?
        exit "$status"
    fi
    own_place
}

# own_place: WORK, a directory for everything; it goes away unless the script fails.
own_place() {
    WORK=$(mktemp -d /tmp/certvigil-acceptance.XXXXXX)
    chmod 755 "$WORK"
    PIDS=()
    FAILED=no
    trap clean_up EXIT
    trap 'exit 130' INT TERM
}

clean_up() {
    local status=$? pid
    disown -a # their end is not worth a line each
    ! declare -F stop_everything >/dev/null || stop_everything || true
    for pid in "${PIDS[@]}"; do kill -KILL -- "-$pid" 2>/dev/null || true; done
    if [ $status = 0 ]; then
        rm -rf "$WORK"
    else
        [ "$FAILED" = yes ] || printf '   FAILED: a command ended with %s\n' $status >&2
        printf '   what was there to see lies in %s\n' "$WORK" >&2
    fi
}

# end PID SIGNAL: sends it and waits for the end of a process that `start` made; its exit status is in STATUS.
end() {
    STATUS=0
    kill -"$2" "$1"
    wait "$1" 2>/dev/null || STATUS=$?
}

# start NAME COMMAND...: in the background, in a process group of its own, log in WORK/NAME.log. Sets PID.
start() {
    local name=$1
    shift
    setsid "$@" >>"$WORK/$name.log" 2>&1 </dev/null &
    PID=$!
    PIDS+=("$PID")
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "waited in vain: $what"
        sleep 0.1
    done
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# listens NAME PORT...: the server of that log answers at these.
listens() {
    local name=$1 port
    shift
    for port in "$@"; do
        local deadline=$((SECONDS + 30))
        until port_open "$port"; do
            [ $SECONDS -lt $deadline ] || { shown "$WORK/$name.log"; fail "$name does not listen on port $port"; }
            sleep 0.05
        done
    done
}

# --- certificates, by the openssl command -----------------------------------------------------------------------------------

# root_ca NAME: NAME.pem, NAME.key
root_ca() {
    new_key "$1"
    openssl req -x509 -new -key "$WORK/$1.key" -days 3650 -subj "/O=Acceptance/CN=Acceptance $1" -out "$WORK/$1.pem" \
        -addext 'keyUsage=critical,keyCertSign,cRLSign'
}

# intermediate_ca NAME ISSUER
intermediate_ca() {
    new_key "$1"
    sign "$1" "$2" "/O=Acceptance/CN=Acceptance $1" '1 day ago' '5 years' \
        'basicConstraints=critical,CA:TRUE,pathlen:0' 'keyUsage=critical,keyCertSign,cRLSign'
}

# leaf NAME ISSUER HOST NOT_BEFORE NOT_AFTER [EXTENSION...]: NAME.pem, NAME.key and NAME-full.pem, the leaf with its issuer behind.
leaf() {
    local name=$1 issuer=$2 host=$3 from=$4 to=$5
    shift 5
    new_key "$name"
    sign "$name" "$issuer" "/CN=$host" "$from" "$to" 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
        'extendedKeyUsage=serverAuth' "subjectAltName=DNS:$host" "$@"
    cat "$WORK/$name.pem" "$WORK/$issuer.pem" >"$WORK/$name-full.pem"
}

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/$1.key" 2>/dev/null; }

# sign NAME ISSUER SUBJECT NOT_BEFORE NOT_AFTER EXTENSION...: both moments as date(1) reads them.
sign() {
    local name=$1 issuer=$2 subject=$3 from=$4 to=$5 ca=$WORK/ca-$2
    shift 5
    if [ ! -d "$ca" ]; then
        mkdir "$ca"
        : >"$ca/index.txt"
        printf '[ca]\ndefault_ca=this\n[this]\ndatabase=%s/index.txt\nnew_certs_dir=%s\nunique_subject=no\n' "$ca" "$ca" >"$ca/ca.cnf"
        printf 'default_md=sha256\nserial=%s/serial\npolicy=any\n[any]\ncommonName=supplied\norganizationName=optional\n' "$ca" >>"$ca/ca.cnf"
    fi
    { echo '[v3]'; printf '%s\n' "$@" 'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid'; } >"$ca/$name.ext"
    openssl req -new -key "$WORK/$name.key" -subj "$subject" -out "$ca/$name.csr"
    openssl ca -batch -notext -config "$ca/ca.cnf" -cert "$WORK/$issuer.pem" -keyfile "$WORK/$issuer.key" -create_serial \
        -startdate "$(date -u -d "$from" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$to" +%Y%m%d%H%M%SZ)" \
        -extfile "$ca/$name.ext" -extensions v3 -in "$ca/$name.csr" -out "$WORK/$name.pem" 2>"$ca/$name.log" ||
        { shown "$ca/$name.log"; fail "openssl made no certificate for $name"; }
}

# said_by_openssl PORT HOST CAFILE [OPTION...]: the number on the last line of s_client.
said_by_openssl() {
    local port=$1 host=$2 ca=$3
    shift 3
    timeout 10 openssl s_client -connect "127.0.0.1:$port" -servername "$host" -verify_hostname "$host" -CAfile "$ca" \
        -no-CApath -no-CAstore "$@" </dev/null 2>/dev/null | sed -n 's/.*Verify return code: \([0-9]*\) .*/\1/p' | tail -n 1 ||
        true
}

# --- certvigil --------------------------------------------------------------------------------------------------------------

# gives STATUS NAME COMMAND...: runs it with a deadline; its output goes to WORK/NAME.out and .err; the exit status must be this.
gives() {
    local wanted=$1 name=$2 status=0
    shift 2
    timeout "${DEADLINE:-60}" "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" </dev/null || status=$?
    [ "$status" = "$wanted" ] || {
        shown "$WORK/$name.out"
        shown "$WORK/$name.err"
        fail "exit status $status instead of $wanted: ${*##*/}"
    }
}

# holds FILE EXPRESSION: a Python expression about `d`, the first JSON line of the file.
holds() {
    python3 - "$1" "$2" <<'PYTHON' || { shown "$1"; fail "does not hold: $2"; }
import json, sys
d = json.loads(open(sys.argv[1]).readline())
sys.exit(not eval(sys.argv[2]))
PYTHON
}

# config_begins: what the daemons' configurations have in common, metrics on 9843; makes the state's directory.
config_begins() {
    mkdir "$WORK/state"
    cat <<CONF
defaults: {interval: 5s, timeout: 5s}
trust: {system: false, mozilla: false, files: [$WORK/root.pem]}
fetch: {allow_private: true}
web: {listen: 127.0.0.1:9843}
state: {directory: $WORK/state}
CONF
}

# scrape PORT: /metrics of the daemon.
scrape() { python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())' "http://127.0.0.1:$1/metrics"; }

# probed_since PORT EPOCH ENDPOINT...: each of these endpoints has been visited after that moment.
probed_since() {
    scrape "$1" 2>/dev/null | python3 -c '
import re, sys
latest = {}
for line in sys.stdin:
    found = re.match(r"certvigil_last_probe_timestamp_seconds\{.*?endpoint=\"([^\"]*)\".*\} (\S+)", line)
    if found: latest[found[1]] = max(latest.get(found[1], 0), float(found[2]))
sys.exit(not all(latest.get(name, 0) > float(sys.argv[1]) for name in sys.argv[2:]))' "${@:2}"
}

# metric PORT PATTERN: some line of the scrape matches this extended regular expression. (Never grep -q behind a pipe: it would
# close the pipe at the first match, and the writer's complaint would count as the result.)
metric() { scrape "$1" 2>/dev/null | grep -E "$2" >/dev/null; }

# Whether Prometheus has rules, and evaluates all of them without error.
rules_healthy() {
    python3 - <<'PYTHON'
import json, sys, urllib.request
groups = json.load(urllib.request.urlopen("http://127.0.0.1:9090/api/v1/rules"))["data"]["groups"]
rules = [rule for group in groups for rule in group["rules"]]
sys.exit(not rules or any(rule["health"] != "ok" for rule in rules))
PYTHON
}
