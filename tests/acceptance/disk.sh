#!/usr/bin/env bash
# A disk that is full, read-only, or damaged what was on it: it is told, the watch and the mails go on with what there is, and all is
# well again by itself once the disk is.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"
needs nginx:nginx-light postfix:postfix saslpasswd2:sasl2-bin '/usr/lib/*/sasl2/libsasldb.so:libsasl2-modules-db' \
    '/usr/lib/*/sasl2/libplain.so:libsasl2-modules'
own_network mail.test.example api.test.example shop.test.example

root_ca root
intermediate_ca issuing root
leaf mail issuing mail.test.example '1 day ago' '90 days'
leaf api issuing api.test.example '1 day ago' '90 days'
leaf shop issuing shop.test.example '1 day ago' '90 days'
leaf shop-expired issuing shop.test.example '90 days ago' '1 hour ago'
nginx_serves 443:api:api-full 8443:shop:shop-full
postfix_server mail

config_begins >"$WORK/config.yaml"
mail_by_postfix >>"$WORK/config.yaml"
cat >>"$WORK/config.yaml" <<CONF
endpoints:
  - {name: api, target: api.test.example}
  - {name: shop, target: "shop.test.example:8443"}
CONF
state=$WORK/state
mount -t tmpfs -o size=1m,mode=700 tmpfs "$state"
stop_everything() { umount -l "$state"; }

daemon() { start certvigil "$CERTVIGIL" run --config "$WORK/config.yaml"; DAEMON=$PID; }
mails() { python3 "$ACCEPTANCE/mailbox.py" "$WORK/mail" "$1"; }
holds_of_mails() { mails "$1" || { mails '"\n".join(f"{x.box}: {x.kind}: {x.subject}" for x in m)' >&2; fail "$1"; }; }
about() { printf '[x for x in box("ops") if "%s" in x.subject and x.kind == "%s"]' "$1" "$2"; }
page_says() { python3 -c 'import sys, urllib.request as u; sys.exit(sys.argv[1] not in u.urlopen("http://127.0.0.1:9843/", timeout=5).read().decode())' "$1"; }
round() { local since; since=$(date +%s.%N); wait_for 60 "a round of visits" probed_since 9843 "$since" api shop; }

say "a full disk: told, and the mail goes out all the same"
daemon
wait_for 60 "no troubles" metric 9843 '^certvigil_troubles 0'
round
head -c 2000000 /dev/zero >"$state/filler" 2>/dev/null || true
nginx_serves 443:api:api 8443:shop:shop-full
wait_for 60 "the trouble in the metrics" metric 9843 '^certvigil_troubles 1'
wait_for 10 "the trouble on the page" page_says 'no room to write'
wait_for 60 "the mail about api" mails "len($(about api chain)) == 1"
round
wait_for 120 "the mail about the disk" mails "len($(about 'cannot write its state' own_fault)) == 1"
rm "$state/filler"
wait_for 60 "no troubles any more" metric 9843 '^certvigil_troubles 0'
wait_for 180 "the mail about its end" mails "len($(about 'can write again' own_fault)) == 1"
holds_of_mails "len($(about 'cannot write its state' own_fault)) == 1"

say "and was written in the end: a restart repeats nothing"
end "$DAEMON" KILL
daemon
wait_for 30 "what the former one knew" metric 9843 'certvigil_verify_code\{.*endpoint="api".*\} 21'
round
holds_of_mails "len($(about api chain)) == 1"

say "a disk that is read-only at the start: what is there is read, what is new is told"
end "$DAEMON" TERM
mount -o remount,ro "$state"
daemon
wait_for 30 "the trouble in the metrics" metric 9843 '^certvigil_troubles 1'
wait_for 10 "the trouble on the page" page_says 'cannot write'
nginx_serves 443:api:api 8443:shop-expired:shop-expired-full
wait_for 60 "the mail about shop" mails "len($(about shop expiry)) == 1"
round
holds_of_mails "len($(about api chain)) == 1"
mount -o remount,rw "$state"
wait_for 60 "no troubles any more" metric 9843 '^certvigil_troubles 0'
round
end "$DAEMON" KILL
daemon
wait_for 30 "the metrics" metric 9843 '^certvigil_build_info'
round
holds_of_mails "len($(about shop expiry)) == 1"

say "a damaged database: set aside, and what is still wrong is told once more"
end "$DAEMON" TERM
size=$(stat -c %s "$state/certvigil.db")
head -c "$size" /dev/urandom >"$state/certvigil.db"
daemon
wait_for 30 "the trouble in the metrics" metric 9843 '^certvigil_troubles 1'
wait_for 10 "the trouble on the page" page_says 'certvigil.db.damaged-'
wait_for 60 "the mail about it" mails "len($(about 'state was damaged' own_fault)) == 1"
[ "$(stat -c %s "$state"/certvigil.db.damaged-*)" = "$size" ] || fail "the damaged database is not kept"
wait_for 60 "what is still wrong, told once more" mails 'any(x.kind == "summary" and "api" in x.words and "shop" in x.words for x in box("ops"))'
end "$DAEMON" TERM
[ "$STATUS" = 0 ] || fail "exit status $STATUS after SIGTERM"
