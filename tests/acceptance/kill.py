"""kill.py CERTVIGIL WORK KILLS SEED NAME..: the daemon is killed at random moments while servers break and are mended.

The servers NAME listen from port 8441 on and leave their intermediate out while they are broken. Each is turned at a random moment
after the state on the disk knows how it was left the last time, so that nothing depends on how fast this machine is. After each
kill the state is looked into: what it says that people were told is owed to them. `judge` says what is asked of the mails.
"""

import collections
import email
import email.policy
import json
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time


class Server:
    """A TLS server on loopback, with the whole chain or the leaf alone."""

    def __init__(self, name, port, work, rng):
        self.name, self.rng = name, rng
        self.contexts = [self.context(work, name, part) for part in ("-full", "")]
        self.broken, self.breaks, self.due = False, 0, None
        self.socket = socket.create_server(("127.0.0.1", port), backlog=100)
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

    def learn(self, state, now):
        """The state knows how it is, and so do people: it is turned in a while. (What is over before its mail has left, nobody
        need hear of.)"""
        if self.due is None and (self.name in state.open) == self.broken and self.name not in state.waiting:
            self.due = now + self.rng.uniform(0, 12)

    def turn(self, now):
        if self.due is not None and now >= self.due:
            self.broken, self.due = not self.broken, None
            self.breaks += self.broken


class State:
    """What the disk has after a kill."""

    def __init__(self, work):
        copy = work / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for file in (work / "state").glob("certvigil.db*"):
            shutil.copy(file, copy)
        database = sqlite3.connect(copy / "certvigil.db")
        self.open = {endpoint for (endpoint,) in database.execute("SELECT endpoint FROM member WHERE state = 'open'")}
        told = [entry for (told,) in database.execute("SELECT told FROM incident") for entry in json.loads(told)]
        mails = database.execute("SELECT id, message FROM outbox").fetchall()
        waiting = {id for id, _ in mails}
        # The endpoints that mails about wait.
        self.waiting = {email.message_from_bytes(message)["Subject"].split(":")[0] for _, message in mails}
        # Whoever knows of something that goes on has the mail about it, or it waits.
        self.owed = {entry["thread"] for entry in told if entry["stage"] and entry["thread"]} - waiting
        self.is_empty = not waiting
        database.close()


def start(certvigil, work):
    with open(work / "certvigil.log", "ab") as log:
        return subprocess.Popen([certvigil, "run", "--config", work / "config.yaml"], stdout=log, stderr=log)


def end(daemon, how):
    daemon.send_signal(how)
    return daemon.wait(20)


def mails(work):
    """Every mail as (decided, arrived, id, is an all-clear, endpoint)."""
    for path in (work / "mail").glob("*/new/*"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        decided = email.utils.parsedate_to_datetime(message["Date"]).timestamp()
        id = message["Message-ID"].strip("<>").rsplit("@", 1)[0]
        is_clear = message["X-Certvigil-Kind"] == "resolved"
        yield decided, path.stat().st_mtime_ns, id, is_clear, message["Subject"].split(":")[0]


def judge(servers, owed, arrived):
    """Each mail once but for repeats of itself; alarm and all-clear by turns, one of each for every break; nothing owed."""
    first, courses = {}, collections.defaultdict(list)
    for mail in sorted(arrived, key=lambda mail: mail[1]):
        first.setdefault(mail[2], mail)
    for _, _, _, is_clear, endpoint in sorted(first.values()):
        courses[endpoint].append("all-clear" if is_clear else "alarm")
    faults = [f"owed and never arrived: {id}" for id in sorted(owed - set(first))]
    for server in servers:
        clears = server.breaks - server.broken
        expected = ["alarm", "all-clear"] * clears + ["alarm"] * server.broken
        if courses[server.name] != expected:
            faults.append(f"{server.name}: {server.breaks} breaks, {clears} mended, told: {' '.join(courses[server.name])}")
    return faults, len(arrived) - len(first)


def main():
    certvigil, work, kills, seed, names = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
    rng = random.Random(seed)
    servers = [Server(name, 8441 + at, work, random.Random(seed * 100 + at)) for at, name in enumerate(names)]
    owed = set()
    killed = idle = 0
    while True:
        daemon = start(certvigil, work)
        # Half of the moments lie within the start. At the end it is left alone, until all is known and sent.
        life = [rng.uniform(0, 0.3), rng.uniform(0.3, 1.6)][rng.random() < 0.5] if killed < kills else 4
        until = time.time() + life
        while (now := time.time()) < until:
            for server in servers:
                server.turn(now)
            time.sleep(0.01)
        if daemon.poll() is not None:
            sys.exit(f"   the daemon ended by itself with {daemon.returncode} after {killed} kills")
        if killed < kills:
            end(daemon, signal.SIGKILL)
            killed += 1
        elif (status := end(daemon, signal.SIGTERM)) != 0:
            sys.exit(f"   exit status {status} after SIGTERM")
        if not (work / "state" / "certvigil.db").exists():
            continue
        try:
            state = State(work)
        except sqlite3.OperationalError as error:
            # The very first start was killed before the tables were there.
            if killed > 20:
                sys.exit(f"   the state cannot be read after {killed} kills: {error}")
            continue
        owed |= state.owed
        if killed < kills:
            for server in servers:
                server.learn(state, time.time())
            continue
        idle += 1
        for server in servers:
            server.due = None
        is_known = all((server.name in state.open) == server.broken for server in servers)
        if state.is_empty and is_known and idle > 2:
            break
        if idle > 30:
            sys.exit(f"   not settled: open at {sorted(state.open)}, the outbox is {'' if state.is_empty else 'not '}empty")
    # Postfix hands on what it has taken.
    time.sleep(3)
    arrived = list(mails(work))
    faults, repeats = judge(servers, owed, arrived)
    breaks = sum(server.breaks for server in servers)
    print(f"   {killed} kills, {breaks} breaks, {len(arrived)} mails, {repeats} of them repeats with the same Message-ID")
    for fault in faults:
        print(f"   {fault}")
    sys.exit(bool(faults))


main()
