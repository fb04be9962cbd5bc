"""page.py PAGE AXE: every page of a demo in a real Chromium, on a desk and on a phone, in light and dark, without any script."""
import sys, urllib.error, urllib.parse, urllib.request

from chromium import Chromium

PAGE, AXE = sys.argv[1], open(sys.argv[2]).read()
PATHS = ["/", "/?status=critical&sort=name", "/?q=nothing+like+it", "/?refresh=30", "/incidents", "/silences", "/outbox", "/endpoint/none",
         "/endpoint/missing-intermediate", "/endpoint/missing-two", "/endpoint/expired", "/endpoint/healthy", "/endpoint/refused",
         "/endpoint/jumbled"]
ROOMS = [("desk, light", {"width": 1280, "height": 800}), ("phone, dark", {"width": 360, "height": 740, "scheme": "dark"}),
         ("phone, light", {"width": 360, "height": 740}), ("desk, dark", {"width": 1280, "height": 800, "scheme": "dark"})]
faults = []


def say(words):
    print("   " + words, flush=True)


def hold(true, words):
    if not true:
        faults.append(words)


def origin(url):
    return "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(url))


def quiet(page, where):
    """Nothing went wrong in there, and nobody else was asked for anything."""
    for event, words in (("Runtime.exceptionThrown", "an exception"), ("Runtime.consoleAPICalled", "a word on the console"),
                         ("Audits.issueAdded", "an issue")):
        hold(not page.happened[event], "%s: %s: %s" % (where, words, page.happened[event][:1]))
    for entry in page.happened["Log.entryAdded"]:
        entry = entry["entry"]
        # What is not there is answered so.
        is_missing = entry["source"] == "network" and entry.get("url", "").endswith("/endpoint/none")
        hold(is_missing, "%s: in the log: %s: %s" % (where, entry["source"], entry["text"]))
    for request in page.happened["Network.requestWillBeSent"]:
        hold(origin(request["request"]["url"]) in (PAGE, "null://", "about://"), "%s: asks %s" % (where, request["request"]["url"]))
    hold(not page.happened["Network.loadingFailed"], "%s: not loaded: %s" % (where, page.happened["Network.loadingFailed"][:1]))


def visit(page, path, room):
    where = "%s (%s)" % (path, room)
    page.happened.clear()
    page.go(PAGE + path)
    quiet(page, where)
    wide = page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    hold(wide <= 0, "%s: %s pixels too wide" % (where, wide))
    hold(page.ask("document.scripts.length") == 0, "%s: has a script" % where)
    hold(page.ask("document.title").endswith("certvigil"), "%s: has no title" % where)
    hold(page.ask("getComputedStyle(document.body).fontSize") == "15px", "%s: has no style" % where)


def violations(page):
    """What axe has against it. axe itself needs scripts; the page has none."""
    page.ask("document.querySelectorAll('details').forEach(it => { it.open = true })")
    page.ask(AXE + "; 0")
    return page.ask("axe.run(document, {resultTypes: ['violations']}).then(it => it.violations.map(v => "
                    "({id: v.id, impact: v.impact, help: v.help, where: v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))})))")


def accessible(page, path, room):
    """Without serious violations; the others are told."""
    where = "%s (%s)" % (path, room)
    page.go(PAGE + path)
    for violation in violations(page):
        words = "%s: axe: %s (%s): %s %s" % (where, violation["id"], violation["impact"], violation["help"], violation["where"])
        if violation["impact"] in ("serious", "critical"):
            faults.append(words)
        else:
            say(words)


FOCUSED = """(() => { const it = document.activeElement, box = it.getBoundingClientRect(), look = getComputedStyle(it);
    return {what: it.id || it.textContent.trim().split(/\\s+/).slice(0, 4).join(' ') || it.tagName, within: (it.closest('.tiles,.filters,.fleet,header,footer') || {}).className,
            seen: box.width > 0 && box.left >= 0 && box.top >= 0 && box.bottom <= innerHeight && (look.outlineStyle != 'none' || it.className == 'skip')}; })()"""


