"""rough.py WORK PORT BEHIND POLICY: a rough way to a mail server, and a greylist for it.

Connections to PORT are led to BEHIND, as the file WORK/way says at their beginning: `clear`, `cut` (hung up on in the middle of the
message) or `mute` (nothing comes back). On POLICY a policy server for Postfix defers every recipient while WORK/grey exists.
"""

import pathlib
import socket
import sys
import threading


def pump(source, target, way):
    seen, in_message = b"", False
    while data := source.recv(4096):
        seen = (seen + data)[-4096:] if not in_message else seen + data
        if not in_message and b"\r\nDATA\r\n" in b"\r\n" + seen:
            in_message, seen = True, b""
        if way == "cut" and in_message and len(seen) > 300:
            break
        target.sendall(data)
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def lead(client, work, behind):
    way = (work / "way").read_text().strip()
    server = socket.create_connection(("127.0.0.1", behind))
    if way == "mute":
        client.recv(1)
        return
    threading.Thread(target=quietly, args=(pump, server, client, "clear"), daemon=True).start()
    quietly(pump, client, server, way)


def advise(client, work):
    lines = client.makefile("rw", newline="\n")
    while line := lines.readline():
        if line == "\n":
            grey = (work / "grey").exists()
            lines.write(f"action={'451 4.7.1 Greylisted, come back later' if grey else 'dunno'}\n\n")
            lines.flush()


def quietly(function, *arguments):
    try:
        function(*arguments)
    except OSError:
        pass


def serve(port, function, *arguments):
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=quietly, args=(function, client, *arguments), daemon=True).start()


def main():
    work, port, behind, policy = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:])
    threading.Thread(target=serve, args=(policy, advise, work), daemon=True).start()
    serve(port, lead, work, behind)


main()
