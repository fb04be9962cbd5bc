"""mailbox.py DIRECTORY EXPRESSION: prints or judges what lies in the maildirs DIRECTORY/NAME.

The expression sees `m`, all mails as objects with box, id, kind, subject, text and message, and `box(NAME)`, those of one box.
A truth value becomes the exit status, anything else is printed.
"""

import email
import email.policy
import pathlib
import sys
import types


def read(path):
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    text = message.get_body(("plain",)).get_content()
    return types.SimpleNamespace(
        box=path.parent.parent.name,
        id=message["Message-ID"],
        kind=message["X-Certvigil-Kind"],
        subject=message["Subject"],
        text=text,
        words=" ".join(text.split()),
        message=message,
        arrived=path.stat().st_mtime_ns,
    )


def main():
    directory = pathlib.Path(sys.argv[1])
    m = sorted((read(path) for path in directory.glob("*/new/*")), key=lambda mail: mail.arrived)

    def box(name):
        return [mail for mail in m if mail.box == name]

    answer = eval(sys.argv[2], {"m": m, "box": box})
    if isinstance(answer, bool):
        sys.exit(not answer)
    print(answer)


main()
