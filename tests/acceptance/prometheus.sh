#!/usr/bin/env bash
# A real Prometheus scrapes the daemon; what the shipped rules ask for is there; rules for other exporters find
# what they look for on /probe, which says what blackbox_exporter itself says.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"
needs nginx:nginx-light prometheus:prometheus promtool:prometheus prometheus-blackbox-exporter:prometheus-blackbox-exporter
own_network api.test.example good.test.example soon.test.example

root_ca root
intermediate_ca issuing root
leaf api issuing api.test.example '1 day ago' '90 days' "$AIA"
leaf good issuing good.test.example '1 day ago' '90 days'
leaf soon issuing soon.test.example '80 days ago' '5 days'
nginx_serves 443:api:api 8443:good:good-full 8444:soon:soon-full

# Nothing listens at the mail server's port: mails wait, and their metrics can be looked at.
config_begins >"$WORK/config.yaml"
cat >>"$WORK/config.yaml" <<CONF
mail:
  server: {host: 127.0.0.1, port: 587, tls: starttls}
  from: "certvigil <alerts@test.example>"
  to: [ops@test.example]
endpoints:
  - {name: api, target: api.test.example, labels: {team: "a \"quoted\" \\\\ team"}}
  - {name: good, target: "good.test.example:8443"}
  - {name: soon, target: "https://soon.test.example:8444"}
  - {name: refused, target: "good.test.example:9"}
CONF
start certvigil "$CERTVIGIL" run --config "$WORK/config.yaml"
wait_for 60 "every endpoint visited" probed_since 9843 1 api good soon refused
wait_for 60 "the tried mail" metric 9843 '^certvigil_mails_total\{'

say "promtool reads the metrics"
scrape 9843 >"$WORK/metrics.txt"
promtool check metrics <"$WORK/metrics.txt" >"$WORK/promtool.log" 2>&1 || { shown "$WORK/promtool.log"; fail "promtool check metrics"; }

say "Prometheus scrapes them, and /probe in the manner of two exporters"
RULES=$ACCEPTANCE/rules
cat >"$WORK/prometheus.yml" <<CONF
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$ROOT/grafana/alerts.yml, $RULES/blackbox.yml, $RULES/ssl_exporter.yml]
scrape_configs:
  - {job_name: certvigil, static_configs: [{targets: ["127.0.0.1:9843"]}]}
CONF
for job in 'blackbox {module: [http_2xx]}' 'ssl {module: [tcp], format: [ssl_exporter]}'; do
    cat >>"$WORK/prometheus.yml" <<CONF
  - job_name: ${job%% *}
    metrics_path: /probe
    params: ${job#* }
    static_configs:
      - targets: ["https://api.test.example", "good.test.example:8443", "soon.test.example:8444", "refused", "stranger.test.example:443"]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: "127.0.0.1:9843"}
CONF
done
promtool check config "$WORK/prometheus.yml" >"$WORK/promtool.log" 2>&1 || { shown "$WORK/promtool.log"; fail "promtool check config"; }
promtool check rules "$ROOT/grafana/alerts.yml" "$RULES/blackbox.yml" "$RULES/ssl_exporter.yml" >"$WORK/promtool.log" 2>&1 || { shown "$WORK/promtool.log"; fail "promtool check rules"; }
for rules in "$ROOT/grafana/alerts" "$RULES/blackbox" "$RULES/ssl_exporter"; do
    promtool test rules "${rules}_test.yml" >"$WORK/promtool.log" 2>&1 || { shown "$WORK/promtool.log"; fail "promtool test rules $rules"; }
done
start prometheus prometheus --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" --web.listen-address=127.0.0.1:9090
listens prometheus 9090

