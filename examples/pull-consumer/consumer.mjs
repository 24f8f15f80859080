/** Handles the events of a pull subscription until it is told to stop. */
import { createClient } from 'headgate/client';

const {
  HEADGATE_URL: url = 'http://127.0.0.1:8080',
  HEADGATE_TOKEN: token,
  SUBSCRIPTION: subscription = 'crm',
} = process.env;
if (!token) {
  console.error('Set HEADGATE_TOKEN: npx headgate token --tenant UA --scope subscriptions:pull');
  process.exit(1);
}

const consumer = createClient({ url, token }).consume(
  subscription,
  async (event, { attempt }) => {
    // The work. An event may come more than once: let its id decide whether it is done already.
    console.log(`${event.type} ${event.id} ${event.subject ?? ''} (attempt ${attempt})`);
  },
  {
    maxMessages: 500,
    concurrency: 20,
    onError: (error, event) => console.error(event === undefined ? '' : `${event.id}:`, error),
  },
);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void consumer.stop());
await consumer.ended;
