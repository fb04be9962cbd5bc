#!/usr/bin/env bash
# Faulty and sound chains from a real nginx, seen by the clients themselves: curl, Python and openssl s_client, each beside
# what certvigil says that it would say.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"
MOZILLA=/usr/share/ca-certificates/mozilla
needs nginx:nginx-light curl:curl "$MOZILLA/ISRG_Root_X1.crt:ca-certificates"
own_network www.test.example other.test.example deep.www.test.example

# One name for all that is served.
host=www.test.example
# usual NAME ISSUER [EXTENSION...]: a sound leaf for it.
usual() {
    local name=$1 issuer=$2
    shift 2
    leaf "$name" "$issuer" $host '1 day ago' '90 days' "$@"
}
# chain NAME PART...: NAME-chain.pem of these.
chain() {
    local name=$1 part
    shift
    for part in "$@"; do cat "$WORK/$part.pem"; done >"$WORK/$name-chain.pem"
}
# root_of NAME SUBJECT NOT_BEFORE NOT_AFTER: a root as root_ca makes it, in a time of its own.
root_of() {
    root_ca "$1"
    sign "$1" "$1" "$2" "$3" "$4" 'basicConstraints=critical,CA:TRUE' 'keyUsage=critical,keyCertSign,cRLSign'
}

say "certificates"
root_ca root
intermediate_ca issuing root
usual full issuing
chain full full issuing
usual gap issuing "$AIA"
chain gap gap
leaf expired issuing $host '100 days ago' '1 day ago'
chain expired expired issuing
leaf future issuing $host '10 days' '90 days'
chain future future issuing
leaf name issuing other.test.example '1 day ago' '90 days'
chain name name issuing
leaf name-expired issuing other.test.example '100 days ago' '1 day ago'
chain name-expired name-expired issuing
leaf wildcard issuing '*.test.example' '1 day ago' '90 days'
chain wildcard wildcard issuing
chain order full root issuing
chain rooted full issuing root

# What nobody trusts.
root_ca stranger
intermediate_ca strange stranger
usual unknown strange
chain unknown unknown strange
leaf unknown-name strange other.test.example '1 day ago' '90 days'
chain unknown-name unknown-name strange
chain unknown-rooted unknown strange stranger
new_key self
openssl req -x509 -new -key "$WORK/self.key" -days 30 -subj "/CN=$host" -addext "subjectAltName=DNS:$host" -out "$WORK/self.pem"
chain self self
chain extra full issuing strange

# A root that has ended has signed the new one, which is trusted too; and one that is trusted alone.
root_of ended '/O=Acceptance/CN=Acceptance ended' '10 years ago' '10 days ago'
root_ca new
cp "$WORK/new.key" "$WORK/cross.key"
ca=('basicConstraints=critical,CA:TRUE' 'keyUsage=critical,keyCertSign,cRLSign')
sign cross ended '/O=Acceptance/CN=Acceptance new' '5 years ago' '5 years' "${ca[@]}"
intermediate_ca young new
usual cross-leaf young
chain both-paths cross-leaf young cross
root_ca unseen
cp "$WORK/unseen.key" "$WORK/crossed.key"
sign crossed ended '/O=Acceptance/CN=Acceptance unseen' '5 years ago' '5 years' "${ca[@]}"
intermediate_ca pupil unseen
usual crossed-leaf pupil
chain ended-path crossed-leaf pupil crossed
chain ended-root cross-leaf young cross ended

# Intermediates.
new_key aged
sign aged root '/O=Acceptance/CN=Acceptance aged' '10 years ago' '10 days ago' "${ca[@]}"
usual old-ca aged
chain old-ca old-ca aged
usual no-ca full
chain no-ca no-ca full issuing
new_key narrow
sign narrow root '/O=Acceptance/CN=Acceptance narrow' '1 day ago' '5 years' "${ca[@]}" 'nameConstraints=critical,permitted;DNS:inner.example'
usual outside narrow
chain outside outside narrow
intermediate_ca lone stranger
usual anchored lone
chain anchored anchored

