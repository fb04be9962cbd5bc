#!/usr/bin/env bash
# The shipped unit under a real systemd, booted in a container: readiness, reload, credentials, watchdog, stop, exposure.
. "$(dirname "$0")/lib.sh"
needs systemd-nspawn:systemd-container mmdebstrap:mmdebstrap nsenter:util-linux
own_place

. "$ACCEPTANCE/machine.sh"

mkdir "$WORK/etc"
# config ENDPOINT [MORE-YAML]
config() {
    cat >"$WORK/etc/config.yaml" <<CONF
defaults: {interval: 5s, timeout: 2s}
web: {listen: 127.0.0.1:9843}
endpoints: ["$1"]
${2:-}
CONF
}
config 127.0.0.1:1001

boot --bind-ro="$CERTVIGIL:/usr/bin/certvigil" \
    --bind-ro="$ROOT/systemd/certvigil.service:/etc/systemd/system/certvigil.service" --bind-ro="$WORK/etc:/etc/certvigil" \
    --bind-ro="$ROOT/systemd/certvigil.socket:/etc/systemd/system/certvigil.socket"

say "verify: the unit is sound"
inside systemd-analyze verify /etc/systemd/system/certvigil.service >"$WORK/verify.log" 2>&1 || { shown "$WORK/verify.log"; fail "systemd-analyze verify"; }
[ ! -s "$WORK/verify.log" ] || { shown "$WORK/verify.log"; fail "systemd-analyze verify has something to say"; }

say "start: ready means that the page answers"
or_journal "the unit does not start" inside systemctl start certvigil
or_journal "ready, but /readyz does not answer" inside curl -sf -o /dev/null http://127.0.0.1:9843/readyz
systemctl_is ActiveState active || fail "not active"
[ "$(inside ps -o user= -p "$(main_pid)")" != root ] || fail "runs as root"
[ "$(inside stat -c %a /var/lib/private/certvigil)" = 700 ] || fail "the state directory is open to others"
[ "$(inside stat -c %a /var/lib/private/certvigil/certvigil.db)" = 600 ] || fail "the state is open to others"
wait_for 30 "the first visit" shows 'certvigil_probe_failure\{.*endpoint="127.0.0.1:1001"'

say "exposure"
inside systemd-analyze security --no-pager certvigil >"$WORK/security.log"
exposure=$(sed -n 's/.*Overall exposure level for certvigil.service: \([0-9.]*\).*/\1/p' "$WORK/security.log")
say "$exposure"
awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 1.5) }' || fail "more than 1.5"

say "reload: a good configuration is taken"
config 127.0.0.1:1002
inside systemctl reload certvigil
wait_for 30 "the new endpoint" shows 'certvigil_endpoint_info\{.*endpoint="127.0.0.1:1002"'
! shows 'endpoint="127.0.0.1:1001"' || fail "the old endpoint is still there"

say "reload: a bad one is refused, and told; the old one goes on"
config 127.0.0.1:1003 'enpoints: []'
inside systemctl reload certvigil || true
wait_for 30 "the gauge of a failed reload" shows '^certvigil_config_last_reload_successful 0'
shows 'certvigil_endpoint_info\{.*endpoint="127.0.0.1:1002"' || fail "the old configuration is gone"
systemctl_is ActiveState active || fail "not active after a bad reload"
journal | grep 'config.yaml:4.*enpoints' >/dev/null || or_journal "the journal does not name the fault" false
inside journalctl -q -u certvigil -p err -o cat --no-pager | grep 'config.yaml:4.*enpoints' >/dev/null ||
    or_journal "the fault is no error in the journal" false
config 127.0.0.1:1003
inside systemctl reload certvigil
wait_for 30 "recovery" shows '^certvigil_config_last_reload_successful 1'

say "credentials"
config 127.0.0.1:1004 "mail:
  server: {host: 127.0.0.1, port: 587, tls: starttls, username: alerts, password: {credential: smtp}}
  from: certvigil <alerts@example.com>
  to: [ops@example.com]"
inside sh -c 'mkdir -p /run/systemd/system/certvigil.service.d; umask 077; echo secret-word >/run/smtp-password
    printf "[Service]\nLoadCredential=smtp:/run/smtp-password\nWatchdogSec=3\nRestartSec=0\n" >/run/systemd/system/certvigil.service.d/test.conf
    systemctl daemon-reload; systemctl reset-failed certvigil; systemctl stop certvigil'
or_journal "does not start with its credential" inside systemctl start certvigil
wait_for 30 "the endpoint after the restart" shows 'endpoint="127.0.0.1:1004"'
! journal | grep 'no credential' >/dev/null || fail "the credential was not found"
! journal | grep secret-word >/dev/null || fail "the password is in the journal"

say "watchdog: a daemon that hangs is started anew"
before=$(main_pid)
inside kill -STOP "$before"
watchdog_bit() { [ "$(inside systemctl show -P NRestarts certvigil)" -ge 1 ] && systemctl_is ActiveState active && [ "$(main_pid)" != "$before" ]; }
wait_for 60 "the watchdog" watchdog_bit
inside journalctl -q -b --no-pager | grep -i 'certvigil.*watchdog' >/dev/null || fail "restarted, but not by the watchdog"
wait_for 30 "ready again" inside curl -sf -o /dev/null http://127.0.0.1:9843/readyz

say "sockets: systemd listens, on ports and paths of its own"
inside systemctl stop certvigil
inside sh -c 'mkdir -p /run/systemd/system/certvigil.socket.d
    printf "[Socket]\nListenStream=\nListenStream=127.0.0.1:443\nListenStream=/run/certvigil-web.sock\nSocketMode=0660\n" \
        >/run/systemd/system/certvigil.socket.d/test.conf
    systemctl daemon-reload'
or_journal "the socket unit does not start" inside systemctl start certvigil.socket
systemctl_is ActiveState inactive || fail "the daemon runs before somebody asks"
or_journal "nobody answers at a port below 1024" inside curl -sf -o /dev/null http://127.0.0.1:443/healthz
or_journal "nobody answers at the path" inside curl -sf -o /dev/null --unix-socket /run/certvigil-web.sock http://certvigil/healthz
! inside curl -s -o /dev/null http://127.0.0.1:9843/healthz || fail "web.listen is used all the same"
inside systemctl stop certvigil 2>/dev/null
or_journal "who asks while it is stopped is not answered" inside curl -sf -o /dev/null --max-time 30 http://127.0.0.1:443/healthz
systemctl_is ActiveState active || fail "the request has not started the daemon"
inside sh -c 'systemctl stop certvigil.socket certvigil; rm -r /run/systemd/system/certvigil.socket.d; systemctl daemon-reload'
or_journal "it does not start without the socket unit" inside systemctl start certvigil

say "stop"
started=$(date +%s%N)
inside systemctl stop certvigil
took=$((($(date +%s%N) - started) / 1000000))
systemctl_is Result success || fail "the stop ended with $(inside systemctl show -P Result certvigil)"
[ $took -lt 5000 ] || fail "the stop took $took ms"
say "$took ms"
