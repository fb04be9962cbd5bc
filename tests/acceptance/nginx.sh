#!/usr/bin/env bash
# A real nginx that leaves out the intermediate: found, proven, and mended by what certvigil offers.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"
needs nginx:nginx-light
own_network api.test.example

root_ca root
intermediate_ca issuing root
leaf api issuing api.test.example '1 day ago' '90 days' "$AIA"
check=("$CERTVIGIL" check --json --ca-file "$WORK/root.pem" --only-ca-file --host api.test.example)

nginx_serves 443:api:api
openssl_says=$(said_by_openssl 443 api.test.example "$WORK/root.pem")
[ "$openssl_says" = 21 ] || fail "the stage is set wrongly: openssl says $openssl_says"

say "leaf only, the issuer at its AIA address"
gives 2 gap "${check[@]}" --allow-private-fetch 127.0.0.1:443
holds "$WORK/gap.out" 'd["verify_code"] == 21'
holds "$WORK/gap.out" 'd["verify_text"] == "unable to verify the first certificate"'
holds "$WORK/gap.out" '[(e["code"], e["depth"]) for e in d["verify_errors"]] == [(20, 0), (21, 0)]'
holds "$WORK/gap.out" 'd["chain_status"] == "missing_intermediate"'
holds "$WORK/gap.out" '[(f["fault"], f["severity"]) for f in d["findings"] if f["code"] == "missing_intermediate"] == [("server", "critical")]'
holds "$WORK/gap.out" 'len(d["chain"]) == 1 and d["chain"][0]["sans"] == ["dns:api.test.example"]'

say "the remedy for what nginx says it is, and for nothing else"
holds "$WORK/gap.out" 'd["server_software"].startswith("nginx")'
holds "$WORK/gap.out" '[(p["software"], p["configure"]) for p in d["how_to_fix"]] == [("nginx", ["ssl_certificate /path/to/fullchain.pem;"])]'
grep -q '"HEAD / HTTP/1.1" [0-9]* 0 "-" "certvigil/' "$WORK/access.log" || fail "nginx was not asked by HEAD"

say "the offered chain, tried by openssl and by nginx itself"
python3 -c 'import json, sys; sys.stdout.write(json.loads(sys.stdin.readline())["repaired_chain"])' <"$WORK/gap.out" >"$WORK/repaired.pem"
[ "$(grep -c BEGIN "$WORK/repaired.pem")" = 2 ] || fail "the repaired chain is not leaf and intermediate"
openssl x509 -in "$WORK/repaired.pem" -out "$WORK/repaired-leaf.pem"
openssl verify -no-CApath -no-CAstore -CAfile "$WORK/root.pem" -purpose sslserver -auth_level 2 -verify_hostname api.test.example \
    -untrusted "$WORK/repaired.pem" "$WORK/repaired-leaf.pem" || fail "openssl does not accept the repaired chain"

say "the same without a proof: no accusation"
gives 2 unproven "${check[@]}" --no-fetch 127.0.0.1:443
holds "$WORK/unproven.out" 'd["verify_code"] == 21 and d["chain_status"] == "issuer_unknown" and d["repaired_chain"] is None'
: >"$WORK/access.log"
gives 2 guarded "${check[@]}" 127.0.0.1:443
holds "$WORK/guarded.out" 'd["chain_status"] == "issuer_unknown"'
[ ! -s "$WORK/access.log" ] || fail "a loopback address was fetched from without --allow-private-fetch"

say "for people: text and evidence"
gives 2 text "$CERTVIGIL" check --ca-file "$WORK/root.pem" --only-ca-file --host api.test.example --allow-private-fetch 127.0.0.1:443
gives 2 evidence "$CERTVIGIL" check --evidence --ca-file "$WORK/root.pem" --only-ca-file --host api.test.example \
    --allow-private-fetch 127.0.0.1:443
grep -q 'by nginx.* (so the server says of itself)' "$WORK/text.out" || fail "the text does not say what the server is"
grep -q 'nginx -t && nginx -s reload' "$WORK/text.out" || fail "the text does not say how nginx is reloaded"
grep -q 'S: Server: nginx' "$WORK/evidence.out" || fail "the evidence lacks nginx's own word"
grep -q 'Verify return code: 21 (unable to verify the first certificate)' "$WORK/evidence.out" || fail "the evidence lacks the verdict"

say "full chain served"
nginx_serves 443:api:repaired
full_chain() { [ "$(said_by_openssl 443 api.test.example "$WORK/root.pem")" = 0 ]; }
wait_for 15 "nginx takes the repaired chain" full_chain
gives 0 mended "${check[@]}" 127.0.0.1:443
holds "$WORK/mended.out" 'd["verify_code"] == 0 and d["severity"] == "ok" and d["chain_status"] == "complete" and d["repaired_chain"] is None'
holds "$WORK/mended.out" 'd["findings"] == [] and len(d["chain"]) == 2'

say "the wrong name, as openssl counts it"
gives 2 name "$CERTVIGIL" check --json --ca-file "$WORK/root.pem" --only-ca-file --host other.test.example 127.0.0.1:443
holds "$WORK/name.out" 'd["verify_code"] == 62'
