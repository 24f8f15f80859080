import { html } from './html.js';
import { durationText, numberText } from './format.js';
import { Plot } from './plot.js';

const POWERS = Array.from({ length: 10 }, (_, power) =>
  [1, 2, 5].map((each) => each * 10 ** (power - 1)),
).flat();
const OF_SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, ...days()];

function days() {
  return POWERS.filter((each) => each >= 1).map((each) => each * 86_400);
}

const THROUGHPUT = {
  acceptedEvents: 'accepted',
  decided: 'rules evaluated',
  loaded: 'loaded',
  delivered: 'delivered',
};
const WAITS = {
  spoolSeconds: 'to be batched',
  loadSeconds: 'to be loaded',
  deliverySeconds: 'to be delivered',
};
const ERRORS = { failed: 'tries to deliver that failed' };

/** Throughput, waits and errors by stage, of the last half hour. */
export function ActivityPlots({ samples }) {
  const times = samples.map(({ at }) => at);
  const linesOf = (names) =>
    Object.entries(names).map(([key, name]) => ({ name, values: samples.map((sample) => sample[key]) }));
  return html`<div class="plots">
    <${Plot}
      label="Events a second"
      times=${times}
      lines=${linesOf(THROUGHPUT)}
      unit=${rateText}
      steps=${POWERS}
    />
    <${Plot}
      label="Longest wait"
      times=${times}
      lines=${linesOf(WAITS)}
      unit=${durationText}
      steps=${OF_SECONDS}
    />
    <${Plot}
      label="Errors a second"
      times=${times}
      lines=${linesOf(ERRORS)}
      unit=${rateText}
      steps=${POWERS}
    />
  </div>`;
}

/** A rate, to a tenth where it is small. */
export function rateText(value) {
  return numberText(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));
}
