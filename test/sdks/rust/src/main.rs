//! Sends events as Rust's SDK makes them: `send URL TOKEN` prints each one's id and status.

use cloudevents::binding::reqwest::{RequestBuilderExt, RequestSerializer};
use cloudevents::message::StructuredDeserializer;
use cloudevents::{AttributesReader, Data, Event, EventBuilder, EventBuilderV10};
use reqwest::{Client, RequestBuilder};
use serde_json::json;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let [url, token] = [1, 2].map(|at| std::env::args().nth(at).expect("URL TOKEN"));
    let client = Client::new();
    let post = || client.post(&url).bearer_auth(&token);
    let person = json!({"n": 1.5, "city": "Zürich ☃"});
    let json_octets = "{\"città\":1.5}".as_bytes().to_vec();

    let binary = [
        full("binary", person.clone()),
        with("binary-text", "text/plain", "héllo ☃"),
        with("binary-text-as-json", "application/json", "hello"),
        with("binary-json-octets", "application/json", json_octets.clone()),
        with("binary-octets", "application/octet-stream", vec![0, 255, 128]),
        event("binary-empty").build()?,
    ];
    for event in binary {
        let id = event.id().to_string();
        send(&[&id], post().event(event)?).await?;
    }
    let structured = [
        full("structured", person.clone()),
        with("structured-text", "text/plain", "héllo ☃"),
        with("structured-xml", "application/xml", "<a>é</a>"),
        with("structured-json-octets", "application/json", json_octets),
        with("structured-octets", "application/octet-stream", vec![0, 255, 128]),
        event("structured-empty").build()?,
    ];
    for event in structured {
        let id = event.id().to_string();
        let serializer = RequestSerializer::new(post());
        let request = StructuredDeserializer::deserialize_structured(event, serializer)?;
        send(&[&id], request).await?;
    }
    let batch = vec![full("batch-full", person), with("batch-text", "text/plain", "héllo")];
    send(&["batch-full", "batch-text"], post().events(batch)?).await
}

fn event(id: &str) -> EventBuilderV10 {
    EventBuilderV10::new().id(id).source("/rust").ty("sent")
}

fn with(id: &str, content_type: &str, data: impl Into<Data>) -> Event {
    event(id).data(content_type, data).build().unwrap()
}

fn full(id: &str, data: serde_json::Value) -> Event {
    event(id)
        .subject("é ☃ 100% 5%25")
        .time("2026-03-01T11:00:00.123456789+05:30")
        .extension("place", "Zürich ☃")
        .extension("number", 42)
        .extension("flag", true)
        .data("application/json", data)
        .build()
        .unwrap()
}

async fn send(ids: &[&str], request: RequestBuilder) -> Outcome {
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.text().await?;
    for id in ids {
        println!("{id} {} {}", status.as_u16(), if status.is_success() { "" } else { &body });
    }
    Ok(())
}
