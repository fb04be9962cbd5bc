"""grafana.py PROMETHEUS DASHBOARD...: every query of every dashboard, variables filled in, is answered by this Prometheus.

An answer has series, their labels have what the legend and the table name, every metric is known, and rate() and increase() look
at counters. A dashboard of one endpoint is tried with each; a query must be answered for at least one of them.
"""
import json, re, sys, time, urllib.error, urllib.parse, urllib.request

PROMETHEUS = sys.argv[1]
# What a sound lab leaves empty: no channel is configured, and its addresses agree.
MAY_BE_EMPTY = {"Channels", "Addresses that do not agree"}
BUILT_IN = {"__rate_interval": "5s"}


def api(path, **query):
    url = PROMETHEUS + path + "?" + urllib.parse.urlencode(query, doseq=True)
    try:
        answer = json.load(urllib.request.urlopen(url, timeout=10))
    except urllib.error.HTTPError as refused:
        answer = json.load(refused)
    return answer if answer["status"] == "success" else {"error": answer["error"], "data": {"result": []}}


def filled(text, values):
    for name in sorted(values, key=len, reverse=True):
        text = re.sub(r"\$\{%s\}|\$%s\b" % (name, name), lambda _: values[name], text)
    return text


def options(variable, values):
    """What Grafana would offer for a variable; what it then puts into a query that takes all of them."""
    query = filled(variable["query"]["query"], values)
    if found := re.fullmatch(r"label_names\((\w+)\)", query):
        names = api("/api/v1/labels", **{"match[]": found[1]})["data"]
        return [name for name in names if re.search(variable["regex"].strip("/"), name)]
    found = re.fullmatch(r"label_values\((.+),\s*(\w+)\)", query)
    return api("/api/v1/label/%s/values" % found[2], **{"match[]": found[1]})["data"]


def settings(dashboard):
    """Every way to fill in the variables: one, or one for each value of a variable that takes a single one."""
    all_of_them = [dict(BUILT_IN)]
    for variable in dashboard["templating"]["list"]:
        name, nexts = variable["name"], []
        for values in all_of_them:
            if variable["type"] != "query":
                nexts.append({**values, name: variable.get("query", "")})
                continue
            found = options(variable, values)
            assert found, "the variable %s has nothing to choose" % name
            choices = [variable["allValue"]] if variable["includeAll"] else found
            nexts += [{**values, name: choice} for choice in choices]
        all_of_them = nexts
    return all_of_them


known = set(api("/api/v1/label/__name__/values")["data"])
kinds = {name: told[0]["type"] for name, told in api("/api/v1/metadata")["data"].items()}
# OpenMetrics names a family of counters without its suffix.
kinds |= {name + "_total": kind for name, kind in kinds.items() if kind == "counter"}
kinds |= {name + suffix: "counter" for name, kind in list(kinds.items()) if kind == "histogram" for suffix in ("_bucket", "_count", "_sum")}
faults, count = [], 0
for path in sys.argv[2:]:
    dashboard = json.load(open(path))
    places = settings(dashboard)
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            where, answered, count = "%s: %s %s" % (dashboard["uid"], panel["title"], target["refId"]), 0, count + 1
            wanted = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"]))
            for values in places:
                query, now = filled(target["expr"], values), time.time()
                if "$" in query:
                    faults.append("%s: not filled in: %s" % (where, query))
                if target["instant"]:
                    answer = api("/api/v1/query", query=query, time=now)
                else:
                    answer = api("/api/v1/query_range", query=query, start=now - 20, end=now, step=2)
                if "error" in answer:
                    faults.append("%s: %s: %s" % (where, answer["error"], query))
                for series in answer["data"]["result"]:
                    answered += 1
                    if not wanted <= set(series["metric"]):
                        faults.append("%s: no label %s in %s" % (where, wanted - set(series["metric"]), series["metric"]))
                strangers = set(re.findall(r"\b(?:certvigil|process|scrape)_\w+", query)) - known
                strangers -= {"certvigil_notifications_total"} if panel["title"] in MAY_BE_EMPTY else set()
                if strangers:
                    faults.append("%s: unknown: %s" % (where, strangers))
                for name in re.findall(r"(?:rate|increase)\((\w+)", query):
                    if name in known and kinds.get(name) != "counter":
                        faults.append("%s: %s is no counter but %s" % (where, name, kinds.get(name)))
            if not answered and panel["title"] not in MAY_BE_EMPTY:
                faults.append("%s: no series: %s" % (where, query))
print("   %d queries of %d dashboards" % (count, len(sys.argv) - 2))
for fault in dict.fromkeys(faults):
    print("   " + fault)
sys.exit(bool(faults))
