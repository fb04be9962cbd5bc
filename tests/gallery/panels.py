"""panels.py FOLDER PROMETHEUS BUNDLE: panels of the dashboards as pictures in this folder, drawn from what this Prometheus answers.

The bundle is what panels/build.mjs made: Grafana's component library. That has no state timelines; whatever stands below one of those
moves up, as in Grafana when a panel is taken away.
"""
import json, pathlib, re, sys, time, urllib.parse, urllib.request

from chromium import Chromium

folder, prometheus, bundle = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
DASHBOARDS = pathlib.Path(__file__).parents[2] / "grafana"
DRAWN = {"row", "stat", "table", "bargauge", "timeseries"}
SPAN = 60
VARIABLES = {"instance": ".*", "endpoint": "missing-intermediate", "owner": "label_about", "__rate_interval": "5s"}
# What the picture is called, of which dashboard, in which colours, and down to which row of it.
PICTURES = [("grafana-fleet", "fleet", "dark", 34), ("grafana-endpoint", "endpoint", "dark", 99), ("grafana-daemon", "daemon", "light", 31)]
PAGE = '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="panels.css"><div id="panels"></div>' \
    '<script src="shown.js"></script><script src="panels.js"></script>'


def asked(target, now):
    query = re.sub(r"\$\{?(\w+)\}?", lambda found: VARIABLES[found[1]], target["expr"])
    path, when = ("query", {"time": now}) if target["instant"] else ("query_range", {"start": now - SPAN, "end": now, "step": 1})
    url = "%s/api/v1/%s?%s" % (prometheus, path, urllib.parse.urlencode({"query": query, **when}))
    return json.load(urllib.request.urlopen(url, timeout=10))["data"]["result"]


def moved_up(panels):
    """Each as far up as those above it let it."""
    placed = []
    for panel in sorted(panels, key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"])):
        at = panel["gridPos"]
        above = [other for other in placed if other["x"] < at["x"] + at["w"] and at["x"] < other["x"] + other["w"]]
        placed.append({**at, "y": max((other["y"] + other["h"] for other in above), default=0)})
        yield {**panel, "gridPos": placed[-1]}


with Chromium() as browser:
    for name, dashboard, scheme, rows in PICTURES:
        all_panels = json.loads((DASHBOARDS / (dashboard + ".json")).read_text())["panels"]
        chosen = [panel for panel in all_panels if panel["type"] in DRAWN and panel["gridPos"]["y"] < rows]
        now = int(time.time())
        answers = {panel["id"]: {target["refId"]: asked(target, now) for target in panel.get("targets", [])} for panel in chosen}
        shown = {"dashboard": dashboard, "panels": list(moved_up(chosen)), "answers": answers, "from": now - SPAN, "to": now, "scheme": scheme}
        (bundle / "shown.js").write_text("window.shown = " + json.dumps(shown))
        (bundle / "panels.html").write_text(PAGE)
        page = browser.page(1216, 900)
        page.go((bundle / "panels.html").absolute().as_uri())
        deadline = time.monotonic() + 30
        while not (title := page.ask("document.title")) or page.ask("document.querySelectorAll('section').length") == 0 and title == dashboard:
            assert time.monotonic() < deadline, "nothing is drawn of " + dashboard
            time.sleep(0.1)
        assert title == dashboard, title
        problems = page.happened["Runtime.exceptionThrown"]
        assert not problems, problems[0]["exceptionDetails"]["exception"].get("description")
        time.sleep(1)  # until what grows has grown
        page.picture(folder / (name + ".png"), "whole")