def by_keys(browser):
    """From the first key: past the header, over the tiles, into the search, along the filters to the rows; and a search by Enter."""
    page, order = browser.page(scripts=False), []
    page.go(PAGE + "/")
    for _ in range(40):
        page.press("Tab", 9)
        order.append(page.ask(FOCUSED))
    names = [step["what"] for step in order]
    hold(names[0] == "Skip to the content", "the first key does not reach the skip link: %s" % names[:3])
    wanted = ["Skip to the content", "certvigil", "Endpoints", "q", "finding", "fault", "owner", "label", "Show", "Status", "expired"]
    places = [names.index(name) if name in names else -1 for name in wanted]
    hold(-1 not in places and places == sorted(places), "the keys go another way: %s" % names)
    for step in order:
        hold(step["seen"], "the focus is not to be seen at %s" % step["what"])
    page.go(PAGE + "/")
    page.press("Tab", 9)
    page.press("Enter", 13, "\r")
    page.press("Tab", 9)
    first = page.ask(FOCUSED)["what"]
    hold(first.startswith("17"), "behind the skip link comes %s" % first)
    # The focus is on a tile; on to the search, a word, Enter.
    for _ in range(6):
        page.press("Tab", 9)
    hold(page.ask("document.activeElement.id") == "q", "six tiles before the search: %s" % page.ask(FOCUSED))
    page.call("Input.insertText", text="missing")
    seen = page.loads()
    page.press("Enter", 13, "\r")
    page.wait("Page.loadEventFired", seen)
    hold("q=missing" in page.ask("location.search"), "a search by Enter leads to %s" % page.ask("location.href"))
    hold(page.ask("document.querySelectorAll('.fleet tbody tr').length") == 4, "the search finds the four that miss something")
    quiet(page, "a search by keys")


def links(browser):
    """Every link of every page leads somewhere of ours, or to the documentation."""
    page, known = browser.page(scripts=False), {}
    for path in PATHS:
        page.go(PAGE + path)
        for url in page.ask("[...document.querySelectorAll('a[href]:not([href^=\"#\"])')].map(it => it.href)"):
            known.setdefault(url, path)
    inside = [url for url in known if origin(url) == PAGE]
    for url in inside:
        status = answered(url)
        hold(status == 200, "%s links to %s: %s" % (known[url], url, status))
    for url in set(known) - set(inside):
        hold(url.startswith("https://github.com/"), "%s leads to %s" % (known[url], url))
    return len(inside)


def awake(browser):
    """Were there something, it would be seen: a picture from elsewhere, a style that the policy forbids, grey on white."""
    page = browser.page()
    page.go(PAGE + "/")
    page.ask("""document.querySelector('h2').insertAdjacentHTML('beforebegin',
        '<p id="faint" style="color: red">hardly to be read</p><img alt="" src="http://127.0.0.1:9/x.png">'); faint.style.color = '#ccc'""")
    found = violations(page)
    hold([it["id"] for it in found] == ["color-contrast"], "axe sees %s where there is grey on white" % found)
    before = len(faults)
    quiet(page, "awake")
    seen, faults[before:] = faults[before:], []
    hold(any("asks http://127.0.0.1:9/" in it for it in seen), "a request to elsewhere would not be seen: %s" % seen)
    hold(any("Content Security Policy" in it for it in seen), "what the policy forbids would not be seen: %s" % seen)


def answered(url):
    try:
        return urllib.request.urlopen(url, timeout=10).status
    except urllib.error.HTTPError as refused:
        return refused.code


with Chromium() as browser:
    for room, window in ROOMS:
        say("%s: no error, no other origin, no script, nothing too wide: %s pages" % (room, len(PATHS)))
        page = browser.page(scripts=False, **window)
        for path in PATHS:
            visit(page, path, room)
    for room, window in ROOMS[:2]:
        say("%s: axe, contrast included" % room)
        page = browser.page(**window)
        for path in ["/", "/incidents", "/silences", "/outbox", "/endpoint/missing-intermediate", "/endpoint/jumbled"]:
            accessible(page, path, room)
    say("by keys alone")
    by_keys(browser)
    say("every link: %s" % links(browser))
    say("the watch itself")
    awake(browser)
for fault in faults:
    print("   | " + fault)
sys.exit(bool(faults))