# asks QUERY: prints the samples' values, sorted; empty when there are none.
asks() { promtool query instant http://127.0.0.1:9090 "$1" 2>/dev/null | sed -n 's/.* => \([^ ]*\) @.*/\1/p' | sort; }
answers() { [ "$(asks "$1" | paste -sd' ')" = "$2" ]; }
wait_for 30 "Prometheus sees the daemon" answers 'up{job="certvigil"}' 1
wait_for 30 "the verdict in Prometheus" answers 'certvigil_verify_code{endpoint="api"}' 21
for pair in 'certvigil_verify_code{endpoint="good"}=0' 'certvigil_chain_complete{endpoint="api"}=0' \
    'certvigil_chain_status{endpoint="api",status="missing_intermediate"}=1' 'certvigil_finding{endpoint="api",code="missing_intermediate",fault="server"}=3' \
    'certvigil_probe_success{endpoint="refused"}=0' 'certvigil_probe_failure{endpoint="refused",stage="connect",kind="refused"}=1' \
    'count(certvigil_endpoint_info)=4' 'count(certvigil_build_info)=1'; do
    answers "${pair%=*}" "${pair##*=}" || fail "${pair%=*} is '$(asks "${pair%=*}" | paste -sd' ')' instead of ${pair##*=}"
done

say "rules for blackbox_exporter and ssl_exporter find what they look for"
wait_for 30 "the stranger alone is refused" answers 'count(up{job=~"blackbox|ssl"} == 0)' 2
# fires ALERT INSTANCE...: it does, for exactly these.
fires() {
    local found wanted
    found=$(promtool query instant http://127.0.0.1:9090 "count by (instance) (ALERTS{alertname=\"$1\",alertstate=\"firing\"})" |
        sed -n 's/.*instance="\([^"]*\)".*/\1/p' | sort | paste -sd' ')
    wanted=$(printf '%s\n' "${@:2}" | sort | paste -sd' ')
    [ "$found" = "$wanted" ]
}
for expected in 'BlackboxProbeFailed https://api.test.example refused' 'BlackboxSslCertificateWillExpireSoon soon.test.example:8444' \
    'BlackboxChainWillExpireSoon soon.test.example:8444' 'BlackboxSslCertificateOfWhom soon.test.example:8444' \
    'SslCertificateProbeFailed https://api.test.example refused' 'SslCertificateExpiry soon.test.example:8444' \
    'SslPresentedCertificateExpiry soon.test.example:8444' BlackboxSslCertificateExpired BlackboxOldTls BlackboxSlowProbe \
    SslCertificateRevoked SslCertificateOcspUnknown SslLongLived SslOldTls; do
    # shellcheck disable=SC2086
    wait_for 30 "the alert $expected" fires $expected
done
for pair in 'probe_ssl_earliest_cert_expiry{instance="https://api.test.example"} - on () certvigil_endpoint_not_after_timestamp_seconds{endpoint="api"}=0' \
    'count(probe_ssl_last_chain_expiry_timestamp_seconds)=2' 'count(ssl_verified_cert_not_after{chain_no="0",instance="good.test.example:8443"})=3' \
    'count(probe_ssl_last_chain_info{issuer="CN=Acceptance issuing,O=Acceptance"})=3' 'count(ssl_cert_not_after{cn="Acceptance issuing"})=2'; do
    answers "${pair%=*}" "${pair##*=}" || fail "${pair%=*} is '$(asks "${pair%=*}" | paste -sd' ')' instead of ${pair##*=}"
done
if grep -q '@test.example' "$WORK/metrics.txt"; then fail "a mail address is on /metrics"; fi

say "/probe says what blackbox_exporter says"
cat >"$WORK/blackbox.yml" <<CONF
modules:
  http: {prober: http, timeout: 5s, http: {valid_status_codes: [200, 404], preferred_ip_protocol: ip4, tls_config: {ca_file: $WORK/root.pem}}}
  tcp: {prober: tcp, timeout: 5s, tcp: {tls: true, preferred_ip_protocol: ip4, tls_config: {ca_file: $WORK/root.pem}}}
CONF
start blackbox prometheus-blackbox-exporter --config.file="$WORK/blackbox.yml" --web.listen-address=127.0.0.1:9115
listens blackbox 9115
python3 - <<'PYTHON' || fail "not the same"
import re, sys, urllib.request

def said(port, target, module):
    """Every series about the certificate and the address, as (name, labels, value), without what each measures for itself."""
    url = "http://127.0.0.1:%d/probe?target=%s&module=%s" % (port, target, module)
    lines = urllib.request.urlopen(url, timeout=10).read().decode().splitlines()
    for name, labels, value in re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", "\n".join(lines), re.M):
        # About HTTP there is nothing here.
        if not name.startswith("probe_http_") and ("expiry" in name or not name.endswith("_seconds")):
            yield name, set(re.findall(r'\w+="[^"]*"', labels)), float(value)

faults = 0
for target, module in [("https://good.test.example:8443", "http"), ("good.test.example:8443", "tcp"), ("https://soon.test.example:8444", "http"), ("good.test.example:9", "tcp")]:
    theirs, ours = list(said(9115, target, module)), list(said(9843, target, module))
    for name, labels, value in theirs:
        # A newer one has labels that an older one lacks.
        if not any(other[0] == name and other[1] >= labels and other[2] == value for other in ours):
            faults += 1
            print("   | %s: blackbox_exporter says %s %s %s; /probe: %s" % (target, name, labels, value, [other for other in ours if other[0] == name]))
    print("   %s: %d series" % (target, len(theirs)))
sys.exit(faults > 0)
PYTHON

say "the shipped rules ask for nothing that is not there"
names=$(grep -oEh '\bcertvigil_[a-z0-9_]+' "$ROOT"/grafana/*.yml | sort -u)
[ -n "$names" ] || fail "there are no rules in grafana/"
absent=()
for name in $names; do
    grep -qE "^$name(\{| )" "$WORK/metrics.txt" || absent+=("$name")
done
[ ${#absent[@]} = 0 ] || fail "not in the scrape: ${absent[*]}"
say "$(wc -w <<<"$names") metrics asked for, all there"

wait_for 90 "every rule is evaluated without error" rules_healthy
