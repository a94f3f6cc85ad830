/** Figures of the place, by days (docs/protocol.md, figures). */
import type { Api } from './api';

export interface Percentiles {
  count: number;
  p50?: number;
  p95?: number;
}

export interface Told {
  calls: { random: number; friends: number };
  durationMs: Percentiles;
  abrupt: number;
  groupStays: number;
  abruptGroupStays: number;
  reports: number;
  reportsOfCalls: number;
  reportsPerThousandCalls?: number;
  matchWaitMs: Percentiles;
  actionMs: { rules: Percentiles; people: Percentiles };
  ratings: { count: number; average?: number };
}

export interface RuleFigures {
  rule: string;
  decisions: number;
  takenBack: number;
}

export interface Summary extends Told {
  from: string;
  to: string;
  rules: RuleFigures[];
}

export interface Day extends Told {
  day: string;
  over: boolean;
}

export class Figures {
  constructor(private readonly api: Api) {}

  summary(days: number): Promise<Summary> {
    return this.api.ask('GET', `/api/analytics/summary?days=${days}`);
  }
  async series(days: number): Promise<Day[]> {
    return (await this.api.ask<{ days: Day[] }>('GET', `/api/analytics/series?days=${days}`)).days;
  }
}
