import { STREAMS, type Stream } from '../../../events/event.js';
import type { CountedJob } from '../../../stores/warehouse/load-quotas.js';
import { LoadCounts, type OwnCounts } from './load-counts.js';

/** A tenant whose loads are jobs of a project. */
export type BudgetedTenant = Pick<CountedJob, 'project' | 'tenant'>;

/** A load job that has been submitted. */
export interface PastLoadJob {
  readonly stream: Stream;
  /** When, milliseconds since the epoch. */
  readonly at: number;
}

/** How much of a project's load jobs is used, of the last 24 hours. */
export interface ProjectUsage {
  readonly project: string;
  readonly used: number;
  /** Tenants that have used any. */
  readonly active: number;
  /** The table that has the most; absent while none has any. */
  readonly busiest?: { readonly tenant: string; readonly stream: Stream; readonly used: number };
}

type Tables = Record<Stream, LoadCounts>;

/** Counts the load jobs of the last 24 hours by table, and adds them up by tenant and project. */
export class JobCounts {
  private readonly projects = new Map<string, Map<string, Tables>>();

  /** @param now gives milliseconds since the epoch */
  constructor(private readonly now: () => number) {}

  /** Counts a job that this process submits. */
  submitted({ stream, ...tenant }: CountedJob): void {
    this.tablesOf(tenant)[stream].add(this.now());
  }

  /** The jobs of one table. */
  ofTable(tenant: BudgetedTenant, stream: Stream): number {
    return this.tablesOf(tenant)[stream].used(this.now());
  }

  /** The jobs of a tenant. */
  ofTenant(tenant: BudgetedTenant): number {
    return STREAMS.reduce((sum, stream) => sum + this.ofTable(tenant, stream), 0);
  }

  /** Milliseconds until a number of jobs of a table are more than 24 hours old. */
  freeAfterMs(tenant: BudgetedTenant, stream: Stream, jobs: number): number {
    return this.tablesOf(tenant)[stream].freeAfterMs(jobs, this.now());
  }

  /** The jobs of a project. */
  ofProject(project: string): ProjectUsage {
    let [used, active] = [0, 0];
    let busiest: ProjectUsage['busiest'];
    for (const tenant of this.projects.get(project)?.keys() ?? []) {
      let own = 0;
      for (const stream of STREAMS) {
        const ofTable = this.ofTable({ project, tenant }, stream);
        own += ofTable;
        if (ofTable > (busiest?.used ?? 0)) busiest = { tenant, stream, used: ofTable };
      }
      used += own;
      if (own > 0) active += 1;
    }
    return { project, used, active, busiest };
  }

  /** Takes over what all processes have submitted for a tenant, as `read` finds. */
  async restore(tenant: BudgetedTenant, read: () => Promise<Iterable<PastLoadJob>>): Promise<void> {
    const tables = this.tablesOf(tenant);
    const before = new Map<Stream, OwnCounts>(STREAMS.map((stream) => [stream, tables[stream].own()]));
    const jobs = [...(await read())];
    for (const stream of STREAMS) {
      const times = jobs.filter((job) => job.stream === stream).map(({ at }) => at);
      tables[stream].restore(times, before.get(stream) ?? new Map(), this.now());
    }
  }

  /**
   * Forgets tenants that are not among these any more, or not with the same project, once none of their jobs count.
   * @returns those that are forgotten and not among these with another project
   */
  keep(tenants: readonly BudgetedTenant[]): string[] {
    const kept = new Map(tenants.map(({ tenant, project }) => [tenant, project]));
    const forgotten: string[] = [];
    for (const [project, byTenant] of this.projects) {
      for (const tenant of byTenant.keys()) {
        if (kept.get(tenant) === project || this.ofTenant({ project, tenant }) > 0) continue;
        byTenant.delete(tenant);
        if (!kept.has(tenant)) forgotten.push(tenant);
      }
      if (byTenant.size === 0) this.projects.delete(project);
    }
    return forgotten;
  }

  private tablesOf({ project, tenant }: BudgetedTenant): Tables {
    let tenants = this.projects.get(project);
    if (tenants === undefined) this.projects.set(project, (tenants = new Map<string, Tables>()));
    let tables = tenants.get(tenant);
    if (tables === undefined) {
      tables = { events: new LoadCounts(), 'user-properties': new LoadCounts(), decisions: new LoadCounts() };
      tenants.set(tenant, tables);
    }
    return tables;
  }
}
