#!/usr/bin/env bash
# Every protocol against a real server that speaks it: the certificate behind STARTTLS is seen, and judged as openssl judges it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"
needs nginx:nginx-light postfix:postfix saslpasswd2:sasl2-bin '/usr/lib/*/sasl2/libsasldb.so:libsasl2-modules-db' '/usr/lib/*/sasl2/libplain.so:libsasl2-modules' \
    dovecot:dovecot-core /usr/lib/dovecot/imap:dovecot-imapd /usr/lib/dovecot/pop3:dovecot-pop3d \
    /usr/lib/dovecot/managesieve:dovecot-managesieved proftpd:proftpd-core /usr/lib/proftpd/mod_tls.so:proftpd-mod-crypto \
    slapd:slapd prosody:prosody '/usr/lib/postgresql/*/bin/initdb:postgresql' mariadbd:mariadb-server inspircd:inspircd
own_network mail.test.example

root_ca root
intermediate_ca issuing root
leaf mail issuing mail.test.example '1 day ago' '90 days'

say "starting eight servers"
postfix_server mail
dovecot_server mail
proftpd_server mail issuing
slapd_server mail issuing
prosody_server mail mail.test.example
postgres_server mail
mariadb_server mail
inspircd_server mail

# as_openssl_says TARGET PORT OPENSSL-OPTION...: certvigil and openssl see the same, and it is sound.
as_openssl_says() {
    local target=$1 port=$2 name=${1//[^a-z0-9]/-} openssl_says
    shift 2
    openssl_says=$(said_by_openssl "$port" mail.test.example "$WORK/root.pem" "$@")
    [ "$openssl_says" = 0 ] || fail "the stage is set wrongly: openssl says $openssl_says of $target"
    gives 0 "$name" "$CERTVIGIL" check --json --ca-file "$WORK/root.pem" --only-ca-file "$target"
    holds "$WORK/$name.out" 'd["verify_code"] == 0 and d["chain_status"] == "complete" and len(d["chain"]) == 2'
    holds "$WORK/$name.out" 'd["tls"]["version"] in ("TLSv1.2", "TLSv1.3") and d["failure"] is None'
    say "$target: 0, as openssl says"
}

host=mail.test.example
as_openssl_says smtp://$host 25 -starttls smtp
as_openssl_says submission://$host 587 -starttls smtp
as_openssl_says smtps://$host 465
as_openssl_says imap://$host 143 -starttls imap
as_openssl_says imaps://$host 993
as_openssl_says pop3://$host 110 -starttls pop3
as_openssl_says pop3s://$host 995
as_openssl_says sieve://$host 4190 -starttls sieve
as_openssl_says ftp://$host 21 -starttls ftp
as_openssl_says ldap://$host 389 -starttls ldap
as_openssl_says ldaps://$host 636
as_openssl_says xmpp://$host 5222 -starttls xmpp -xmpphost $host
as_openssl_says xmpp-server://$host 5269 -starttls xmpp-server -xmpphost $host
as_openssl_says postgres://$host 5432 -starttls postgres
as_openssl_says mysql://$host 3306 -starttls mysql
as_openssl_says irc://$host 6667 -starttls irc
as_openssl_says tls://$host:6697 6697

say "STARTTLS is required, never opportunistic"
gives 3 no-starttls "$CERTVIGIL" check --json --ca-file "$WORK/root.pem" --only-ca-file smtp://$host:2525
holds "$WORK/no-starttls.out" 'd["verify_code"] is None and d["failure"]["stage"] == "starttls" and d["failure"]["kind"] == "starttls_refused"'

say "the protocol by option, as by the target"
gives 0 option "$CERTVIGIL" check --json --starttls imap --ca-file "$WORK/root.pem" --only-ca-file $host:143
holds "$WORK/option.out" 'd["verify_code"] == 0'

say "without the intermediate: the remedy is for the program that greets"
leaf alone issuing $host '1 day ago' '90 days' "$AIA"
cp "$WORK/alone.pem" "$WORK/mail-full.pem"
cp "$WORK/alone.key" "$WORK/mail.key"
nginx_serves
postfix -c "$POSTFIX" reload 2>/dev/null
kill -HUP "$DOVECOT"
# remedied TARGET PORT PROGRAM DIRECTIVE OPENSSL-OPTION...
remedied() {
    local target=$1 port=$2 program=$3 directive=$4 name=gap-${1//[^a-z0-9]/-}
    shift 4
    leaf_alone() { [ "$(said_by_openssl "$port" $host "$WORK/root.pem" "$@")" = 21 ]; }
    wait_for 15 "$target serves the leaf alone" leaf_alone "$@"
    gives 2 "$name" "$CERTVIGIL" check --json --ca-file "$WORK/root.pem" --only-ca-file --allow-private-fetch "$target"
    holds "$WORK/$name.out" "d['server_software'].startswith('$program') and [p['software'] for p in d['how_to_fix']] == ['$program']"
    holds "$WORK/$name.out" "any(line.startswith('$directive') for line in d['how_to_fix'][0]['configure'])"
    gives 2 "$name-text" "$CERTVIGIL" check --evidence --ca-file "$WORK/root.pem" --only-ca-file --allow-private-fetch "$target"
    grep -q "by $program.* (so the server says of itself)" "$WORK/$name-text.out" || fail "the text does not say what $target is"
    grep -q "$directive" "$WORK/$name-text.out" || fail "the text lacks the directive of $program"
    grep -q "S: .*$program" "$WORK/$name-text.out" || fail "the evidence lacks the greeting of $target"
    say "$target: $program, by its own word"
}
remedied smtp://$host 25 Postfix 'smtpd_tls_chain_files = ' -starttls smtp
remedied submission://$host 587 Postfix 'smtpd_tls_chain_files = ' -starttls smtp
remedied smtps://$host 465 Postfix 'smtpd_tls_chain_files = '
remedied imap://$host 143 Dovecot 'ssl_server_cert_file = ' -starttls imap
remedied imaps://$host 993 Dovecot 'ssl_server_cert_file = '
remedied pop3://$host 110 Dovecot 'ssl_server_cert_file = ' -starttls pop3
remedied sieve://$host 4190 Dovecot 'ssl_server_cert_file = ' -starttls sieve
