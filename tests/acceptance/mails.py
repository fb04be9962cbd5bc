"""What mails.sh asks of the mails: as messages, as measured by a browser, and as pictures."""

import email
import email.policy
import html
import json
import pathlib
import re
import struct
import sys
import zlib

# Measures one mail in a frame of a phone's width. A policy forbids every fetch, and counts what was tried.
MEASURE = """
addEventListener('load', () => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const part = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
    return .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  };
  const behind = of => {
    for (let at = of; at; at = at.parentElement) {
      const colour = rgb(at.ownerDocument.defaultView.getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const told = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument, view = frame.contentWindow;
    const contrasts = [...page.querySelectorAll('p, h2, li, dt, dd, pre, a')].map(of => {
      const [a, b] = [light(rgb(view.getComputedStyle(of).color)), light(behind(of))];
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    });
    const bar = page.querySelector('.bar');
    return {
      name: frame.title,
      width: page.documentElement.clientWidth,
      overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
      contrast: Math.min(...contrasts),
      background: light(behind(page.body)),
      bar: bar && view.getComputedStyle(bar).borderLeftColor,
      text: bar && view.getComputedStyle(bar).color,
      fetched: view.performance.getEntriesByType('resource').length + (view.violations || 0),
      octets: page.body.innerText.length,
    };
  });
  document.getElementById('told').textContent = JSON.stringify(told);
});
"""
POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'\"><script>addEventListener('securitypolicyviolation', () => { "
    "window.violations = (window.violations || 0) + 1; })</script>"
)


def page(folder):
    print('<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">')
    print(f"<script>{MEASURE}</script><pre id=\"told\"></pre>")
    for path in sorted(pathlib.Path(folder).glob("*.html")):
        if path.name != "index.html":
            mail = path.read_text("utf-8").replace("<head>", "<head>" + POLICY, 1)
            style = "width: 360px; height: 640px; border: 0"
            print(f'<iframe title="{path.stem}" style="{style}" srcdoc="{html.escape(mail)}"></iframe>')


def measured(mode, path):
    dom = pathlib.Path(path).read_text("utf-8")
    mails = json.loads(html.unescape(re.search(r'<pre id="told">(.*?)</pre>', dom, re.S)[1]))
    assert len(mails) > 35, f"only {len(mails)} mails were measured"
    for mail in mails:
        assert mail["width"] == 360, mail
        assert mail["overflow"] <= 0, f"cut off on a phone: {mail}"
        assert mail["fetched"] == 0, f"fetches something: {mail}"
        assert mail["octets"] > 200, f"is empty: {mail}"
        assert mail["contrast"] >= 4.5, f"hard to read (WCAG 2, 1.4.3): {mail}"
        assert (mail["background"] < 0.1) == (mode == "dark"), f"no {mode} page: {mail}"
        assert mail["bar"] is None or mail["bar"] != mail["text"], f"the bar has no colour of its own: {mail}"
    print(f"   {len(mails)} mails, {mode}: least contrast {min(mail['contrast'] for mail in mails):.1f}")


def messages(folder):
    paths = sorted(pathlib.Path(folder).glob("*.eml"))
    assert len(paths) > 35, f"only {len(paths)} messages"
    for path in paths:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert not message.defects, f"{path}: {message.defects}"
        assert len(message["Subject"]) <= 60, f"{path}: {message['Subject']}"
        assert message["Auto-Submitted"] == "auto-generated", path
        assert message["Message-ID"] and message["Date"], path
        assert (message["References"] is not None) == path.stem.startswith("resolved"), f"{path}: {message['References']}"
        text, page = message.get_body(("plain",)), message.get_body(("html",))
        assert page.get_content().split() == path.with_suffix(".html").read_text("utf-8").split(), path
        letter = text.get_content().replace("\r\n", "\n").rstrip()
        assert letter in path.with_suffix(".txt").read_text("utf-8"), path
        for part in message.iter_attachments():
            assert re.fullmatch(r"[A-Za-z0-9._-]+", part.get_filename()), f"{path}: {part.get_filename()}"


def brightness(path):
    """The mean of all octets of a PNG of 8 bits a channel (its specification, sections 9 and 11)."""
    data = pathlib.Path(path).read_bytes()
    at, packed = 8, b""
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        chunk = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
        if kind == b"IDAT":
            packed += chunk
        at += length + 12
    channels = {2: 3, 6: 4}[colour]
    assert depth == 8, path
    raw, stride = zlib.decompress(packed), width * channels
    above, total, seen = bytes(stride), 0, set()
    for row in range(height):
        start = row * (stride + 1)
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            if kind == 4:
                p = left + above[i] - corner
                near = min((abs(p - left), 0, left), (abs(p - above[i]), 1, above[i]), (abs(p - corner), 2, corner))
                guess = near[2]
            else:
                guess = (0, left, above[i], (left + above[i]) // 2)[kind]
            line[i] = (line[i] + guess) & 255
        points = [bytes(line[i : i + 3]) for i in range(0, stride, channels)]
        total += sum(sum(point) for point in points)
        seen.update(points)
        above = bytes(line)
    return total / (width * height * 3), len(seen)


def pictures(light, dark):
    (bright, colours), (dim, dark_colours) = brightness(light), brightness(dark)
    assert colours > 20 and dark_colours > 20, f"nothing is drawn: {colours} and {dark_colours} colours"
    assert bright > 200 and dim < 80, f"brightness {bright:.0f} in the light, {dim:.0f} in the dark"


if __name__ == "__main__":
    {"page": page, "measured": measured, "messages": messages, "pictures": pictures}[sys.argv[1]](*sys.argv[2:])
