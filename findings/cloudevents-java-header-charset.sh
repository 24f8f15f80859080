#!/usr/bin/env bash
# CloudEvents SDK for Java 4.0.1 (cloudevents-http-basic) on HttpURLConnection of Java 17, with no locale set, as in
# most containers.
# Likely guess: a subject that is not ASCII is percent-encoded into its header, as the HTTP binding says.
# Behaviour: the SDK hands it over as it is, the JDK writes headers in the default charset: letters become question
# marks, without an error. Under a UTF-8 locale, and by default from Java 18 on, they are raw UTF-8.
# Seen: C: Z?rich; C.UTF-8: Zürich
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat > pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>look</groupId><artifactId>look</artifactId><version>0</version>
  <dependencies>
    <dependency>
      <groupId>io.cloudevents</groupId><artifactId>cloudevents-http-basic</artifactId><version>4.0.1</version>
    </dependency>
  </dependencies>
</project>
XML
mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies > mvn.log 2>&1
cat > Look.java <<'JAVA'
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.http.HttpMessageFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;

class Look {
  public static void main(String[] args) throws IOException {
    HttpURLConnection http = (HttpURLConnection) new URL(args[0]).openConnection();
    http.setRequestMethod("POST");
    http.setDoOutput(true);
    var event = CloudEventBuilder.v1().withId("1").withSource(URI.create("/s")).withType("t")
        .withSubject("Z\u00fcrich").withData("text/plain", new byte[] {'x'}).build();
    HttpMessageFactory.createWriter(http::setRequestProperty, body -> {
      try {
        http.getOutputStream().write(body);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }).writeBinary(event);
    if (http.getResponseCode() != 202) throw new IOException("not taken");
  }
}
JAVA
javac -cp 'target/dependency/*' Look.java
cat > look.mjs <<'JS'
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
let subject;
const server = createServer((request, response) => {
  subject = Buffer.from(request.headers['ce-subject'], 'latin1').toString();
  request.resume().on('end', () => response.writeHead(202).end());
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const sent = async (LC_ALL) => {
  const args = ['-cp', '.:target/dependency/*', 'Look', `http://127.0.0.1:${server.address().port}`];
  await promisify(execFile)('java', args, { env: { ...process.env, LC_ALL } });
  return subject;
};
const [none, utf8] = [await sent('C'), await sent('C.UTF-8')];
server.close();
console.log(`C: ${none}; C.UTF-8: ${utf8}`);
process.exit(none === 'Z?rich' && utf8 === 'Zürich' ? 0 : 1);
JS
node look.mjs
