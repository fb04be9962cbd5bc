"""kill.py CERTVIGIL WORK KILLS SEED NAME..: the daemon is killed at random moments while servers break and are mended.

The servers NAME listen from port 8441 on and leave their intermediate out while they are broken. Each breaks and is mended every
20 to 40 seconds, and is left as it is at the end. What is asked of the mails then stands in `judge`.
"""

import collections
import datetime
import email
import email.policy
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request


class Server:
    """A TLS server on loopback, with the whole chain or the leaf alone."""

    def __init__(self, name, port, work, rng):
        self.name, self.rng = name, rng
        self.contexts = [self.context(work, name, part) for part in ("-full", "")]
        self.broken, self.spans, self.next = False, [], time.time() + 15 + rng.uniform(0, 20)
        self.socket = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.serve, daemon=True).start()

    @staticmethod
    def context(work, name, part):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(work / f"{name}{part}.pem", work / f"{name}.key")
        return context

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        connection.settimeout(5)
        try:
            with self.contexts[self.broken].wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)
        except OSError:
            connection.close()

    def turn(self, now):
        """Breaks it or mends it, when it is time."""
        if now < self.next:
            return
        self.broken = not self.broken
        if self.broken:
            self.spans.append([now, None])
        else:
            self.spans[-1][1] = now
        self.next = now + self.rng.uniform(20, 40)


def start(certvigil, work):
    log = open(work / "certvigil.log", "ab")
    return subprocess.Popen([certvigil, "run", "--config", work / "config.yaml"], stdout=log, stderr=log)


def metric(name):
    try:
        text = urllib.request.urlopen("http://127.0.0.1:9843/metrics", timeout=5).read().decode()
    except OSError:
        return None
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def settled(seconds):
    """Waits until nothing is left to be sent, after two rounds of visits."""
    time.sleep(8)
    end = time.time() + seconds
    while metric("certvigil_outbox_length") != 0:
        if time.time() > end:
            sys.exit("   the outbox does not empty")
        time.sleep(0.2)
    time.sleep(4)


def mails(work):
    """Every mail as (arrival, id, kind, endpoint, decided)."""
    for path in (work / "mail").glob("*/new/*"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        decided = email.utils.parsedate_to_datetime(message["Date"]).timestamp()
        yield path.stat().st_mtime_ns, message["Message-ID"], message["X-Certvigil-Kind"], message["Subject"].split(":")[0], decided


def judge(servers, all_mails):
    """Each mail once but for repeats of the same; alarm and all-clear by turns; every break told of; the last word true."""
    faults = []
    repeats = len(all_mails) - len({mail[1] for mail in all_mails})
    first = {}
    for mail in sorted(all_mails):
        first.setdefault(mail[1], mail)
    by_server = collections.defaultdict(list)
    for _, _, kind, endpoint, decided in sorted(first.values(), key=lambda mail: (mail[4], mail[2] == "resolved", mail[0])):
        by_server[endpoint].append((decided, kind == "resolved"))
    for server in servers:
        course = by_server[server.name]
        words = " ".join(("all-clear" if good else "alarm") for _, good in course)
        for at, (_, good) in enumerate(course):
            if good != (at % 2 == 1):
                faults.append(f"{server.name}: not by turns: {words}")
                break
        for began, ended in server.spans:
            alarms = [decided for decided, good in course if not good and began - 1 <= decided <= (ended or decided)]
            if not alarms:
                day = datetime.datetime.fromtimestamp(began).time().isoformat("seconds")
                faults.append(f"{server.name}: broken since {day} for {(ended or time.time()) - began:.0f} s, and no alarm")
        if (course[-1][1] if course else True) == server.broken:
            faults.append(f"{server.name}: {'broken' if server.broken else 'well'} in the end, and was told: {words}")
    return faults, repeats


def main():
    certvigil, work, kills, seed, names = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
    rng = random.Random(seed)
    servers = [Server(name, 8441 + at, work, random.Random(seed * 100 + at)) for at, name in enumerate(names)]
    daemon = start(certvigil, work)
    # The first sweep is over before the first server breaks.
    time.sleep(12)
    killed = 0
    while killed < kills:
        until = time.time() + rng.uniform(0.05, 1.4)
        while (now := time.time()) < until:
            for server in servers:
                server.turn(now)
            time.sleep(0.01)
        if daemon.poll() is not None:
            sys.exit(f"   the daemon ended by itself with {daemon.returncode} after {killed} kills")
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        killed += 1
        daemon = start(certvigil, work)
    settled(60)
    daemon.send_signal(signal.SIGTERM)
    if daemon.wait(10) != 0:
        sys.exit(f"   exit status {daemon.returncode} after SIGTERM")
    arrived = list(mails(work))
    faults, repeats = judge(servers, arrived)
    breaks = sum(len(server.spans) for server in servers)
    print(f"   {killed} kills, {breaks} breaks, {len(arrived)} mails, {repeats} of them repeats with the same Message-ID")
    for fault in faults:
        print(f"   {fault}")
    sys.exit(bool(faults))


main()
