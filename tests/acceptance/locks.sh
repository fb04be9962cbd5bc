#!/usr/bin/env bash
# The web port's locks, tried by curl, openssl and a real Prometheus: TLS, passwords, tokens, client certificates, other sites' pages,
# a certificate that is swapped, sockets.
. "$(dirname "$0")/lib.sh"
needs curl:curl prometheus:prometheus promtool:prometheus systemd-socket-activate:systemd
own_network web.test.example

root_ca root
root_ca clients
root_ca strangers
leaf web root web.test.example '1 day ago' '90 days'
leaf renewed root web.test.example '1 hour ago' '60 days'
leaf prometheus clients prometheus.test.example '1 day ago' '90 days' 'extendedKeyUsage=clientAuth'
leaf stranger strangers prometheus.test.example '1 day ago' '90 days' 'extendedKeyUsage=clientAuth'

say "promtool and validate read the same file"
promtool check web-config "$ROOT/web-config.example.yml" >"$WORK/promtool.log" 2>&1 || { shown "$WORK/promtool.log"; fail "promtool refuses the example"; }
cp "$WORK/web.pem" "$WORK/served.pem"
cp "$WORK/web.key" "$WORK/served.key"
chmod 600 "$WORK/served.key"
# The password is "test"; the cost is low, as a debug build is slow.
cat >"$WORK/web.yml" <<'CONF'
tls_server_config:
  cert_file: served.pem
  key_file: served.key
  min_version: TLS12
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
http_server_config:
  http2: false
  headers: {X-Frame-Options: deny}
basic_auth_users:
  alice: $2y$05$9Vb1ZxKq0LsTg5mWcYdRfO8wfPJVlE/lr0xHsA4b11d.gOa0ctC2W
  bob: $2y$05$9Vb1ZxKq0LsTg5mWcYdRfO8wfPJVlE/lr0xHsA4b11d.gOa0ctC2W
CONF
promtool check web-config "$WORK/web.yml" >"$WORK/promtool.log" 2>&1 || { shown "$WORK/promtool.log"; fail "promtool refuses what is used here"; }
printf 'a token of many letters' | tr ' ' - >"$WORK/token"
chmod 600 "$WORK/token"
printf 'a key of many letters' | tr ' ' - >"$WORK/key"
chmod 600 "$WORK/key"
config_begins | grep -v '^web:' >"$WORK/config.yaml"
cat >>"$WORK/config.yaml" <<CONF
web:
  listen: ["127.0.0.1:9843", "unix:$WORK/web.sock"]
  config_file: web.yml
  writers: [alice]
  write_token: {file: token}
  probe_key: {file: key}
endpoints: ["127.0.0.1:9"]
CONF
gives 0 validate "$CERTVIGIL" validate --config "$WORK/config.yaml"

start certvigil "$CERTVIGIL" run --config "$WORK/config.yaml"
DAEMON=$PID
listens certvigil 9843
URL=https://web.test.example:9843

# says STATUS WORDS CURL-ARGUMENT...: the answer has this status, and these words in head or body.
says() {
    local wanted=$1 words=$2 status
    shift 2
    status=$(curl -s --max-time 20 --cacert "$WORK/root.pem" -D "$WORK/head" -o "$WORK/body" -w '%{http_code}' "$@") || status="none ($?)"
    [ "$status" = "$wanted" ] || { shown "$WORK/head"; shown "$WORK/body"; fail "$status instead of $wanted: curl $*"; }
    cat "$WORK/head" "$WORK/body" | grep -iF -- "$words" >/dev/null || { shown "$WORK/head"; shown "$WORK/body"; fail "not in the answer: $words"; }
}

say "without a password nobody looks, but for the health addresses"
says 401 'www-authenticate: Basic realm="certvigil"' "$URL/metrics"
says 401 'asks for a user and a password' "$URL/"
says 200 alive "$URL/healthz"
says 200 certvigil_build_info -u alice:test "$URL/metrics"
says 200 'x-frame-options: deny' -u bob:test "$URL/"
says 200 certvigil_build_info -H "Authorization: Bearer $(cat "$WORK/token")" "$URL/metrics"
says 401 'the user or the password is wrong' -u alice:wrong "$URL/metrics"
says 401 'the user or the password is wrong' -u mallory:test "$URL/metrics"
says 401 'asks for a user' -H 'Authorization: Bearer a-token-of-wrong-letters' "$URL/metrics"

