#!/usr/bin/env bash
# CloudEvents SDK for Go v2.16.2 to that for Python 2.2.0, over HTTP in binary mode, Go's default.
# Likely guess: a subject arrives as it was set; both are the project's own, and the HTTP binding says that senders
# percent-encode what they put into headers and receivers decode it.
# Behaviour: Go does not encode, Python decodes: a percent sign with two hex digits becomes another character.
# Seen: set in Go: /files/a%20b.txt; read in Python: /files/a b.txt
set -euo pipefail
folder=$(mktemp -d); trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv; venv/bin/pip install --quiet --disable-pip-version-check cloudevents==2.2.0
cat > look.py <<'PY'
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from cloudevents.core.bindings.http import HTTPMessage, from_http_event


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        event = from_http_event(HTTPMessage(dict(self.headers), body))
        self.server.subject = event.get_subject()
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
sender = subprocess.Popen(["./send", f"http://127.0.0.1:{server.server_port}"])
server.handle_request()
sent = "/files/a%20b.txt"
print(f"set in Go: {sent}; read in Python: {server.subject}")
sys.exit(0 if sender.wait() == 0 and server.subject == "/files/a b.txt" else 1)
PY
cat > main.go <<'GO'
package main

import (
	"context"
	"log"
	"os"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

func main() {
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(os.Args[1]))
	if err != nil {
		log.Fatal(err)
	}
	event := cloudevents.NewEvent()
	event.SetSource("/s")
	event.SetType("t")
	event.SetSubject("/files/a%20b.txt")
	if err := event.SetData(cloudevents.ApplicationJSON, map[string]int{"n": 1}); err != nil {
		log.Fatal(err)
	}
	if result := client.Send(context.Background(), event); !cloudevents.IsACK(result) {
		log.Fatal(result)
	}
}
GO
go mod init look > init.log 2>&1; go get github.com/cloudevents/sdk-go/v2@v2.16.2 > get.log 2>&1; go build -o send .
venv/bin/python look.py
