// Tracks events with a published analytics SDK, as a shop's backend would.
//
//	send CLIENT HOST KEY COUNT [MILLISECONDS BETWEEN EVENTS]
//
// Prints a line `sent N` now and then, and in the end JSON: what the SDK says that it could not send.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	rudder "github.com/rudderlabs/analytics-go/v4"
	segment "github.com/segmentio/analytics-go/v3"
)

type failure struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// outcome counts what the SDKs report of each event. An SDK that is closed gives up what it still tries, so all are
// awaited before that.
type outcome struct {
	sync.Mutex
	reported int
	failures []failure
}

func (o *outcome) report(id string, err error) {
	o.Lock()
	defer o.Unlock()
	o.reported++
	if err != nil {
		o.failures = append(o.failures, failure{id, err.Error()})
	}
}

func (o *outcome) await(count int) {
	for {
		o.Lock()
		reported := o.reported
		o.Unlock()
		if reported >= count {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

type segmentCallback struct{ *outcome }

func (c segmentCallback) Success(m segment.Message)            { c.report(segmentID(m), nil) }
func (c segmentCallback) Failure(m segment.Message, err error) { c.report(segmentID(m), err) }

func segmentID(m segment.Message) string {
	if track, ok := m.(segment.Track); ok {
		return track.MessageId
	}
	return ""
}

type rudderCallback struct{ *outcome }

func (c rudderCallback) Success(m rudder.Message)            { c.report(rudderID(m), nil) }
func (c rudderCallback) Failure(m rudder.Message, err error) { c.report(rudderID(m), err) }

func rudderID(m rudder.Message) string {
	if track, ok := m.(rudder.Track); ok {
		return track.MessageId
	}
	return ""
}

// sdk is what the two have in common.
type sdk struct {
	identify func() error
	track    func(number int) error
	close    func() error
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func properties(number int) map[string]interface{} {
	return map[string]interface{}{"number": number, "price": float64(number) + 0.5, "city": "Zürich ☃"}
}

func main() {
	name, host, key := os.Args[1], os.Args[2], os.Args[3]
	count, err := strconv.Atoi(os.Args[4])
	must(err)
	pause := 0
	if len(os.Args) > 5 {
		pause, err = strconv.Atoi(os.Args[5])
		must(err)
	}
	start := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	traits := map[string]interface{}{"plan": "silver", "seats": 3}
	seen := &outcome{failures: []failure{}}
	var made sdk
	switch name {
	case "segment-go":
		client, err := segment.NewWithConfig(key, segment.Config{
			Endpoint: host, Interval: 500 * time.Millisecond, Callback: segmentCallback{seen},
		})
		must(err)
		made = sdk{
			func() error {
				return client.Enqueue(segment.Identify{UserId: "u-1", AnonymousId: "anonymous-u-1", Traits: traits})
			},
			func(n int) error {
				return client.Enqueue(segment.Track{
					UserId: fmt.Sprintf("u-%d", n%50), Event: "Ticket Booked", Properties: properties(n),
					Timestamp: start.Add(time.Duration(n) * time.Second), MessageId: fmt.Sprintf("%s-%d", name, n),
				})
			},
			client.Close,
		}
	case "rudder-go":
		client, err := rudder.NewWithConfig(key, rudder.Config{
			DataPlaneUrl: host, Interval: 500 * time.Millisecond, Callback: rudderCallback{seen},
		})
		must(err)
		made = sdk{
			func() error {
				return client.Enqueue(rudder.Identify{UserId: "u-1", AnonymousId: "anonymous-u-1", Traits: traits})
			},
			func(n int) error {
				return client.Enqueue(rudder.Track{
					UserId: fmt.Sprintf("u-%d", n%50), Event: "Ticket Booked", Properties: properties(n),
					OriginalTimestamp: start.Add(time.Duration(n) * time.Second), MessageId: fmt.Sprintf("%s-%d", name, n),
				})
			},
			client.Close,
		}
	default:
		panic("there are segment-go and rudder-go")
	}
	must(made.identify())
	for n := 0; n < count; n++ {
		must(made.track(n))
		if n%20 == 19 {
			fmt.Printf("sent %d\n", n+1)
		}
		time.Sleep(time.Duration(pause) * time.Millisecond)
	}
	seen.await(count + 1)
	must(made.close())
	text, err := json.Marshal(map[string]interface{}{"client": name, "failures": seen.failures})
	must(err)
	fmt.Println(string(text))
}
