import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.http.HttpMessageFactory;
import io.cloudevents.jackson.JsonCloudEventData;
import io.cloudevents.jackson.JsonFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.OffsetDateTime;

/**
 * Sends events as Java's SDK makes them, with both HTTP clients of the JDK.
 * {@code Send URL TOKEN} prints each one's id and status.
 */
class Send {
  private static final String JSON = "application/json";
  private static final byte[] OCTETS = {0, -1, -128};

  private final URI url;
  private final String token;

  Send(String url, String token) {
    this.url = URI.create(url);
    this.token = token;
  }

  public static void main(String[] args) throws Exception {
    Send send = new Send(args[0], args[1]);
    String person = "{\"n\": 1.50, \"city\": \"Zürich ☃\"}";
    JsonNode node = new ObjectMapper().readTree(person);

    // The older client writes headers in Java's default charset; the newer one takes ASCII alone.
    send.connection(full("connection", "é ☃ 100% 5%25").withData(JSON, utf8(person)).build());
    send.connection(event("connection-untyped").withData(utf8(person)).build());
    send.connection(event("connection-untyped-octets").withData(OCTETS).build());
    send.connection(event("connection-octets").withData("image/png", OCTETS).build());
    send.connection(event("connection-empty").build());

    send.client(full("client", "100% 5%25").withData(JSON, utf8(person)).build());
    send.client(event("client-untyped").withData(utf8(person)).build());
    send.client(event("client-text").withData("text/plain", utf8("héllo ☃")).build());
    send.client(event("client-octets").withData("image/png", OCTETS).build());
    send.client(event("client-empty").build());

    send.structured(full("structured", "é ☃ 100% 5%25").withData(JSON, utf8(person)).build());
    send.structured(event("structured-node").withData(JSON, JsonCloudEventData.wrap(node)).build());
    send.structured(event("structured-untyped").withData(utf8(person)).build());
    send.structured(event("structured-text").withData("text/plain", utf8("héllo ☃")).build());
    send.structured(event("structured-xml").withData("application/xml", utf8("<a>é</a>")).build());
    send.structured(event("structured-octets").withData("image/png", OCTETS).build());
    send.structured(event("structured-empty").build());
    JsonFormat inBase64 = new JsonFormat().withForceJsonDataToBase64();
    send.structured(inBase64, event("structured-json-octets").withData(JSON, utf8(person)).build());
  }

  private static io.cloudevents.core.v1.CloudEventBuilder event(String id) {
    return CloudEventBuilder.v1().withId(id).withSource(URI.create("/java")).withType("sent");
  }

  private static io.cloudevents.core.v1.CloudEventBuilder full(String id, String subject) {
    return event(id)
        .withSubject(subject)
        .withTime(OffsetDateTime.parse("2026-03-01T11:00:00.123456789+05:30"))
        .withExtension("place", "Zurich")
        .withExtension("number", 42)
        .withExtension("flag", true);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(UTF_8);
  }

  /** Binary mode, as the SDK's documentation has it for HttpURLConnection. */
  private void connection(CloudEvent event) throws IOException {
    HttpURLConnection http = (HttpURLConnection) new URL(url.toString()).openConnection();
    http.setRequestMethod("POST");
    http.setDoOutput(true);
    http.setRequestProperty("authorization", "Bearer " + token);
    HttpMessageFactory.createWriter(http::setRequestProperty, body -> write(http, body))
        .writeBinary(event);
    int status = http.getResponseCode();
    InputStream answer = status < 300 ? http.getInputStream() : http.getErrorStream();
    report(event, status, new String(answer.readAllBytes(), UTF_8));
  }

  private static void write(HttpURLConnection http, byte[] body) {
    if (body == null) return;
    try {
      http.getOutputStream().write(body);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Binary mode. */
  private void client(CloudEvent event) throws Exception {
    HttpRequest.Builder request = request();
    HttpMessageFactory.createWriter(request::header, body -> put(request, body)).writeBinary(event);
    send(event, request);
  }

  private void structured(CloudEvent event) throws Exception {
    structured(new JsonFormat(), event);
  }

  private void structured(JsonFormat format, CloudEvent event) throws Exception {
    HttpRequest.Builder request = request();
    HttpMessageFactory.createWriter(request::header, body -> put(request, body))
        .writeStructured(event, format);
    send(event, request);
  }

  private HttpRequest.Builder request() {
    return HttpRequest.newBuilder(url).header("authorization", "Bearer " + token);
  }

  private static void put(HttpRequest.Builder request, byte[] body) {
    request.POST(body == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
  }

  private void send(CloudEvent event, HttpRequest.Builder request) throws Exception {
    HttpResponse<String> answer =
        HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
    report(event, answer.statusCode(), answer.body());
  }

  private static void report(CloudEvent event, int status, String answer) {
    System.out.println(event.getId() + " " + status + " " + (status < 300 ? "" : answer));
  }
}
