/**
 * Loaded into a built Headgate before its own code: it runs without metrics, usage, audit log and the index of events,
 * to see what they cost. Nobody can run Headgate so: what is switched off has no setting.
 *
 *   HEADGATE_BENCH_OFF=metrics,usage,audit-log,event-index
 */
import { Counter, Gauge, Histogram } from 'prom-client';
import { MetricsBuffer, Runtime } from '@temporalio/worker';
import { AuditLog } from '../../dist/audit-log/audit-log.js';
import { Indexer } from '../../dist/event-history/indexer.js';
import { UsageJournal } from '../../dist/stores/usage/journal.js';

const nothing = () => {};

const OFF = {
  metrics: () => {
    for (const { prototype } of [Counter, Gauge]) prototype.inc = nothing;
    Gauge.prototype.set = Gauge.prototype.dec = nothing;
    Histogram.prototype.observe = nothing;
    MetricsBuffer.prototype.retrieveUpdates = () => [];
    const install = Runtime.install.bind(Runtime);
    Runtime.install = ({ telemetryOptions: { logging }, ...options }) =>
      install({ ...options, telemetryOptions: { logging } });
  },
  usage: () => {
    UsageJournal.prototype.add = async () => {};
  },
  'audit-log': () => {
    AuditLog.prototype.note = nothing;
  },
  'event-index': () => {
    Indexer.prototype.start = nothing;
    Indexer.prototype.written = nothing;
  },
};

for (const name of (process.env.HEADGATE_BENCH_OFF ?? '').split(',').filter(Boolean)) OFF[name]();
