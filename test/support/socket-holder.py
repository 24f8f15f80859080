"""Holds a listening socket and starts a command on it, as a socket unit of systemd does: `socket-holder.py PORT COMMAND...`.

Each line of its input starts the command once, which it answers with the id of the process.
"""

import os
import signal
import socket
import sys

PORT, *COMMAND = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", int(PORT)), backlog=1024)
# Nobody waits for what it starts.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("holds", flush=True)
for _ in sys.stdin:
    started = os.fork()
    if started == 0:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.execvpe(COMMAND[0], COMMAND, {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
    print(started, flush=True)
