#!/usr/bin/env bash
# kill -9 at 100 random moments (KILLS=500 for more), while eight servers break and are mended and a real Postfix takes the mails:
# nothing is lost, nobody hears anything twice but in the same mail, and their number is told. SEED chooses another run.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"
needs postfix:postfix saslpasswd2:sasl2-bin '/usr/lib/*/sasl2/libsasldb.so:libsasl2-modules-db' \
    '/usr/lib/*/sasl2/libplain.so:libsasl2-modules'
names=(a b c d e f g h)
own_network mail.test.example "${names[@]/%/.test.example}"

root_ca root
intermediate_ca issuing root
leaf mail issuing mail.test.example '1 day ago' '90 days'
for name in "${names[@]}"; do leaf "$name" issuing "$name.test.example" '1 day ago' '90 days'; done
postfix_server mail
config_begins >"$WORK/config.yaml"
sed -i 's/interval: 5s/interval: 3s/' "$WORK/config.yaml"
mail_by_postfix >>"$WORK/config.yaml"
cat >>"$WORK/config.yaml" <<CONF
people: {"*": {cap: 1000}}
endpoints:
CONF
port=8441
for name in "${names[@]}"; do
    echo "  - {name: $name, target: \"$name.test.example:$port\"}" >>"$WORK/config.yaml"
    port=$((port + 1))
done
python3 "$ACCEPTANCE/kill.py" "$CERTVIGIL" "$WORK" "${KILLS:-100}" "${SEED:-1}" "${names[@]}" || fail "see above"
