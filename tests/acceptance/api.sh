#!/usr/bin/env bash
# The API as strangers to it use it: every answer of a demo is what its OpenAPI document says, whatever is asked for.
. "$(dirname "$0")/lib.sh"
needs curl:curl
own_place

venv=$ROOT/target/acceptance/schemathesis
if [ ! -x "$venv/bin/schemathesis" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet 'schemathesis>=4,<5' || fail "pip cannot install schemathesis: is there a way to PyPI?"
fi

port=9854
page=http://127.0.0.1:$port
start demo "$CERTVIGIL" demo --directory "$WORK/demo" --port $port
demo=$PID
listens demo $port
all_visited() { curl -fs "$page/api/v1/endpoints?limit=1000" | python3 -c 'import json, sys; sys.exit(any(not item["checked_at"] for item in json.load(sys.stdin)["items"]))'; }
wait_for 60 "a visit of every server of the lab" all_visited

# The demo is read-only; with a token its configuration lets write.
token=$(head -c 24 /dev/urandom | base64)
install -m 600 /dev/null "$WORK/token"
printf '%s\n' "$token" >"$WORK/token"
status() { curl -s -o "$WORK/answer" -w '%{http_code}' "$@"; }
[ "$(status -X POST "$page/api/v1/endpoints/expired/check")" = 403 ] || fail "it is not read-only without a token"
sed -i "s|^  listen: .*|&\n  write_token: {file: $WORK/token}|" "$WORK/demo/config.yaml"
kill -HUP "$demo"
taken() { [ "$(status -X POST "$page/api/v1/endpoints/expired/check")" = 401 ]; }
wait_for 20 "the token is taken" taken

# One after the other, with what is checked in the state afterwards.
write() { status -H "Authorization: Bearer $token" "$@"; }
soon=$(date -u -d '1 hour' +%Y-%m-%dT%H:%M:%SZ)
[ "$(write "$page/api/v1/silences" -d '{"endpoints": ["expired"], "until": "'"$soon"'", "reason": "a test", "by": "alice"}')" = 201 ] ||
    { shown "$WORK/answer"; fail "no silence was made"; }
holds "$WORK/answer" 'd["by"] == "alice (token)" and d["endpoints"] == ["expired"]'
id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <"$WORK/answer")
"$CERTVIGIL" silence list --config "$WORK/demo/config.yaml" | grep -F "$id until" >/dev/null || fail "the state does not have the silence"
[ "$(write -X DELETE "$page/api/v1/silences/$id")" = 204 ] || fail "the silence is not taken back"
"$CERTVIGIL" silence list --config "$WORK/demo/config.yaml" | grep -Fx "nothing is silenced" >/dev/null || fail "the state still has it"

# The same by the command, from a machine that has no more than the address and the token.
silence() { "$CERTVIGIL" silence "$@" --url "$page"; }
! silence add --endpoint 'exp*' --for 1h --reason "a test" >"$WORK/answer" 2>&1 || fail "a silence was made without the token"
holds_words() { grep -F "$1" "$WORK/answer" >/dev/null || { shown "$WORK/answer"; fail "it does not say: $1"; }; }
holds_words "does not let us in"
silence add --endpoint 'exp*' --for 1h --reason "a test" --by alice --token-file "$WORK/token" >"$WORK/answer" || fail "no silence by --url"
holds_words "everything at exp*; a test (alice (token))"
id=$(silence list | sed -n '1s/ .*//p')
holds_words "silence remove $id"
silence remove --token-file "$WORK/token" "$id" || fail "it is not taken back by --url"
[ "$(silence list)" = "nothing is silenced" ] || fail "the daemon still has it"
[ "$(write -X POST "$page/api/v1/endpoints/healthy/check")" = 202 ] || { shown "$WORK/answer"; fail "no visit"; }
say "silences are made and taken back, an endpoint is visited out of turn"

# What is drawn at random for a silence may end in the past, or be about nothing: that is refused, and is no departure.
hammer() {
    local name=$1
    shift
    (cd "$WORK" && timeout 90 "$venv/bin/schemathesis" run "$page/api/v1/openapi.json" --checks all --seed 1 --max-examples 15 \
        --request-timeout 10 --no-shrink --continue-on-failure "$@" >"$WORK/$name.log" 2>&1) ||
        { shown "$WORK/$name.log"; fail "schemathesis found something ($name)"; }
    say "$name: $(grep -E '[0-9,]+ generated|cases' "$WORK/$name.log" | tail -n 1 | xargs)"
}
hammer reading --include-method GET
# The same where the name is one of the lab.
printf '[parameters]\n"path.name" = "missing-intermediate"\n' >"$WORK/schemathesis.toml"
hammer endpoint --include-method GET --include-path-regex "name" --phases coverage,fuzzing
rm "$WORK/schemathesis.toml"
hammer writing --exclude-method GET -H "Authorization: Bearer $token" --exclude-checks positive_data_acceptance,ignored_auth
hammer strangers --exclude-method GET --phases coverage --exclude-checks positive_data_acceptance,negative_data_rejection
kill -0 "$demo" || fail "the demo has ended"
! grep -E 'panicked|failed inside' "$WORK/demo.log" || fail "the demo panicked"
