# A Debian that is booted with systemd in a container, for the scripts about units and packages. To be sourced after lib.sh.
# shellcheck shell=bash

# A Debian 12 with systemd 252, the oldest that is promised; made once.
IMAGE=$ROOT/target/acceptance/bookworm
if [ ! -e "$IMAGE/.complete" ]; then
    say "making a Debian 12 in $IMAGE, once"
    rm -rf "$IMAGE"
    mkdir -p "$(dirname "$IMAGE")"
    mmdebstrap --quiet --variant=apt --include=systemd,systemd-sysv,dbus,procps,curl,ca-certificates bookworm "$IMAGE" \
        >"$WORK/mmdebstrap.log" 2>&1 || { shown "$WORK/mmdebstrap.log"; fail "mmdebstrap (needs a Debian mirror)"; }
    touch "$IMAGE/.complete"
fi

# A control group of its own, in whichever hierarchy this machine has: systemd inside wants a root to itself.
MACHINE=certvigil-$$
groups=()
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    [ -e "$hierarchy/cgroup.procs" ] || continue
    mkdir "$hierarchy/$MACHINE" || fail "needs the privilege to make control groups"
    groups+=("$hierarchy/$MACHINE")
done
# Called by clean_up.
# shellcheck disable=SC2317
stop_everything() {
    [ -z "${NSPAWN:-}" ] || kill -TERM "$NSPAWN" 2>/dev/null || true
    local i
    for i in $(seq 50); do
        [ -n "${NSPAWN:-}" ] && kill -0 "$NSPAWN" 2>/dev/null || break
        sleep 0.1
    done
    [ -z "${NSPAWN:-}" ] || kill -KILL "$NSPAWN" 2>/dev/null || true
    sleep 0.2
    for i in "${groups[@]}"; do find "$i" -depth -type d -exec rmdir {} \; 2>/dev/null || true; done
}

# boot [NSPAWN-OPTION...]: everything that is written goes to memory: the image stays as it is.
boot() {
    # shellcheck disable=SC2016
    start console bash -c 'for group in $1; do echo $$ >"$group/cgroup.procs"; done; shift; exec "$@"' _ "${groups[*]}" \
        env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --directory="$IMAGE" --machine="$MACHINE" --boot --register=no \
        --keep-unit --private-network --volatile=overlay --console=read-only "$@"
    NSPAWN=$PID
    wait_for 60 "systemd boots in the container ($WORK/console.log)" booted
    say "$(inside systemctl --version | sed -n 1p)"
}

LEADER=
inside() { nsenter -t "$LEADER" -a "$@"; }
# Called by boot.
# shellcheck disable=SC2317
booted() {
    LEADER=$(cut -d' ' -f1 "/proc/$NSPAWN/task/$NSPAWN/children") && [ -n "$LEADER" ] || return 1
    inside systemctl is-system-running | grep -E '^(running|degraded)' >/dev/null
}

systemctl_is() { [ "$(inside systemctl show -P "$1" certvigil)" = "$2" ]; }
main_pid() { inside systemctl show -P MainPID certvigil; }
# curl prints the scrape of the daemon inside.
shows() { inside curl -sf http://127.0.0.1:9843/metrics | grep -E "$1" >/dev/null; }
journal() { inside journalctl -q -u certvigil -o cat --no-pager; }
# or_journal WHAT COMMAND...: fails with the journal.
or_journal() {
    local what=$1
    shift
    "$@" || { journal >"$WORK/journal.log"; shown "$WORK/journal.log"; fail "$what"; }
}
