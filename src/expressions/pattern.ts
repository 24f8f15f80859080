import { LRUCache } from 'lru-cache';
import { RE2JS } from 're2js';
import { messageOf } from '../errors.js';
import type { Frame } from './frame.js';

/** The longest pattern that is written in an expression, in UTF-16 units. */
const MAX_PATTERN_LENGTH = 1000;

/** The longest pattern that comes from data. */
const MAX_DYNAMIC_PATTERN_LENGTH = 128;

/** Instructions of a pattern, repetitions written out: `(?:a{10}){10}` has some 100. */
const MAX_SIZE = 1000;
const MAX_DYNAMIC_SIZE = 200;

/** Unicode classes in a pattern; to make one of its hundreds of ranges takes 0.2 ms. */
const MAX_CLASSES = 10;
const MAX_DYNAMIC_CLASSES = 2;

/** Steps of compiling one instruction, some 5 µs where it is done for the first time. */
const COMPILE_STEPS = 50;

interface PatternLimits {
  readonly maxLength: number;
  readonly maxSize: number;
  readonly maxClasses: number;
}

const LITERAL: PatternLimits = {
  maxLength: MAX_PATTERN_LENGTH,
  maxSize: MAX_SIZE,
  maxClasses: MAX_CLASSES,
};
const DYNAMIC: PatternLimits = {
  maxLength: MAX_DYNAMIC_PATTERN_LENGTH,
  maxSize: MAX_DYNAMIC_SIZE,
  maxClasses: MAX_DYNAMIC_CLASSES,
};

/** What a Unicode class takes to compile, in instructions. */
const CLASS_SIZE = 50;

/** What the patterns of one file may take to compile, in instructions: some 0.2 s. */
const MAX_PATTERNS_SIZE = 20_000;

/** What a pattern takes to compile beside its instructions. */
const PATTERN_SIZE = 20;

/** The patterns of one file, which are compiled in one turn whenever the file is read. */
export class PatternQuota {
  private left = MAX_PATTERNS_SIZE;

  /** Takes what a pattern needs; false if less is left. */
  take(source: string): boolean {
    this.left -= PATTERN_SIZE + sizeOf(source) + CLASS_SIZE * classesOf(source);
    return this.left >= 0;
  }
}

/** Patterns from data that are remembered; each takes kilobytes. */
const dynamic = new LRUCache<string, Pattern | string>({ max: 100 });

/** A regular expression of RE2: time of matching is proportional to the text, whatever the pattern. */
export class Pattern {
  private constructor(
    private readonly compiled: RE2JS,
    /** Steps per character of a text. */
    private readonly stepsPerChar: number,
  ) {}

  /** The pattern; in words what is wrong with it, if anything is. */
  static compile(source: string, limits: PatternLimits = LITERAL): Pattern | string {
    const { maxLength, maxSize, maxClasses } = limits;
    if (source.length > maxLength) return `a pattern may have up to ${maxLength} characters`;
    if (sizeOf(source) > maxSize)
      return 'the pattern repeats too much: its repetitions count as if written out';
    if (classesOf(source) > maxClasses)
      return `a pattern may have up to ${maxClasses} Unicode classes such as \\pL`;
    try {
      const compiled = RE2JS.compile(source);
      return new Pattern(compiled, 1 + (compiled.programSize() >>> 2));
    } catch (error) {
      return messageOf(error).replace(/^error parsing regexp: /, '');
    }
  }

  /** True if any part of the text matches; the steps are taken before that is found out. */
  isIn(text: string, frame: Frame): boolean {
    frame.charge(this.stepsPerChar * (1 + text.length));
    return this.compiled.test(text);
  }
}

/** A pattern that comes from data. Its steps do not depend on whether it is remembered: a replay must come to the same. */
export function dynamicPattern(source: string, frame: Frame): Pattern | string {
  const known = dynamic.get(source);
  if (source.length <= MAX_DYNAMIC_PATTERN_LENGTH)
    frame.charge(COMPILE_STEPS * Math.min(sizeOf(source) + CLASS_SIZE * classesOf(source), MAX_DYNAMIC_SIZE));
  if (known !== undefined) return known;
  const pattern = Pattern.compile(source, DYNAMIC);
  if (source.length <= MAX_DYNAMIC_PATTERN_LENGTH) dynamic.set(source, pattern);
  return pattern;
}

const COUNT = /\{(\d+)(?:,(\d*))?\}/y;
const ESCAPED = /\\(?:[pP]\{[^}]*\}|x\{[^}]*\}|.)/suy;
const CLASS = /\[\^?\]?(?:\[:\w+:\]|\\.|[^\]])*\]/suy;

function classesOf(source: string): number {
  return source.match(/\\[pP]/g)?.length ?? 0;
}

/** About how many instructions a pattern makes, without compiling it; groups that are repeated count each time. */
function sizeOf(source: string): number {
  const groups = [0];
  let last = 0;
  for (let at = 0; at < source.length;) {
    const char = source[at]!;
    const count = char === '{' ? matchAt(COUNT, source, at) : null;
    const atom =
      char === '\\' ? matchAt(ESCAPED, source, at) : char === '[' ? matchAt(CLASS, source, at) : null;
    if (count !== null) {
      groups[groups.length - 1]! += last * (Math.max(Number(count[1]), Number(count[2] ?? 0)) - 1);
    } else if (char === '(') {
      groups.push(1);
    } else {
      last = char === ')' && groups.length > 1 ? groups.pop()! : 1;
      groups[groups.length - 1]! += last;
    }
    at += (count ?? atom)?.[0].length ?? 1;
  }
  return groups.reduce((sum, size) => sum + size, 0);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
