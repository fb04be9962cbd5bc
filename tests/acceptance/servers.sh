# Real servers for the acceptance, each in the foreground of its own process group with a configuration made on the spot. They
# serve WORK/CERT.pem's chain, whichever CERT is given. To be sourced after lib.sh. shellcheck shell=bash

# handed_to USER CERT: the key and chain where this user may read them; prints the directory.
handed_to() {
    local user=$1 cert=$2 dir=$WORK/keys-$1
    mkdir -p "$dir"
    install -o "$user" -m 600 "$WORK/$cert.key" "$dir/key.pem"
    install -o "$user" -m 644 "$WORK/$cert-full.pem" "$dir/chain.pem"
    chown "$user" "$dir"
    echo "$dir"
}

# What a leaf carries that names its issuer's address; `nginx_serves` has it there.
AIA='authorityInfoAccess=caIssuers;URI:http://127.0.0.1/issuing.der'
NGINX=

# nginx_serves PORT:KEY:CHAIN...: from now on, TLS at these ports with WORK/KEY.key and WORK/CHAIN.pem; 80, the issuer of AIA.
# Every request stands in WORK/access.log. The first call starts it.
nginx_serves() {
    local site port key chain
    mkdir -p "$WORK/aia"
    openssl x509 -in "$WORK/issuing.pem" -outform DER -out "$WORK/aia/issuing.der"
    {
        cat <<CONF
daemon off;
pid $WORK/nginx.pid;
error_log $WORK/nginx-error.log;
events {}
http {
    access_log $WORK/access.log;
    client_body_temp_path $WORK/t1; proxy_temp_path $WORK/t2; fastcgi_temp_path $WORK/t3;
    uwsgi_temp_path $WORK/t4; scgi_temp_path $WORK/t5;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers DEFAULT:@SECLEVEL=0;
    server { listen 127.0.0.1:80; root $WORK/aia; }
CONF
        for site in "$@"; do
            IFS=: read -r port key chain <<<"$site"
            echo "    server { listen 127.0.0.1:$port ssl; ssl_certificate $WORK/$chain.pem; ssl_certificate_key $WORK/$key.key; }"
        done
        echo '}'
    } >"$WORK/nginx.conf"
    if [ -n "$NGINX" ]; then
        kill -HUP "$NGINX"
    else
        start nginx nginx -c "$WORK/nginx.conf"
        NGINX=$PID
        listens nginx 80 "${@%%:*}"
    fi
}

# postfix_server CERT: 25 (STARTTLS offered), 465 (TLS), 587 (STARTTLS and AUTH required: alerts / over the hills), 2525 (no TLS).
# Mail to NAME@test.example lies in WORK/mail/NAME/new.
postfix_server() {
    local cert=$1 dir=$WORK/postfix name
    mkdir -p "$dir"/{etc/sasl,queue,data} "$WORK/mail"
    chown postfix "$dir/data"
    chown nobody:nogroup "$WORK/mail"
    for name in ops admin; do echo "$name@test.example $name/"; done >"$dir/etc/mailboxes"
    printf 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: %s/sasldb\n' "$dir" >"$dir/etc/sasl/smtpd.conf"
    echo 'over the hills' | saslpasswd2 -p -c -f "$dir/sasldb" -u mail.test.example alerts
    chown postfix "$dir/sasldb"
    cat >"$dir/etc/main.cf" <<CONF
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
myhostname = mail.test.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = test.example
virtual_mailbox_base = $WORK/mail
virtual_mailbox_maps = texthash:$dir/etc/mailboxes
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
maillog_file = $WORK/postfix.log
maillog_file_prefixes = /tmp
smtpd_tls_chain_files = $WORK/$cert.key, $WORK/$cert-full.pem
smtpd_tls_security_level = may
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = $dir/etc/sasl
CONF
    cat >"$dir/etc/master.cf" <<'CONF'
25         inet  n - n - - smtpd
2525       inet  n - n - - smtpd -o smtpd_tls_security_level=none
465        inet  n - n - - smtpd -o smtpd_tls_wrappermode=yes
587        inet  n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
proxymap   unix  - - n - - proxymap
error      unix  - - n - - error
retry      unix  - - n - - error
virtual    unix  - n n - - virtual
anvil      unix  - - n - 1 anvil
postlog    unix-dgram n - n - 1 postlogd
CONF
    # A group of its own, so that the end of the script finds every part of it.
    start postfix-master postfix -c "$dir/etc" start-fg
    POSTFIX=$dir/etc
    listens postfix-master 25 465 587 2525
}

# mail_by_postfix: the section `mail` of a configuration that delivers to it, on 587 with STARTTLS and AUTH.
mail_by_postfix() {
    printf 'over the hills\n' >"$WORK/password"
    chmod 600 "$WORK/password"
    cat <<CONF
mail:
  server: {host: mail.test.example, port: 587, tls: starttls, username: alerts, password: {file: $WORK/password},
    ca_files: [$WORK/root.pem]}
  from: "certvigil <alerts@test.example>"
  to: [ops@test.example]
CONF
}

# dovecot_server CERT: 143 and 110 (STARTTLS), 993, 995, 4190 (sieve).
dovecot_server() {
    local dir=$WORK/dovecot
    mkdir -p "$dir"
    cat >"$dir/dovecot.conf" <<CONF
base_dir = $dir/run
log_path = $WORK/dovecot.log
protocols = imap pop3 sieve
listen = 127.0.0.1
ssl = yes
ssl_cert = <$WORK/$1-full.pem
ssl_key = <$WORK/$1.key
mail_location = maildir:$dir/mail
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$dir
}
CONF
    start dovecot dovecot -F -c "$dir/dovecot.conf"
    # Who sources this may signal it.
    # shellcheck disable=SC2034
    DOVECOT=$PID
    listens dovecot 143 993 110 995 4190
}

