#!/usr/bin/env bash
# A real Postfix behind a rough way: it is hung up on in the middle of a message, says nothing, greylists (451), and refuses a
# recipient (550). In the end each mail has arrived, once, and what was refused has reached those who stand in.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"
needs nginx:nginx-light postfix:postfix saslpasswd2:sasl2-bin '/usr/lib/*/sasl2/libsasldb.so:libsasl2-modules-db' \
    '/usr/lib/*/sasl2/libplain.so:libsasl2-modules'
own_network mail.test.example api.test.example old.test.example shop.test.example

root_ca root
intermediate_ca issuing root
leaf mail issuing mail.test.example '1 day ago' '90 days'
leaf api issuing api.test.example '1 day ago' '90 days' "$AIA"
leaf old issuing old.test.example '90 days ago' '3 days ago'
leaf shop issuing shop.test.example '90 days ago' '1 hour ago'
nginx_serves 443:api:api 8443:old:old-full 9443:shop:shop-full
postfix_server mail
postconf -c "$POSTFIX" 'smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:10023, permit_mynetworks, reject'
postfix -c "$POSTFIX" reload 2>/dev/null
echo cut >"$WORK/way"
start rough python3 "$ACCEPTANCE/rough.py" "$WORK" 2526 2525 10023
listens rough 2526 10023

config_begins >"$WORK/config.yaml"
cat >>"$WORK/config.yaml" <<CONF
mail:
  server: {host: 127.0.0.1, port: 2526, tls: none}
  from: "certvigil <alerts@test.example>"
  to: [ops@test.example]
endpoints:
  - {name: api, target: api.test.example, admin: admin@test.example, write_to_admin: true}
  - {name: old, target: "old.test.example:8443"}
  - {name: shop, target: "shop.test.example:9443", owner: gone@test.example}
CONF

daemon() { start certvigil "$CERTVIGIL" run --config "$WORK/config.yaml"; DAEMON=$PID; }
mails() { python3 "$ACCEPTANCE/mailbox.py" "$WORK/mail" "$1"; }
holds_of_mails() { mails "$1" || { mails '"\n".join(f"{x.box}: {x.kind}: {x.subject}" for x in m)' >&2; fail "$1"; }; }
page_says() { curl_page >"$WORK/page.html"; grep -qF "$1" "$WORK/page.html"; }
curl_page() { python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:9843/", timeout=5).read().decode())'; }
logged() { [ "$(grep -c "$1" "$WORK/certvigil.log")" -ge "$2" ]; }
# again: what waits is tried at once after a restart.
again() { end "$DAEMON" KILL; : >"$WORK/certvigil.log"; daemon; }

say "hung up on in the middle of the message: deferred"
daemon
wait_for 60 "the deferrals" logged 'mail not delivered yet' 2
wait_for 10 "the trouble on the page" page_says 'Mail cannot be sent and is tried again'
holds_of_mails 'm == []'

say "a recipient who is refused (550): on the page, in the metrics, and others stand in"
wait_for 30 "the refusal on the page" page_says 'ops@test.example heard instead'
metric 9843 'certvigil_mails_total\{.*result="refused".*\} [1-9]' || fail "the refusal is not in the metrics"

say "a server that says nothing: given up after a minute, deferred"
echo mute >"$WORK/way"
again
wait_for 120 "the deferrals" logged 'mail not delivered yet' 2
holds_of_mails 'm == []'

say "greylisted: deferred, and tried again by itself"
echo clear >"$WORK/way"
touch "$WORK/grey"
again
wait_for 60 "the deferrals" logged 'mail not delivered yet.*451.*Greylisted' 2
holds_of_mails 'm == []'
rm "$WORK/grey"
wait_for 120 "every mail" metric 9843 '^certvigil_outbox_length 0'
wait_for 30 "what was refused, at those who stand in" mails 'any("shop" in x.words for x in box("ops"))'

say "each arrived, once"
holds_of_mails 'len({x.id for x in m}) == len(m)'
holds_of_mails '[x.kind for x in box("admin")] == ["chain"]'
holds_of_mails 'any("api" in x.words for x in box("ops")) and any("old" in x.words for x in box("ops"))'
end "$DAEMON" TERM
[ "$STATUS" = 0 ] || fail "exit status $STATUS after SIGTERM"
