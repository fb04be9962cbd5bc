"""clients.py CERTVIGIL MOZILLA COMPANY NAME:HOST:PORT...: real clients at these servers, each beside what certvigil says of it.

MOZILLA is a file of Mozilla's roots. COMPANY is one of those that are trusted beside the machine's store and Mozilla's; it may have none.
"""

import json
import re
import socket
import ssl
import subprocess
import sys
import tempfile

CERTVIGIL, MOZILLA, COMPANY = sys.argv[1:4]
SYSTEM = "/etc/ssl/certs/ca-certificates.crt"


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


def certvigil(host, port):
    result = run(CERTVIGIL, "check", "--json", "--allow-private-fetch", "--ca-file", COMPANY, f"{host}:{port}")
    return json.loads(result.stdout)


def curl(host, port):
    """Its words, none where it accepts."""
    result = run("curl", "--silent", "--show-error", "--noproxy", "*", "--output", "/dev/null", f"https://{host}:{port}/")
    return None if result.returncode == 0 else re.sub(r"^curl: \(\d+\) ", "", result.stderr.splitlines()[0])


def python(host, port, *files):
    """As requests asks with urllib3 2: names in the alternative names only. Code and words, 0 and none where it accepts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    for file in files:
        context.load_verify_locations(file)
    try:
        with socket.create_connection((host, port), timeout=10) as stream:
            context.wrap_socket(stream, server_hostname=host).close()
    except ssl.SSLCertVerificationError as refused:
        return refused.verify_code, f"certificate verify failed: {refused.verify_message}"
    return 0, None


def s_client(host, port, trust):
    """The numbers of its errors."""
    name = ["-noservername", "-verify_ip"] if host[0].isdigit() else ["-servername", host, "-verify_hostname"]
    result = run("openssl", "s_client", "-connect", f"{host}:{port}", *name, host, "-CAfile", trust)
    return [int(number) for number in re.findall(r"verify error:num=(\d+)", result.stderr)]


def main():
    wrong = 0

    def compare(name, client, real, ours):
        nonlocal wrong
        if real != ours:
            wrong += 1
            print(f"   {name}: {client} says {real!r}, certvigil says {ours!r}")

    with tempfile.NamedTemporaryFile("w") as trust:
        for file in (SYSTEM, MOZILLA, COMPANY):
            with open(file) as part:
                trust.write(part.read())
        trust.flush()
        for row in sys.argv[4:]:
            name, host, port = row.split(":")
            line = certvigil(host, port)
            views = {view["client"]: view for view in line["clients"]}
            words = {client: view.get("reason") for client, view in views.items()}
            print(f"   {name} {host}: {line['works_where']}")
            said = curl(host, port)
            # Where a signature does not hold, it shows OpenSSL's queue of errors.
            compare(name, "curl", words["curl"] if said and views["curl"]["verify_code"] == 7 else said, words["curl"])
            compare(name, "Python", python(host, int(port), MOZILLA), (views["python"]["verify_code"], words["python"]))
            errors = s_client(host, port, trust.name)
            compare(name, "openssl s_client", errors, [error["code"] for error in line["verify_errors"]])
            if "company" in views:
                compare(name, "openssl s_client", (errors or [0])[0], views["company"]["verify_code"])
    return wrong


sys.exit(bool(main()))
