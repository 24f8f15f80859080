import { useEffect, useRef } from 'preact/hooks';
import { clockText } from './format.js';
import { html } from './html.js';

const HEIGHT = 180;
const LEAST_SECONDS = 60;
const LEAST_HEIGHT = 4;
const WHOLE_DAYS = [1, 2, 7, 14, 31, 92, 366].map((days) => days * 86_400);
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [14, 4]];

/**
 * Lines over time. What it shows is in tables as well: to a screen reader it is a picture with a sentence.
 * @param {{ label: string, times: number[], lines: { name: string, values: (number | null)[] }[], unit: (value: number) => string, steps: number[], moment?: (seconds: number) => string, bars?: boolean }} props
 *   `times` in seconds since 1970; `steps`: between the lines of the upright axis; `moment`: how times are written
 */
export function Plot({ label, times, lines, unit, steps, moment = clockText, bars = false }) {
  const place = useRef();
  const plot = useRef();
  const names = lines.map(({ name }) => name).join(' ');
  // What is drawn first is what is known once the library is there.
  const latest = useRef();
  latest.current = bars ? [times, ...lines.map(({ values }) => values)] : withLeast(times, lines);
  useEffect(() => {
    const element = place.current;
    let stopped = false;
    let watched;
    const dark = globalThis.matchMedia('(prefers-color-scheme: dark)');
    const draw = async () => {
      const { default: UPlot } = await import('uplot');
      if (stopped || element === null) return;
      plot.current?.destroy();
      plot.current = new UPlot(
        optionsOf(
          { lines, unit, steps, moment, bars: bars ? UPlot.paths.bars({ size: [0.7, 80] }) : undefined },
          element,
        ),
        latest.current,
        element,
      );
      watched ??= new ResizeObserver(([{ contentRect }]) =>
        plot.current.setSize({ width: contentRect.width, height: HEIGHT }),
      );
      watched.observe(element);
    };
    const redraw = () => void draw();
    dark.addEventListener('change', redraw);
    redraw();
    return () => {
      stopped = true;
      dark.removeEventListener('change', redraw);
      watched?.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [names]);
  useEffect(() => plot.current?.setData(latest.current));
  return html`<figure>
    <figcaption>${label}</figcaption>
    <div class="plot" ref=${place} role="img" aria-label=${`${label}: ${nowText(lines, unit)}`} />
    <ul class="legend" aria-hidden="true">
      ${lines.map(({ name }, index) => html`<li class="line-${index}" key=${name}>${name}</li>`)}
    </ul>
  </figure>`;
}

/** There is always a minute to see: a line of one look has no length. */
function withLeast(times, lines) {
  const values = lines.map((each) => each.values);
  const last = times.at(-1) ?? Date.now() / 1000;
  if (last - (times[0] ?? last) >= LEAST_SECONDS) return [times, ...values];
  return [[last - LEAST_SECONDS, ...times], ...values.map((each) => [null, ...each])];
}

function nowText(lines, unit) {
  return lines.map(({ name, values }) => `${name} ${unit(values.at(-1) ?? 0)}`).join(', ');
}

function optionsOf({ lines, unit, steps, moment, bars }, place) {
  const style = getComputedStyle(place);
  const color = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--faint'),
    grid: { stroke: color('--rule'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { show: false },
    legend: { show: false },
    ...(bars && { tzDate: (seconds) => new Date(seconds * 1000 + new Date().getTimezoneOffset() * 60_000) }),
    scales: {
      ...(bars && { x: { range: (_plot, low, high) => [low - 43_200, high + 43_200] } }),
      y: { range: (_plot, _low, high) => [0, Math.max(high ?? 0, LEAST_HEIGHT) * 1.1] },
    },
    axes: [
      { ...axis, space: 90, ...(bars && { incrs: WHOLE_DAYS }), values: (_plot, times) => times.map(moment) },
      { ...axis, size: 80, incrs: steps, values: (_plot, values) => values.map(unit) },
    ],
    series: [
      {},
      ...lines.map(({ name }, index) => ({
        label: name,
        stroke: color(`--line-${index}`),
        width: 2,
        ...(bars ? { paths: bars, fill: color(`--line-${index}`) } : { dash: DASHES[index] }),
        points: { show: false },
      })),
    ],
  };
}