# Leaves.
plain=('basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' 'extendedKeyUsage=serverAuth')
new_key common-name
sign common-name issuing "/CN=$host" '1 day ago' '90 days' "${plain[@]}"
chain common-name common-name issuing
new_key common-name-expired
sign common-name-expired issuing "/CN=$host" '100 days ago' '1 day ago' "${plain[@]}"
chain common-name-expired common-name-expired issuing
new_key mail-name
sign mail-name issuing "/CN=$host" '1 day ago' '90 days' "${plain[@]}" 'subjectAltName=email:a@test.example'
chain mail-name mail-name issuing
new_key client
sign client issuing "/CN=$host" '1 day ago' '90 days' "subjectAltName=DNS:$host" 'extendedKeyUsage=clientAuth'
chain client client issuing
new_key address
sign address issuing "/CN=address" '1 day ago' '90 days' "${plain[@]}" 'subjectAltName=IP:127.0.0.1'
chain address address issuing
openssl genrsa -out "$WORK/weak.key" 1024 2>/dev/null
sign weak issuing "/CN=$host" '1 day ago' '90 days' "${plain[@]}" "subjectAltName=DNS:$host"
chain weak weak issuing
new_key sha1
sed -i 's/^default_md=.*/default_md=sha1/' "$WORK/ca-issuing/ca.cnf"
sign sha1 issuing "/CN=$host" '1 day ago' '90 days' "${plain[@]}" "subjectAltName=DNS:$host"
chain sha1 sha1 issuing
cp "$WORK/full.key" "$WORK/forged.key"
openssl x509 -in "$WORK/full.pem" -outform DER | python3 -c '
import base64, sys
der = bytearray(sys.stdin.buffer.read())
der[-1] ^= 1
print("-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der).decode() + "-----END CERTIFICATE-----")' >"$WORK/forged.pem"
chain forged forged issuing

# KEY:CHAIN:HOST, each at a port of its own.
cases=(full:full gap:gap expired:expired future:future name:name name-expired:name-expired wildcard:wildcard
    wildcard:wildcard:deep.www.test.example full:order full:rooted unknown:unknown unknown-name:unknown-name
    unknown:unknown-rooted self:self full:extra cross-leaf:both-paths crossed-leaf:ended-path cross-leaf:ended-root
    old-ca:old-ca no-ca:no-ca outside:outside anchored:anchored common-name:common-name
    common-name-expired:common-name-expired mail-name:mail-name client:client address:address:127.0.0.1 full:full:127.0.0.1
    weak:weak sha1:sha1 forged:forged)
sites=() rows=() port=8001
for case in "${cases[@]}"; do
    IFS=: read -r key name asked <<<"$case"
    sites+=("$port:$key:$name-chain")
    rows+=("$name:${asked:-$host}:$port")
    port=$((port + 1))
done
nginx_serves "${sites[@]}"

# The machine's store, for this script alone: `ip netns exec` has made the mounts our own.
mkdir "$WORK/store"
mount --bind "$WORK/store" /etc/ssl/certs
trusts() {
    rm -f "$WORK"/store/*
    local name
    for name in "$@"; do
        cp "$WORK/$name.pem" "$WORK/store/"
        cat "$WORK/$name.pem"
    done >"$WORK/store/ca-certificates.crt"
    openssl rehash "$WORK/store" 2>/dev/null
}
cat "$MOZILLA"/*.crt >"$WORK/mozilla.pem"

compared() { python3 "$ACCEPTANCE/clients.py" "$CERTVIGIL" "$WORK/mozilla.pem" "$WORK/company.pem" "${rows[@]}" || STATUS=1; }
STATUS=0

say "what is trusted is in the machine's store"
trusts root new ended lone
: >"$WORK/company.pem"
compared

say "it is configured"
for name in root new ended lone; do cat "$WORK/$name.pem"; done >"$WORK/company.pem"
trusts stranger
compared
[ $STATUS = 0 ] || fail "a client says something else than certvigil, see above"
