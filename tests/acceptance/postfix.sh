#!/usr/bin/env bash
# The daemon and a real Postfix (587, STARTTLS, AUTH, a private CA): the right mails, each once, across kill -9, restart and an
# unreachable mail server; and the all-clear.
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
leaf shop issuing shop.test.example '1 day ago' '90 days'
leaf shop-expired issuing shop.test.example '90 days ago' '1 hour ago'
nginx_serves 443:api:api 8443:old:old-full 9443:shop:shop-full
postfix_server mail

config_begins >"$WORK/config.yaml"
mail_by_postfix >>"$WORK/config.yaml"
cat >>"$WORK/config.yaml" <<CONF
endpoints:
  - {name: api, target: api.test.example, admin: admin@test.example, write_to_admin: true}
  - {name: old, target: "old.test.example:8443"}
  - {name: shop, target: "shop.test.example:9443"}
  - {name: mail, target: "submission://mail.test.example"}
CONF
all=(api old shop mail)

daemon() { start certvigil "$CERTVIGIL" run --config "$WORK/config.yaml"; DAEMON=$PID; }
mails() { python3 "$ACCEPTANCE/mailbox.py" "$WORK/mail" "$1"; }
holds_of_mails() { mails "$1" || { mails '"\n".join(f"{x.box}: {x.kind}: {x.subject}" for x in m)' >&2; fail "$1"; }; }
# Two rounds of visits with nothing left to be sent.
round() { local since; since=$(date +%s.%N); wait_for 60 "a round of visits" probed_since 9843 "$since" "${all[@]}"; }
settle() { round; round; wait_for 60 "an empty outbox" metric 9843 '^certvigil_outbox_length 0'; }

say "the first mails"
daemon
wait_for 30 "the daemon's metrics" metric 9843 '^certvigil_build_info'
wait_for 120 "the letter to the admin" mails 'len(box("admin")) > 0'
wait_for 120 "the owner hears of the expired certificate" mails 'any("old" in x.words and "expired" in x.words for x in box("ops"))'
settle
holds_of_mails '[x.kind for x in box("admin")] == ["chain"]'
holds_of_mails 'len({x.id for x in m}) == len(m)'
holds_of_mails 'not any("shop" in x.subject or "submission" in x.subject for x in m)'
holds_of_mails 'all(x.message["Auto-Submitted"] == "auto-generated" and "alerts@test.example" in x.message["From"] for x in m)'

say "the letter: what we see, the proof, the remedy"
holds_of_mails '"Verify return code: 21 (unable to verify the first certificate)" in box("admin")[0].words'
holds_of_mails '"openssl s_client" in box("admin")[0].words and "api.test.example:443" in box("admin")[0].words'
holds_of_mails '"Acceptance issuing" in box("admin")[0].words'
holds_of_mails '"The server says it is nginx" in box("admin")[0].words'
holds_of_mails '"ssl_certificate /path/to/fullchain.pem;" in box("admin")[0].words and "Apache" not in box("admin")[0].words'
holds_of_mails '"ops@test.example" in str(box("admin")[0].message["Reply-To"])'
holds_of_mails '"over the hills" not in "".join(x.message.as_string() for x in m)'
mails 'next(box("admin")[0].message.iter_attachments()).get_payload(decode=True).decode()' >"$WORK/fullchain.pem"
openssl verify -no-CApath -no-CAstore -CAfile "$WORK/root.pem" -untrusted "$WORK/fullchain.pem" "$WORK/fullchain.pem" >/dev/null ||
    fail "openssl does not accept the attached chain"

say "kill -9 and a restart: nobody hears anything twice"
before=$(mails 'len(m)')
end "$DAEMON" KILL
daemon
wait_for 30 "the metrics after the restart" metric 9843 'certvigil_verify_code\{.*endpoint="api".*\} 21'
settle
holds_of_mails "len(m) == $before"

say "a mail that is decided while the mail server is away, and a kill -9: it arrives, once"
postfix -c "$POSTFIX" stop 2>/dev/null
all=(api old shop)
nginx_serves 443:api:api 8443:old:old-full 9443:shop-expired:shop-expired-full
wait_for 60 "a mail in the outbox" metric 9843 '^certvigil_outbox_length [1-9]'
end "$DAEMON" KILL
daemon
wait_for 30 "the outbox after the restart" metric 9843 '^certvigil_outbox_length [1-9]'
start postfix-again postfix -c "$POSTFIX" start-fg
listens postfix-again 587
about_shop='[x for x in box("ops") if x.kind == "expiry" and "shop" in x.subject]'
wait_for 400 "the delayed mail" mails "len($about_shop) > 0"
all=(api old shop mail)
settle
holds_of_mails "len($about_shop) == 1"

say "the full chain is served: the all-clear, in the thread"
nginx_serves 443:api:api-full 8443:old:old-full 9443:shop-expired:shop-expired-full
wait_for 120 "the all-clear to the admin" mails 'any(x.kind == "resolved" for x in box("admin"))'
wait_for 120 "the all-clear to the owner" mails 'any(x.kind == "resolved" and "api" in x.words for x in box("ops"))'
settle
holds_of_mails '[x.kind for x in box("admin")] == ["chain", "resolved"]'
holds_of_mails 'box("admin")[1].message["In-Reply-To"] == box("admin")[0].id'
holds_of_mails 'len([x for x in box("ops") if x.kind == "resolved" and "api" in x.subject]) == 1'
holds_of_mails 'len({x.id for x in m}) == len(m)'

say "an orderly stop"
started=$SECONDS
end "$DAEMON" TERM
[ "$STATUS" = 0 ] || fail "exit status $STATUS after SIGTERM"
[ $((SECONDS - started)) -le 5 ] || fail "the stop took $((SECONDS - started)) s"
