import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CACHE } from './emulators.mjs';
import { ROOT } from './setup.mjs';

const WINDOWS = process.platform === 'win32';
const EXE = WINDOWS ? '.exe' : '';
const SOURCES = join(ROOT, 'test', 'sdks');

/**
 * The programs of test/sdks, each of which sends events with a CloudEvents SDK of its language, or with analytics SDKs.
 * `build` is the commands that make one in its `folder` of the cache, `copied` the sources that are copied there before,
 * `kept` what of it is needed afterwards, `run` the command that then sends.
 */
export const SDK_CLIENTS = [
  python('python-1', 'Python, cloudevents 1'),
  python('python-2', 'Python, cloudevents 2'),
  python('openapi-python', 'Python, generated from the OpenAPI document'),
  python('analytics-python', 'Python, Segment and RudderStack'),
  client('analytics-node', 'Node, Segment, RudderStack and Jitsu', ['.'], npmProject),
  client('go', 'Go', ['.'], goProgram),
  client('analytics-go', 'Go, Segment and RudderStack', ['.'], goProgram),
  client('java', 'Java', ['.'], javaProgram),
  client('analytics-java', 'Java, Segment', ['.'], javaProgram),
  client('rust', 'Rust', ['.'], ({ source, folder }) => {
    const target = join(folder, 'target');
    const args = ['build', '--locked', '--quiet', '--target-dir', target];
    const binary = join(folder, `send${EXE}`);
    return {
      build: [['cargo', args, { cwd: source }]],
      // What it was made from has some 300 MB.
      kept: { from: join(target, 'debug', `send${EXE}`), to: binary, without: target },
      run: [binary],
    };
  }),
];

function python(name, language) {
  // The program itself is run from where it stands.
  return client(name, language, ['requirements.txt'], ({ source, folder }) => {
    const programs = join(folder, WINDOWS ? 'Scripts' : 'bin');
    const interpreter = join(programs, `python${EXE}`);
    const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check'];
    return {
      build: [
        [WINDOWS ? 'python' : 'python3', ['-m', 'venv', folder], {}],
        [interpreter, [...install, '-r', join(source, 'requirements.txt')], {}],
      ],
      run: [interpreter, '-X', 'utf8', join(source, 'send.py')],
    };
  });
}

function goProgram({ source, folder }) {
  const binary = join(folder, `send${EXE}`);
  // Of the parameters it would take from its user's environment, these matter here.
  const env = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
  const args = ['build', '-buildvcs=false', '-trimpath', '-o', binary, '.'];
  return { build: [['go', args, { cwd: source, env }]], run: [binary] };
}

function javaProgram({ source, folder }) {
  const goals = ['compile', 'dependency:copy-dependencies'];
  const args = ['--batch-mode', '--quiet', `-Dtarget=${folder}`, ...goals];
  const classes = [join(folder, 'classes'), join(folder, 'dependency', '*')].join(delimiter);
  return {
    build: [['mvn', args, { cwd: source, shell: WINDOWS }]],
    run: ['java', '-Dfile.encoding=UTF-8', '-cp', classes, 'Send'],
  };
}

/** A program has to be beside what it imports: what is built is a copy of its sources with their packages. */
function npmProject({ source, folder }) {
  const install = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  return {
    copied: source,
    build: [['npm', install, { cwd: folder, shell: WINDOWS }]],
    run: [process.execPath, join(folder, 'send.mjs')],
  };
}

/** @param made what of its sources goes into what is built: with another content it is another client */
function client(name, language, made, how) {
  const source = join(SOURCES, name);
  const folder = join(CACHE, 'sdk-clients', `${name}-${hashOf(source, made)}`);
  return { name, language, folder, built: join(folder, '.built'), ...how({ source, folder }) };
}

/** Of names and contents, and not of where the checkout is: several share a cache. */
function hashOf(source, made) {
  const hash = createHash('sha256');
  for (const name of made.flatMap((each) => filesIn(source, each)))
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(source, name)))
      .update('\0');
  return hash.digest('hex').slice(0, 12);
}

function filesIn(source, name) {
  if (!statSync(join(source, name)).isDirectory()) return [name];
  const inside = readdirSync(join(source, name)).sort();
  return inside.flatMap((each) => filesIn(source, `${name}/${each}`));
}

/** True where a client is ready to run. */
export const isBuilt = ({ built }) => existsSync(built);
