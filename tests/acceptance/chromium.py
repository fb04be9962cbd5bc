"""A Chromium that is told what to do over a pipe, by its own DevTools protocol; the standard library is all that this needs."""
import base64, collections, contextlib, json, os, select, subprocess, tempfile, time

DEADLINE = 120


class Chromium:
    """One browser with a profile of its own, and pages in it. A context manager: at its end the browser is gone."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        down, self.pen = os.pipe()
        self.ear, up = os.pipe()
        flags = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                 "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--font-render-hinting=none", "--user-data-dir=" + self.profile.name]
        # The sandbox wants a user that is not root.
        flags += ["--no-sandbox"] if os.geteuid() == 0 else []
        # The protocol's pipe are the descriptors 3 and 4 of the browser.
        command = ["bash", "-c", 'exec chromium "$@" 3<&%d 4>&%d' % (down, up), "chromium", *flags, "about:blank"]
        self.process = subprocess.Popen(command, pass_fds=(down, up), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(down), os.close(up)
        self.number, self.octets, self.answers, self.pages = 0, b"", {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, 9)
        self.process.wait()
        self.profile.cleanup()

    def call(self, method, session=None, **parameters):
        """The answer to one command."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.pen, json.dumps(message).encode() + b"\0")
        number = self.number
        self.listen(lambda: number in self.answers, method)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError("%s: %s" % (method, answer["error"]["message"]))
        return answer["result"]

    def listen(self, until, what):
        """Takes what comes until this holds."""
        deadline = time.monotonic() + DEADLINE
        while not until():
            if not select.select([self.ear], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("chromium did not answer: " + what)
            octets = os.read(self.ear, 1 << 20)
            if not octets:
                raise EOFError("chromium gave up before it answered: " + what)
            *whole, self.octets = (self.octets + octets).split(b"\0")
            for message in map(json.loads, whole):
                if "id" in message:
                    self.answers[message["id"]] = message
                elif page := self.pages.get(message.get("sessionId")):
                    page.happened[message["method"]].append(message["params"])

    def page(self, width=1280, height=800, scheme="light", scripts=True, scale=1):
        """An empty page of this size, in a light or a dark room."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            page.call(domain + ".enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 500)
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        return page


class Page:
    """A tab, and everything that has happened in it, by the name of the event."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.happened = collections.defaultdict(list)
        browser.pages[session] = self

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def wait(self, event, seen=0):
        """Until this event has come more than `seen` times."""
        self.browser.listen(lambda: len(self.happened[event]) > seen, event)

    def loads(self):
        return len(self.happened["Page.loadEventFired"])

    def go(self, url):
        """Opens it, and waits until all of it is there."""
        seen = self.loads()
        if problem := self.call("Page.navigate", url=url).get("errorText"):
            raise RuntimeError("%s: %s" % (url, problem))
        self.wait("Page.loadEventFired", seen)

    def ask(self, expression):
        """What an expression of JavaScript is worth; it works where the page itself may run none."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError("%s: %s" % (expression[:200], answer["exceptionDetails"]["exception"].get("description")))
        return answer["result"].get("value")

    def press(self, key, code=None, text=None):
        """A key, down and up."""
        what = {"key": key, "code": key, **({"windowsVirtualKeyCode": code} if code else {}), **({"text": text} if text else {})}
        self.call("Input.dispatchKeyEvent", type="keyDown", **what)
        self.call("Input.dispatchKeyEvent", type="keyUp", **what)

    def picture(self, path, height=None):
        """The page as a PNG: what is in the window, or from the top down to this many pixels, or `whole`."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {}
        if height is not None:
            height = size["height"] if height == "whole" else min(height, size["height"])
            width = self.ask("document.documentElement.clientWidth")
            clip = {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}, "captureBeyondViewport": True}
        shot = self.call("Page.captureScreenshot", format="png", **clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
