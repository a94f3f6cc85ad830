/** What moderators ask of the server (docs/protocol.md, moderation). */
import type { Api } from './api';
import type { AppealState, Concern, Modality, ReportReason, Words } from './types';

export type CaseKind = 'reported' | 'noticed' | 'minor';
export type CaseStanding = 'open' | 'decided' | 'appealed' | 'final';
export type Measure = 'none' | 'warn' | 'remove' | 'suspend';

export interface Exposure {
  seconds: number;
  limitSeconds: number;
}

export interface CaseRow {
  id: string;
  userId: string;
  state: CaseStanding;
  priority: number;
  reported: boolean;
  noticed: boolean;
  minor: boolean;
  openedAt: string;
  mineUntil?: string;
  held: boolean;
}

export interface CasePage {
  cases: CaseRow[];
  cursor?: string;
  exposure: Exposure;
}

export interface SignalRow {
  id: string;
  at: string;
  concern: Concern;
  modality: Modality;
  score: number;
  scores: [string, number][];
  server: boolean;
}

export interface DecisionRow {
  id: string;
  at: string;
  action: string;
  concern: Concern;
  rule: string;
  version: string;
  automated: boolean;
  dryRun: boolean;
  mine: boolean;
  facts: string[];
  until?: string;
  note?: string;
  overturnedAt?: string;
}

export interface ReportRow {
  id: string;
  at: string;
  reason: ReportReason;
  note?: string;
  roomId: string;
  reporterId: string;
  credibility: number;
  unfounded: number;
  founded: number;
  provoked: boolean;
}

export interface EvidenceRow {
  id: string;
  kind: 'picture' | 'transcript';
  source: string;
  at: string;
  expiresAt: string;
  held: boolean;
}

export interface AppealView {
  appeal: AppealState;
  caseId: string;
  userId: string;
  text: string;
  decision: DecisionRow;
}

export interface CaseView {
  case: CaseRow;
  signals: SignalRow[];
  decisions: DecisionRow[];
  reports: ReportRow[];
  evidence: EvidenceRow[];
  appeals: AppealView[];
  earlier: DecisionRow[];
  brigade: boolean;
  baiting: boolean;
  undoUntil?: string;
  suggestedHours: number;
  exposure: Exposure;
}

export interface Verdict {
  action: Measure;
  reason: Concern;
  hours?: number;
  note?: string;
}

export interface Decided {
  decisionId?: string;
  statement?: Words;
  until?: string;
  undoUntil?: string;
}

const at = (path: string): string => `/api/moderation/${path}`;
const named = (id: string): string => encodeURIComponent(id);

export class Desk {
  constructor(private readonly api: Api) {}

  cases(state: CaseStanding, kind: CaseKind | null, cursor?: string): Promise<CasePage> {
    const query = new URLSearchParams({ state, ...(kind ? { kind } : {}), ...(cursor ? { cursor } : {}) });
    return this.api.ask('GET', at(`cases?${query}`));
  }
  case(id: string): Promise<CaseView> {
    return this.api.ask('GET', at(`cases/${named(id)}`));
  }
  /** A piece of evidence; why it is looked at is written down before it is sent. */
  evidence(id: string, piece: EvidenceRow, reason: string): Promise<Blob> {
    const what = piece.kind === 'picture' ? 'snapshot' : 'transcript';
    return this.api.file(at(`cases/${named(id)}/${what}?${new URLSearchParams({ reason, evidence: piece.id })}`));
  }
  preview(id: string, verdict: Verdict): Promise<Decided> {
    return this.api.ask('POST', at(`cases/${named(id)}/decision/preview`), verdict);
  }
  decide(id: string, verdict: Verdict): Promise<Decided> {
    return this.api.ask('POST', at(`cases/${named(id)}/decision`), verdict);
  }
  giveBack(id: string): Promise<void> {
    return this.api.ask('DELETE', at(`cases/${named(id)}/lease`));
  }
  undo(id: string): Promise<void> {
    return this.api.ask('POST', at(`cases/${named(id)}/decision/undo`));
  }
  looked(seconds: number): Promise<Exposure> {
    return this.api.ask('POST', at('exposure'), { seconds });
  }
  appeals(cursor?: string): Promise<{ appeals: AppealView[]; cursor?: string }> {
    return this.api.ask('GET', at(`appeals${cursor ? `?${new URLSearchParams({ cursor })}` : ''}`));
  }
  judge(id: string, overturn: boolean, note: string): Promise<void> {
    const words = note.trim();
    return this.api.ask('POST', at(`appeals/${named(id)}/decision`), { overturn, ...(words ? { note: words } : {}) });
  }
}
