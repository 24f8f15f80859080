// Sends a webhook as GitHub does: see README.md.
import { createHmac, randomUUID } from 'node:crypto';

const {
  HEADGATE_URL = 'http://127.0.0.1:8080',
  HEADGATE_SECRET_ACME__GITHUB: secret,
  DELIVERY = randomUUID(),
} = process.env;
if (secret === undefined) throw new Error('Set HEADGATE_SECRET_ACME__GITHUB to the secret of the source.');

const body = JSON.stringify({
  ref: 'refs/heads/main',
  repository: { full_name: 'acme/shop' },
  sender: { login: 'octocat' },
});

const response = await fetch(`${HEADGATE_URL}/v1/sources/acme/github`, {
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': DELIVERY,
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  },
  body,
});
console.log(response.status, await response.text());
