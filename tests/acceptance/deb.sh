#!/usr/bin/env bash
# The Debian package in a booted system: lintian, install, start, upgrade with the state kept, remove, purge. It packs the binary
# that the other scripts try too; DEB=FILE takes a package that is there.
. "$(dirname "$0")/lib.sh"
needs systemd-nspawn:systemd-container mmdebstrap:mmdebstrap nsenter:util-linux lintian:lintian man:man-db
own_place
. "$ACCEPTANCE/machine.sh"

NEW=${DEB:-$WORK/new.deb} OLD=$WORK/old.deb
if [ ! -e "$NEW" ]; then
    say "packing"
    "$ROOT/.ci/need" cargo-deb:cargo-deb || fail "cargo-deb is missing, see above"
    mkdir -p "$WORK/target/release"
    cp "$CERTVIGIL" "$WORK/target/release/certvigil"
    "$ROOT/packaging/prepare" "$CERTVIGIL"
    CARGO_TARGET_DIR=$WORK/target cargo deb --quiet --no-build --fast --compress-system --manifest-path "$ROOT/Cargo.toml" \
        --output "$NEW" >"$WORK/pack.log" 2>&1 || { shown "$WORK/pack.log"; fail "cargo deb"; }
fi
# The same as an older version.
dpkg-deb --raw-extract "$NEW" "$WORK/old"
sed -i 's/^Version: .*/Version: 0.0.1-1/' "$WORK/old/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip -z1 --build "$WORK/old" "$OLD" >"$WORK/pack.log" 2>&1 || { shown "$WORK/pack.log"; fail "dpkg-deb"; }

say "lintian"
lintian --allow-root --fail-on error,warning "$NEW" >"$WORK/lintian.log" 2>&1 || { shown "$WORK/lintian.log"; fail "lintian"; }
[ ! -s "$WORK/lintian.log" ] || { shown "$WORK/lintian.log"; fail "lintian has something to say"; }

boot
# install FILE: asks nothing, keeps conffiles.
install() {
    inside sh -c 'cat >/tmp/certvigil.deb && DEBIAN_FRONTEND=noninteractive dpkg --install --force-confold /tmp/certvigil.deb' \
        <"$1" >"$WORK/dpkg.log" 2>&1 || { shown "$WORK/dpkg.log"; fail "dpkg --install ${1##*/}"; }
}
absent() { ! inside test -e "$1" || fail "$1 is left"; }

say "install: nothing runs before it is configured"
install "$OLD"
inside certvigil validate --config /etc/certvigil/config.yaml >"$WORK/validate.log" 2>&1 || { shown "$WORK/validate.log"; fail "validate"; }
systemctl_is ActiveState inactive || fail "it runs already"
for unit in certvigil.service certvigil.socket; do
    [ "$(inside systemctl is-enabled $unit || true)" = disabled ] || fail "$unit is enabled already"
done
inside systemd-analyze verify certvigil.service >"$WORK/verify.log" 2>&1 && [ ! -s "$WORK/verify.log" ] ||
    { shown "$WORK/verify.log"; fail "systemd-analyze verify"; }

say "start"
inside sh -c 'printf "web: {listen: 127.0.0.1:9843}\ndefaults: {interval: 5s, timeout: 2s}\nendpoints: [127.0.0.1:1001]\n" >/etc/certvigil/config.yaml'
inside systemctl enable --quiet --now certvigil || or_journal "it does not start" false
wait_for 30 "the first visit" shows 'certvigil_probe_failure\{.*endpoint="127.0.0.1:1001"'
before=$(main_pid)
state() { inside stat -c %i /var/lib/private/certvigil/certvigil.db; }
kept=$(state)

say "upgrade: the new version runs, with the old one's state and configuration"
install "$NEW"
wait_for 30 "the daemon is back" inside curl -sf -o /dev/null http://127.0.0.1:9843/readyz
[ "$(main_pid)" != "$before" ] || fail "the old process still runs"
systemctl_is ActiveState active || fail "not active"
[ "$(state)" = "$kept" ] || fail "the state is another one"
inside grep -q 127.0.0.1:1001 /etc/certvigil/config.yaml || fail "the configuration was replaced"
inside systemctl is-enabled --quiet certvigil || fail "no longer enabled"
[ "$(inside systemctl is-active certvigil.socket || true)" = inactive ] || fail "the upgrade has started the socket unit"
inside systemctl reload certvigil
wait_for 10 "a scrape after a reload" shows '^certvigil_config_last_reload_successful 1'

say "remove: it ends, and what it knew stays"
inside dpkg --remove certvigil >"$WORK/dpkg.log" 2>&1 || { shown "$WORK/dpkg.log"; fail "dpkg --remove"; }
absent /usr/bin/certvigil
[ -z "$(inside pgrep -x certvigil || true)" ] || fail "it still runs"
inside test -s /var/lib/private/certvigil/certvigil.db || fail "the state is gone"
inside test -s /etc/certvigil/config.yaml || fail "the configuration is gone"

say "install again, purge: nothing is left"
install "$NEW"
inside systemctl start certvigil || or_journal "it does not start again" false
inside dpkg --purge certvigil >"$WORK/dpkg.log" 2>&1 || { shown "$WORK/dpkg.log"; fail "dpkg --purge"; }
for path in /usr/bin/certvigil /etc/certvigil /var/lib/certvigil /var/lib/private/certvigil /usr/share/doc/certvigil \
    /usr/lib/systemd/system/certvigil.service /usr/lib/systemd/system/certvigil.socket /etc/systemd/system/multi-user.target.wants/certvigil.service; do
    absent "$path"
done
[ -z "$(inside dpkg-query -W -f '${db:Status-Abbrev}' certvigil 2>/dev/null || true)" ] || fail "dpkg still knows it"
[ -z "$(inside pgrep -x certvigil || true)" ] || fail "it still runs"
