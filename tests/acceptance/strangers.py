"""Peers that are not what they should be, on loopback.

Without arguments: 7001 garbage, 7002 ten megabytes of handshake records, 7003 an octet a second, 7004 nothing, 7005 hangs up.
`smtp KEY CHAIN`: 7101 and 7102 a mail server with STARTTLS that refuses every sender.
"""

import os
import socket
import ssl
import sys
import threading
import time


def garbage(peer):
    peer.sendall(b"\x00\xffno TLS at all\r\n" * 20)
    time.sleep(2)


def too_much(peer):
    peer.recv(4096)
    # A ServerHello that announces 16 MiB, in records of 16 KiB.
    first = b"\x02\xff\xff\xff" + os.urandom(16380)
    record = b"\x16\x03\x03\x40\x00"
    peer.sendall(record + first)
    for _ in range(640):
        peer.sendall(record + bytes(16384))


def drip(peer):
    for octet in b"\x16\x03\x03\x40\x00" + bytes(600):
        peer.sendall(bytes([octet]))
        time.sleep(1)


def silent(peer):
    time.sleep(600)


def hang_up(peer):
    peer.recv(4096)


def smtp(peer, context):
    def lines():
        buffered = b""
        while True:
            while b"\n" not in buffered:
                got = channel.recv(4096)
                if not got:
                    return
                buffered += got
            line, buffered = buffered.split(b"\n", 1)
            yield line.strip().upper()

    channel = peer
    channel.sendall(b"220 smtp.test.example\r\n")
    encrypted = False
    restart = True
    while restart:
        restart = False
        for line in lines():
            if line.startswith(b"EHLO"):
                channel.sendall(b"250 smtp.test.example\r\n" if encrypted else b"250-smtp.test.example\r\n250 STARTTLS\r\n")
            elif line == b"STARTTLS":
                channel.sendall(b"220 go\r\n")
                channel = context.wrap_socket(channel, server_side=True)
                encrypted = restart = True
                break
            elif line.startswith(b"MAIL"):
                channel.sendall(b"550 5.7.1 we know you not\r\n")
            elif line == b"QUIT":
                channel.sendall(b"221 bye\r\n")
                return
            else:
                channel.sendall(b"250 ok\r\n")


def serve(port, conversation):
    def one(peer):
        with peer:
            try:
                conversation(peer)
            except OSError:
                pass

    listener = socket.create_server(("127.0.0.1", port))
    while True:
        threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()


def main():
    servers = {7001: garbage, 7002: too_much, 7003: drip, 7004: silent, 7005: hang_up}
    if sys.argv[1:2] == ["smtp"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[3], sys.argv[2])
        servers = {port: lambda peer: smtp(peer, context) for port in (7101, 7102)}
    threads = [threading.Thread(target=serve, args=pair) for pair in servers.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