# proftpd_server CERT ISSUER: 21 (AUTH TLS).
proftpd_server() {
    cat >"$WORK/proftpd.conf" <<CONF
ServerName acceptance
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
UseIPv6 off
Port 21
User nobody
Group nogroup
PidFile $WORK/proftpd.pid
ScoreboardFile $WORK/proftpd.scoreboard
WtmpLog off
LoadModule mod_tls.c
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLSECCertificateFile $WORK/$1.pem
TLSECCertificateKeyFile $WORK/$1.key
TLSCertificateChainFile $WORK/$2.pem
CONF
    start proftpd proftpd -n -c "$WORK/proftpd.conf"
    listens proftpd 21
}

# slapd_server CERT ISSUER: 389 (StartTLS), 636.
slapd_server() {
    mkdir -p "$WORK/ldap"
    cat >"$WORK/slapd.conf" <<CONF
include /etc/ldap/schema/core.schema
pidfile $WORK/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile $WORK/$1-full.pem
TLSCertificateKeyFile $WORK/$1.key
TLSCACertificateFile $WORK/$2.pem
database mdb
suffix dc=test,dc=example
directory $WORK/ldap
CONF
    start slapd slapd -d 0 -f "$WORK/slapd.conf" -h 'ldap://127.0.0.1:389 ldaps://127.0.0.1:636'
    listens slapd 389 636
}

# prosody_server CERT HOST: 5222 (clients), 5269 (servers).
prosody_server() {
    local dir keys
    dir=$WORK/prosody
    keys=$(handed_to prosody "$1")
    mkdir -p "$dir"
    chown prosody "$dir"
    cat >"$dir/prosody.cfg.lua" <<CONF
pidfile = "$dir/pid"
data_path = "$dir"
interfaces = { "127.0.0.1" }
modules_enabled = { "saslauth", "tls", "dialback", "disco", "posix" }
modules_disabled = { "http" }
authentication = "internal_hashed"
log = { info = "$dir/log" }
VirtualHost "$2"
  ssl = { certificate = "$keys/chain.pem", key = "$keys/key.pem" }
CONF
    start prosody setpriv --reuid prosody --regid prosody --clear-groups prosody --config "$dir/prosody.cfg.lua" -F
    listens prosody 5222 5269
}

# postgres_server CERT: 5432.
postgres_server() {
    local keys bin
    keys=$(handed_to postgres "$1")
    bin=$(compgen -G '/usr/lib/postgresql/*/bin' | tail -n 1)
    mkdir -p "$WORK/postgres"
    chown postgres "$WORK/postgres"
    setpriv --reuid postgres --regid postgres --clear-groups "$bin/initdb" -D "$WORK/postgres/data" -A trust --no-sync >"$WORK/initdb.log" 2>&1
    start postgres setpriv --reuid postgres --regid postgres --clear-groups "$bin/postgres" -D "$WORK/postgres/data" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories="$WORK/postgres" -c fsync=off \
        -c ssl=on -c ssl_cert_file="$keys/chain.pem" -c ssl_key_file="$keys/key.pem"
    listens postgres 5432
}

# mariadb_server CERT: 3306.
mariadb_server() {
    local keys
    keys=$(handed_to mysql "$1")
    mkdir -p "$WORK/mariadb"
    chown mysql "$WORK/mariadb"
    mariadb-install-db --no-defaults --datadir="$WORK/mariadb/data" --user=mysql --skip-test-db >"$WORK/mariadb-install.log" 2>&1
    start mariadb mariadbd --no-defaults --datadir="$WORK/mariadb/data" --user=mysql --bind-address=127.0.0.1 \
        --socket="$WORK/mariadb/socket" --pid-file="$WORK/mariadb/pid" --ssl-cert="$keys/chain.pem" --ssl-key="$keys/key.pem"
    listens mariadb 3306
}

# inspircd_server CERT: 6667 (STARTTLS), 6697.
inspircd_server() {
    mkdir -p "$WORK/inspircd"
    cat >"$WORK/inspircd.conf" <<CONF
<server name="irc.test.example" description="acceptance" network="Acceptance">
<admin name="a" nick="a" email="a@test.example">
<module name="ssl_gnutls"><module name="cap"><module name="starttls">
<sslprofile name="tls" provider="gnutls" certfile="$WORK/$1-full.pem" keyfile="$WORK/$1.key">
<bind address="127.0.0.1" port="6667" type="clients">
<bind address="127.0.0.1" port="6697" type="clients" sslprofile="tls">
<starttls sslprofile="tls">
<connect allow="*" resolvehostnames="no" useident="no">
<power diepass="x" restartpass="x">
<pid file="$WORK/inspircd/pid">
<path logdir="$WORK/inspircd" datadir="$WORK/inspircd" runtimedir="$WORK/inspircd">
CONF
    start inspircd inspircd --nofork --runasroot --config "$WORK/inspircd.conf"
    listens inspircd 6667 6697
}
