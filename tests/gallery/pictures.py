"""pictures.py FOLDER PAGE MAILS: the page of a demo, and the letter to an admin, as pictures in this folder."""
import pathlib, sys

from chromium import Chromium

folder, page, mails = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
DESK, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844, "scale": 1.5}
BROKEN = "/endpoint/missing-intermediate"
# What the picture is called, where it was taken, in which window, and how far down it goes.
PICTURES = [
    ("page-fleet", page + "/", DESK, 900),
    ("page-fleet-dark", page + "/", {**DESK, "scheme": "dark"}, 900),
    ("page-fleet-phone", page + "/", PHONE, None),
    ("page-endpoint", page + BROKEN, DESK, "whole"),
    ("page-endpoint-dark", page + BROKEN, {**DESK, "scheme": "dark"}, 1150),
    ("page-endpoint-phone", page + BROKEN, {**PHONE, "scheme": "dark"}, None),
    ("page-incidents", page + "/incidents", DESK, 900),
    ("mail-chain", (mails / "chain-to-admin.html").absolute().as_uri(), {"width": 720, "height": 900}, "whole"),
]

with Chromium() as browser:
    for name, url, window, height in PICTURES:
        shown = browser.page(**window)
        shown.go(url)
        shown.picture(folder / (name + ".png"), height)
