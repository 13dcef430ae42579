"""`python -m course.build.port 8000` fails, in plain words, if the port is taken."""

import socket
import sys


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as listener:
        # As the server itself does; without it a port that was in use a moment ago looks taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def main() -> None:
    port = int(sys.argv[1])
    if not is_free(port):
        sys.exit(f"Port {port} is taken. Choose another: make serve PORT={port + 1}")


if __name__ == "__main__":
    main()
