// Verifies signed requests, a JSON object a line on stdin, with the Go library of Standard Webhooks, and ed25519 signatures
// with Go's own; prints "ok" or what is wrong, a line each.
package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type request struct {
	Secret    string            `json:"secret"`
	PublicKey string            `json:"publicKey"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		if err := verify(r); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("ok")
		}
	}
}

func verify(r request) error {
	if r.PublicKey != "" {
		return verifyEd25519(r)
	}
	headers := http.Header{}
	for name, value := range r.Headers {
		headers.Set(name, value)
	}
	webhook, err := webhooks.NewWebhook(r.Secret)
	if err != nil {
		return err
	}
	return webhook.Verify([]byte(r.Body), headers)
}

func verifyEd25519(r request) error {
	key, err := base64.StdEncoding.DecodeString(r.PublicKey)
	if err != nil {
		return err
	}
	content := r.Headers["webhook-id"] + "." + r.Headers["webhook-timestamp"] + "." + r.Body
	for _, each := range strings.Fields(r.Headers["webhook-signature"]) {
		version, text, _ := strings.Cut(each, ",")
		signature, err := base64.StdEncoding.DecodeString(text)
		if err == nil && version == "v1a" && ed25519.Verify(key, []byte(content), signature) {
			return nil
		}
	}
	return fmt.Errorf("no signature fits")
}
