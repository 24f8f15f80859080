import com.google.gson.Gson;
import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.MessageBuilder;
import com.segment.analytics.messages.TrackMessage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Tracks events with Segment's SDK, as a shop's backend would.
 *
 * <pre>Send CLIENT HOST KEY COUNT [MILLISECONDS BETWEEN EVENTS]</pre>
 *
 * Prints a line {@code sent N} now and then, and in the end JSON: what the SDK says that it could not send.
 */
public final class Send {
  private static final Instant START = Instant.parse("2026-03-01T10:00:00Z");

  public static void main(String[] args) throws Exception {
    String name = args[0];
    int count = Integer.parseInt(args[3]);
    long pause = args.length > 4 ? Long.parseLong(args[4]) : 0;
    Semaphore reported = new Semaphore(0);
    List<Map<String, String>> failures = Collections.synchronizedList(new ArrayList<>());
    Callback callback =
        new Callback() {
          @Override
          public void success(Message message) {
            reported.release();
          }

          @Override
          public void failure(Message message, Throwable error) {
            failures.add(Map.of("id", message.messageId(), "reason", String.valueOf(error)));
            reported.release();
          }
        };
    Analytics analytics =
        Analytics.builder(args[2])
            .endpoint(args[1])
            .flushInterval(1000, TimeUnit.MILLISECONDS)
            .callback(callback)
            .build();
    analytics.enqueue(identify());
    for (int number = 0; number < count; number++) {
      analytics.enqueue(track(name, number));
      if (number % 20 == 19) System.out.println("sent " + (number + 1));
      Thread.sleep(pause);
    }
    analytics.flush();
    // One that is shut down gives up what it still tries.
    reported.acquire(count + 1);
    analytics.shutdown();
    System.out.println(new Gson().toJson(Map.of("client", name, "failures", failures)));
    System.exit(0);
  }

  private static MessageBuilder<?, ?> identify() {
    return IdentifyMessage.builder()
        .userId("u-1")
        .anonymousId("anonymous-u-1")
        .traits(Map.of("plan", "silver", "seats", 3));
  }

  private static MessageBuilder<?, ?> track(String name, int number) {
    return TrackMessage.builder("Ticket Booked")
        .userId("u-" + number % 50)
        .properties(Map.of("number", number, "price", number + 0.5, "city", "Zürich ☃"))
        .timestamp(Date.from(START.plusSeconds(number)))
        .messageId(name + "-" + number);
  }
}