say "the same on the socket, in plain HTTP; its mode is its lock"
says 401 'asks for a user' --unix-socket "$WORK/web.sock" http://certvigil/metrics
says 200 certvigil_build_info -u alice:test --unix-socket "$WORK/web.sock" http://certvigil/metrics
[ "$(stat -c %a "$WORK/web.sock")" = 660 ] || fail "the socket has the mode $(stat -c %a "$WORK/web.sock")"

say "plain HTTP on the TLS port is told"
says 400 'this port speaks TLS' http://web.test.example:9843/

say "TLS is as configured"
cipher() { openssl s_client -connect 127.0.0.1:9843 -servername web.test.example -CAfile "$WORK/root.pem" "$@" </dev/null 2>&1; }
cipher -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 | grep 'Verify return code: 0' >/dev/null || fail "TLS 1.2 is not served"
! cipher -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384 | grep 'Cipher is ECDHE' >/dev/null || fail "a suite that was not chosen is served"
[ "$(said_by_openssl 9843 web.test.example "$WORK/root.pem")" = 0 ] || fail "openssl does not verify the page's certificate"

say "our own certificate is watched"
wait_for 30 "the own endpoint" eval 'curl -s --cacert "$WORK/root.pem" -u alice:test "$URL/metrics" | grep "^certvigil_verify_code{endpoint=\"certvigil-web\".* 0$"'

say "only writers write, and no page of another site even with the right password or token"
TOKEN="Authorization: Bearer $(cat "$WORK/token")"
SILENCE=(-X POST -H 'Content-Type: application/json' -d '{"endpoints": ["127.0.0.1:9"], "until": "'"$(date -u -d "1 day" +%FT%TZ)"'", "reason": "tried"}' "$URL/api/v1/silences")
says 401 application/problem+json "${SILENCE[@]}"
says 401 'wrong' -u alice:wrong "${SILENCE[@]}"
says 403 'bob may look and not write' -u bob:test "${SILENCE[@]}"
says 403 'a page of another site' -u alice:test -H 'Sec-Fetch-Site: cross-site' "${SILENCE[@]}"
says 403 'a page of another site' -H "$TOKEN" -H 'Origin: https://evil.example' "${SILENCE[@]}"
says 403 'a page of another site' -H "$TOKEN" -H 'Sec-Fetch-Site: same-site' "${SILENCE[@]}"
says 201 tried -u alice:test "${SILENCE[@]}"
says 201 tried -H "$TOKEN" -H "Origin: $URL" "${SILENCE[@]}"

say "Prometheus scrapes with password and TLS"
cat >"$WORK/prometheus.yml" <<CONF
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: right
    scheme: https
    tls_config: {ca_file: $WORK/root.pem, server_name: web.test.example, cert_file: $WORK/prometheus.pem, key_file: $WORK/prometheus.key}
    basic_auth: {username: alice, password: test}
    static_configs: [{targets: ["127.0.0.1:9843"]}]
  - job_name: nameless
    scheme: https
    tls_config: {ca_file: $WORK/root.pem, server_name: web.test.example}
    static_configs: [{targets: ["127.0.0.1:9843"]}]
