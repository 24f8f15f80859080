// Sends events as Go's SDK makes them: `send URL TOKEN` prints each one's id and status.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

type sender struct {
	url, token string
	client     cloudevents.Client
}

func main() {
	url, token := os.Args[1], os.Args[2]
	authorized := cloudevents.WithHeader("Authorization", "Bearer "+token)
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(url), authorized)
	check(err)
	s := sender{url, token, client}

	binary := cloudevents.WithEncodingBinary(context.Background())
	structured := cloudevents.WithEncodingStructured(context.Background())
	person := map[string]any{"n": 1.5, "city": "Zürich ☃"}

	s.send(context.Background(), full("default", person))
	s.send(binary, with("binary-text", cloudevents.TextPlain, "héllo ☃"))
	s.send(binary, with("binary-xml", cloudevents.ApplicationXML, []byte("<a>é</a>")))
	s.send(binary, with("binary-octets", "application/octet-stream", []byte{0, 255, 128}))
	s.send(binary, event("binary-empty"))
	s.send(structured, full("structured", person))
	s.send(structured, with("structured-text", cloudevents.TextPlain, "héllo ☃"))
	s.send(structured, with("structured-xml", "text/xml", []byte("<a>é</a>")))
	s.send(structured, with("structured-octets", "application/octet-stream", []byte{0, 255, 128}))
	s.send(structured, event("structured-empty"))
	s.sendBatch(full("batch-full", person), with("batch-text", cloudevents.TextPlain, "héllo"))
}

func event(id string) cloudevents.Event {
	e := cloudevents.NewEvent()
	e.SetID(id)
	e.SetSource("/go")
	e.SetType("sent")
	return e
}

func with(id, contentType string, data any) cloudevents.Event {
	e := event(id)
	check(e.SetData(contentType, data))
	return e
}

func full(id string, data any) cloudevents.Event {
	e := with(id, cloudevents.ApplicationJSON, data)
	india := time.FixedZone("", int((5*time.Hour + 30*time.Minute).Seconds()))
	at := time.Date(2026, 3, 1, 11, 0, 0, 123456789, india)
	e.SetSubject("é ☃ 100% 5%25")
	e.SetTime(at)
	e.SetExtension("place", "Zürich ☃")
	e.SetExtension("number", 42)
	e.SetExtension("flag", true)
	e.SetExtension("octets", []byte{0, 255})
	e.SetExtension("due", at)
	return e
}

func (s sender) send(ctx context.Context, e cloudevents.Event) {
	result := s.client.Send(ctx, e)
	var answer *cehttp.Result
	if !cloudevents.ResultAs(result, &answer) {
		log.Fatal(e.ID(), result)
	}
	report(e.ID(), answer.StatusCode, result)
}

// sendBatch is what the SDK has for batches: a request, for a client of one's own.
func (s sender) sendBatch(events ...cloudevents.Event) {
	request, err := cloudevents.NewHTTPRequestFromEvents(context.Background(), s.url, events)
	check(err)
	request.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := http.DefaultClient.Do(request)
	check(err)
	body, err := io.ReadAll(answer.Body)
	check(err)
	for _, e := range events {
		report(e.ID(), answer.StatusCode, string(body))
	}
}

func report(id string, status int, answer any) {
	if status/100 == 2 {
		answer = ""
	}
	fmt.Println(id, status, answer)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
