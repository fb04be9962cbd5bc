#!/usr/bin/env bash
# A real Alertmanager shows what is wrong while it is, told again and again, and its end when the server is mended.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"
needs nginx:nginx-light prometheus-alertmanager:prometheus-alertmanager amtool:prometheus-alertmanager
own_network api.test.example

root_ca root
intermediate_ca issuing root
leaf api issuing api.test.example '1 day ago' '90 days' "$AIA"
nginx_serves 443:api:api

cat >"$WORK/am.yml" <<CONF
route: {receiver: nobody, group_wait: 1s, group_interval: 1s}
receivers: [{name: nobody}]
CONF
start alertmanager prometheus-alertmanager --config.file="$WORK/am.yml" --storage.path="$WORK/am" --cluster.listen-address= \
    --web.listen-address=127.0.0.1:9093
listens alertmanager 9093

# No mail at all; a second Alertmanager is down, which changes nothing.
config_begins >"$WORK/config.yaml"
cat >>"$WORK/config.yaml" <<CONF
channels:
  - {name: cluster, kind: alertmanager, url: ["http://127.0.0.1:9", "http://127.0.0.1:9093"], resend: 1s}
endpoints:
  - {name: api, target: api.test.example, labels: {team: web}}
CONF
gives 0 validate "$CERTVIGIL" validate --config "$WORK/config.yaml"
start certvigil "$CERTVIGIL" run --config "$WORK/config.yaml"

# alerts EXPRESSION: a Python expression about `alerts`, the active ones.
alerts() {
    python3 - "$1" <<'PYTHON'
import json, sys, urllib.request
alerts = json.load(urllib.request.urlopen("http://127.0.0.1:9093/api/v2/alerts?active=true", timeout=5))
sys.exit(not eval(sys.argv[1]))
PYTHON
}

say "the missing intermediate is an alert"
wait_for 60 "the alert" alerts '[a["labels"]["alertname"] for a in alerts] == ["CertvigilMissingIntermediate"]'
alerts 'alerts[0]["labels"].items() >= {"endpoint": "api", "severity": "critical", "fault": "server", "team": "web"}.items()' ||
    fail "its labels"
alerts 'all(alerts[0]["annotations"][key] for key in ("summary", "description", "runbook_url"))' || fail "its annotations"
amtool --alertmanager.url=http://127.0.0.1:9093 alert query alertname=CertvigilMissingIntermediate >"$WORK/amtool.out"
grep CertvigilMissingIntermediate "$WORK/amtool.out" >/dev/null || fail "amtool does not show it"

say "it is told again, long after it would have ended by itself"
first=$(date +%s)
wait_for 30 "later ends" alerts "__import__('datetime').datetime.fromisoformat(alerts[0]['endsAt'].replace('Z', '+00:00')).timestamp() > $first + 8"
metric 9843 '^certvigil_notifications_total\{channel="cluster",kind="chain",result="delivered"\} 1$' || fail "its metric"

say "the server is mended: the alert ends"
nginx_serves 443:api:api-full
wait_for 60 "the end" alerts 'alerts == []'
metric 9843 '^certvigil_notifications_total\{channel="cluster",kind="resolved",result="delivered"\} 1$' || fail "the metric of the end"
say "the end was told, and nothing waits"
metric 9843 '^certvigil_outbox_length 0$' || fail "something waits in the outbox"
