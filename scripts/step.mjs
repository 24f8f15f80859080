/** One line per step of the set-up: what and why, and how long it took; live on a terminal. */

const SECOND = 1000;

/**
 * Runs `work` as a step.
 * @param {string} title what is done, and why
 * @param {(progress: (detail: string) => void) => Promise<unknown>} work
 * @param {{ quiet?: boolean }} [options] quiet: nothing is printed
 */
export async function step(title, work, { quiet = false } = {}) {
  const line = quiet ? silentLine() : process.stdout.isTTY ? liveLine(title) : plainLine(title);
  const start = performance.now();
  try {
    await work(line.detail);
    line.end(`done in ${elapsed(start)}`);
  } catch (error) {
    line.end(`failed after ${elapsed(start)}`);
    throw error;
  }
}

function elapsed(start) {
  const seconds = (performance.now() - start) / SECOND;
  return seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function silentLine() {
  return { detail: () => {}, end: () => {} };
}

/** Without a terminal: a line at the start, one for every detail, one at the end. */
function plainLine(title) {
  console.log(`${title} …`);
  return {
    detail: (text) => console.log(`  ${text}`),
    end: (text) => console.log(`  ${text}`),
  };
}

/** On a terminal: one line that counts the time and shows the latest detail. */
function liveLine(title) {
  const start = performance.now();
  let latest = '';
  const draw = (text) => {
    const line = `${title} … ${text}`.slice(0, (process.stdout.columns ?? 80) - 1);
    process.stdout.write(`\r\x1b[2K${line}`);
  };
  const tick = () => draw(`${elapsed(start)}${latest === '' ? '' : `, ${latest}`}`);
  const timer = setInterval(tick, SECOND / 2);
  tick();
  return {
    detail: (text) => {
      latest = text;
    },
    end: (text) => {
      clearInterval(timer);
      draw(`${text}\n`);
    },
  };
}