CONF
start prometheus prometheus --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" --web.listen-address=127.0.0.1:9090
listens prometheus 9090
is_up() { promtool query instant http://127.0.0.1:9090 "up{job=\"$1\"}" 2>/dev/null | grep " => $2 @" >/dev/null; }
wait_for 30 "Prometheus with the password" is_up right 1
wait_for 30 "Prometheus without" is_up nameless 0

say "/probe visits what is not in the inventory for who has the key, and for nobody else"
KEY="Authorization: Bearer $(cat "$WORK/key")"
says 200 'probe_success 1' -H "$KEY" "$URL/probe?target=web.test.example:9843"
says 200 'probe_ssl_earliest_cert_expiry' -H "$KEY" "$URL/probe?target=127.0.0.1:9843&hostname=web.test.example"
says 200 'ssl_probe_success 0' -H "$KEY" "$URL/probe?target=127.0.0.1:1&format=ssl_exporter"
says 401 'shows the key' -u alice:test "$URL/probe?target=web.test.example:9844"
says 401 'asks for a user' -H "$KEY" "$URL/metrics"
says 401 'asks for a user' "$URL/probe?target=web.test.example:9843&key=$(cat "$WORK/key")"

say "who guesses is slowed down, and who knows the password is not"
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
    status=$(curl -s --cacert "$WORK/root.pem" -o "$WORK/body" -D "$WORK/head" -w '%{http_code}' -u "alice:$n" "$URL/")
done
[ "$status" = 429 ] || fail "the last guess was answered with $status"
grep -i '^retry-after: ' "$WORK/head" >/dev/null || fail "no Retry-After"
says 200 certvigil_build_info -u alice:test "$URL/metrics"

say "a renewed certificate is served without a word; a broken one is not"
serial() { openssl s_client -connect 127.0.0.1:9843 -servername web.test.example </dev/null 2>/dev/null | openssl x509 -noout -serial; }
serves() { [ "$(serial)" = "$(openssl x509 -noout -serial -in "$WORK/$1.pem")" ]; }
serves web || fail "another certificate is served"
# The certificate alone: it does not go with the key yet.
cp "$WORK/renewed.pem" "$WORK/served.pem"
wait_for 20 "the metric of a certificate that cannot be used" eval 'curl -s --cacert "$WORK/root.pem" -u alice:test "$URL/metrics" | grep "^certvigil_web_certificate_reload_successful 0$"'
serves web || fail "the old certificate is gone"
grep 'does not belong to the first certificate' "$WORK/certvigil.log" >/dev/null || fail "the log does not say why"
cp "$WORK/renewed.key" "$WORK/served.key"
wait_for 20 "the renewed certificate" serves renewed

say "client certificates"
sed -i 's/^  min_version.*/  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.pem\n  client_allowed_sans: [prometheus.test.example]/' "$WORK/web.yml"
gives 0 validate "$CERTVIGIL" validate --config "$WORK/config.yaml"
kill -HUP "$DAEMON"
shows_certificate() { curl -s --max-time 20 --cacert "$WORK/root.pem" --cert "$WORK/$1.pem" --key "$WORK/$1.key" -u alice:test -o "$WORK/body" "$URL/metrics"; }
wait_for 20 "nobody without a certificate" eval '! curl -s --cacert "$WORK/root.pem" -u alice:test -o /dev/null "$URL/metrics"'
shows_certificate prometheus || fail "the right certificate is refused"
! shows_certificate stranger || fail "another authority's certificate is taken"
wait_for 30 "Prometheus with its certificate" is_up right 1
wait_for 30 "our own certificate, watched all the same" eval 'shows_certificate prometheus && grep "^certvigil_verify_code{endpoint=\"certvigil-web\".* 0$" "$WORK/body"'

say "sockets that are handed over"
config_begins_again() { sed 's/^state:.*/state: {directory: '"${WORK//\//\\/}"'\/state2}/; /^web:/,/^endpoints/{/^endpoints/!d}' "$WORK/config.yaml"; }
mkdir "$WORK/state2"
config_begins_again >"$WORK/second.yaml"
start activated systemd-socket-activate -l 127.0.0.1:9999 -l "$WORK/activated.sock" "$CERTVIGIL" run --config "$WORK/second.yaml"
listens activated 9999
says 200 alive http://127.0.0.1:9999/healthz
says 200 alive --unix-socket "$WORK/activated.sock" http://certvigil/healthz
! port_open 9844 || fail "web.listen is used all the same"

say "a file that is no socket of ours stays"
printf 'precious' >"$WORK/precious"
sed "s#^endpoints#web: {listen: \"unix:$WORK/precious\"}\nendpoints#; s#state2#state3#" "$WORK/second.yaml" >"$WORK/third.yaml"
mkdir "$WORK/state3"
gives 1 precious "$CERTVIGIL" run --config "$WORK/third.yaml"
[ "$(cat "$WORK/precious")" = precious ] || fail "the file is gone"
grep 'replaces no file but its own old socket' "$WORK/precious.err" >/dev/null || { shown "$WORK/precious.err"; fail "no hint"; }
