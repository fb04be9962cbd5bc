#!/usr/bin/env bash
# A real Prometheus scrapes the lab for a while; then every query of the dashboards is put to it.
. "$(dirname "$0")/lib.sh"
needs prometheus:prometheus promtool:prometheus
own_network nobody.test.example

start certvigil "$CERTVIGIL" demo
wait_for 60 "the page" port_open 9843
cat >"$WORK/prometheus.yml" <<CONF
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$ROOT/grafana/alerts.yml]
scrape_configs:
  - {job_name: certvigil, static_configs: [{targets: ["127.0.0.1:9843"]}]}
CONF
start prometheus prometheus --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" --web.listen-address=127.0.0.1:9090
listens prometheus 9090

# asks QUERY: the first sample's value, whole.
asks() { promtool query instant http://127.0.0.1:9090 "$1" 2>/dev/null | sed -n 's/.* => \([0-9]*\).*/\1/p' | head -n 1; }
at_least() { [ "$(asks "$2")" -ge "$1" ]; }
wait_for 60 "every endpoint visited" at_least 1 'count(certvigil_endpoint_info) - count(count by (endpoint) (certvigil_last_probe_timestamp_seconds)) == bool 0'
wait_for 60 "the first mails" at_least 1 'sum(certvigil_mails_total{result="delivered"})'
wait_for 60 "twenty scrapes" at_least 20 'count_over_time(up{job="certvigil"}[5m])'

say "the dashboards' queries"
python3 "$ACCEPTANCE/grafana.py" http://127.0.0.1:9090 "$ROOT"/grafana/*.json || fail "a dashboard asks for what is not there"
say "the alerts and recordings"
wait_for 30 "every rule is evaluated without error" rules_healthy
