"""Where namespaces are not permitted: writes down what Python code asks of the network, and refuses it."""

import os
import sys

ASKING = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")


def refuse(event: str, arguments: tuple) -> None:
    if event not in ASKING:
        return
    *_, last = arguments
    if event in ("socket.connect", "socket.sendto") and isinstance(last, (str, bytes)):
        return  # a path: a socket of this machine
    report = os.open(os.environ["ASKED"], os.O_WRONLY | os.O_APPEND)
    os.write(report, f"{event} {arguments[1:] or arguments}\n".encode())
    os.close(report)
    raise OSError("no network in this test")


sys.addaudithook(refuse)
