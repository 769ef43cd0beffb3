"""Put on the path of a server under test: any connection or name that leaves the machine is noted and refused."""

import os
import sys
from pathlib import Path

_LOCAL = ("127.", "::1", "localhost")


def _refuse(event: str, arguments: tuple) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        address = arguments
    else:
        return
    # Addresses of other kinds (a path of a local socket) do not leave the machine either.
    host = address[0] if isinstance(address, tuple) else None
    if host is not None and not str(host).startswith(_LOCAL):
        with Path(os.environ["LEFT_THE_MACHINE"]).open("a") as file:
            file.write(f"{event} {address}\n")
        raise OSError(f"the test lets nothing leave the machine: {address}")


sys.addaudithook(_refuse)
