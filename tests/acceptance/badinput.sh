#!/usr/bin/env bash
# What users and strangers get wrong: each case ends with the right status and a sentence that helps, never with a panic.
. "$(dirname "$0")/lib.sh"
needs
own_network smtp.test.example

root_ca root
leaf mail root smtp.test.example '1 day ago' '90 days'
mkdir "$WORK/state"

# config MORE-YAML: a sound configuration with this appended.
config() { printf 'web: {listen: "127.0.0.1:9843"}\nstate: {directory: %s}\n%s\n' "$WORK/state" "$1" >"$WORK/config.yaml"; }

# told NAME PATTERN: the output matches the extended regular expression, case aside; no panic, no bare backtrace.
told() {
    cat "$WORK/$1.out" "$WORK/$1.err" >"$WORK/$1.all"
    if grep -qE 'panicked at|RUST_BACKTRACE' "$WORK/$1.all"; then shown "$WORK/$1.all"; fail "$1: a panic"; fi
    grep -Eqi -- "$2" "$WORK/$1.all" || { shown "$WORK/$1.all"; fail "$1: nothing like '$2'"; }
    say "$1: $(grep -Ei -m1 -- "$2" "$WORK/$1.all" | cut -c1-220)"
}

# refuses NAME PATTERN: both `validate` and `run` refuse the configuration with these words.
refuses() {
    gives 1 "$1" "$CERTVIGIL" validate --config "$WORK/config.yaml"
    told "$1" "$2"
    gives 1 "$1-run" "$CERTVIGIL" run --config "$WORK/config.yaml"
    told "$1-run" "$2"
}

say "-- configurations"
gives 1 no-file "$CERTVIGIL" validate --config "$WORK/nowhere.yaml"
told no-file 'nowhere.yaml.*(no such file|does not exist)'
config $'endpoints: [a.example\nmail: {'
refuses broken-yaml 'config.yaml:[0-9]+'
config $'endpoints: [a.example]\nendpionts: [b.example]'
refuses unknown-key 'config.yaml:4.*endpionts.*endpoints'
config $'defaults: {interval: 10 min}\nendpoints: [a.example]'
refuses bad-duration 'config.yaml:3.*interval.*10 min.*10m'
config 'endpoints: ["a.example:70000"]'
refuses bad-port 'config.yaml:3.*endpoints\[0\].*70000'
config $'defaults: {interval: soon, timeout: never}\nendpoints: ["a.example:70000", "gopher://b.example"]'
gives 1 all-at-once "$CERTVIGIL" validate --config "$WORK/config.yaml"
for word in soon never 70000 gopher; do told all-at-once "$word"; done
config $'trust: {files: [/nowhere/root.pem]}\nendpoints: [a.example]'
refuses missing-ca-file '/nowhere/root.pem.*(no such file|does not exist)'
echo 'no certificate here' >"$WORK/empty.pem"
config "trust: {files: [$WORK/empty.pem]}"$'\nendpoints: [a.example]'
refuses ca-file-without-certificates 'empty.pem.*no certificate'
config $'mail: {server: {host: smtp.test.example, port: 587, tls: starttls, username: a, password: {file: /nowhere/p}}, from: a@test.example, to: [b@test.example]}\nendpoints: [a.example]'
refuses missing-password-file '/nowhere/p'

say "-- state"
config 'endpoints: [a.example]'
run=("$CERTVIGIL" run --config "$WORK/config.yaml")
sed "s|directory: .*}|directory: $WORK/nowhere}|" -i "$WORK/config.yaml"
gives 1 no-state-directory "${run[@]}"
told no-state-directory 'state directory .*/nowhere does not exist'
sed "s|directory: .*}|directory: /proc/self}|" -i "$WORK/config.yaml"
gives 1 unwritable-state-directory "${run[@]}"
told unwritable-state-directory 'cannot write /proc/self'
told unwritable-state-directory 'hint: .*ReadWritePaths='
config 'endpoints: [a.example]'
python3 -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("PRAGMA application_id = 0x6376676c"); d.execute("PRAGMA user_version = 99"); d.execute("CREATE TABLE t (x)")' "$WORK/state/certvigil.db"
gives 1 newer-state "${run[@]}"
told newer-state 'certvigil.db was written by a newer certvigil \(schema 99'
rm "$WORK"/state/*

say "-- ports"
start holder python3 -c 'import socket, time; s = socket.create_server(("127.0.0.1", 9843)); time.sleep(600)'
holder=$PID
listens holder 9843
gives 1 port-in-use "${run[@]}"
told port-in-use '127.0.0.1:9843.*in use'
end "$holder" KILL

say "-- peers that are no TLS servers"
start strangers python3 "$ACCEPTANCE/strangers.py"
listens strangers 7001 7002 7003 7004 7005
visit=("$CERTVIGIL" check --json --timeout 3s)
gives 3 garbage "${visit[@]}" 127.0.0.1:7001
holds "$WORK/garbage.out" 'd["verify_code"] is None and d["failure"]["stage"] == "handshake"'
told garbage '"kind": ?"(plaintext|protocol_violation)"'
gives 3 too-much "${visit[@]}" 127.0.0.1:7002
told too-much '"kind": ?"(too_much_data|protocol_violation)"'
gives 3 drip "${visit[@]}" 127.0.0.1:7003
told drip '"kind": ?"timeout"'
gives 3 silent "${visit[@]}" 127.0.0.1:7004
told silent '"kind": ?"timeout"'
gives 3 hang-up "${visit[@]}" 127.0.0.1:7005
told hang-up '"kind": ?"(closed_early|reset)"'
gives 3 nobody "${visit[@]}" 127.0.0.1:7099
told nobody '"kind": ?"refused"'
gives 3 unresolved "${visit[@]}" nowhere.test.example
told unresolved '"stage": ?"resolve"'
gives 3 starttls-garbage "${visit[@]}" smtp://127.0.0.1:7001
told starttls-garbage '"stage": ?"starttls"'
gives 3 bad-target "$CERTVIGIL" check 'gopher://a.example'
told bad-target 'gopher'

say "-- mail servers"
# The mail server: 7101 refuses the sender, 7102 shows a certificate that nobody trusts, 7103 is not there.
start smtp python3 "$ACCEPTANCE/strangers.py" smtp "$WORK/mail.key" "$WORK/mail-full.pem"
listens smtp 7101 7102
mail_test() {
    config "mail: {server: {host: smtp.test.example, port: $1, tls: starttls, ca_files: [${3:-$WORK/root.pem}]}, from: a@test.example, to: [b@test.example]}"$'\nendpoints: [a.example]'
    gives 1 "$2" "$CERTVIGIL" mail test --config "$WORK/config.yaml"
}
mail_test 7101 smtp-refuses
told smtp-refuses '550.*we know you not'
new_key other
openssl req -x509 -new -key "$WORK/other.key" -days 30 -subj '/CN=other' -out "$WORK/other.pem"
mail_test 7102 smtp-certificate "$WORK/other.pem"
told smtp-certificate 'certificate'
mail_test 7103 smtp-not-there
told smtp-not-there 'refused'

say "-- files"
gives 3 no-chain "$CERTVIGIL" verify --chain "$WORK/empty.pem"
told no-chain 'no certificate'
head -c 5000 /dev/urandom >"$WORK/noise.der"
gives 3 noise "$CERTVIGIL" verify --chain "$WORK/noise.der"
told noise 'noise.der'
