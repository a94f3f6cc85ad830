/** Accounts and roles, as admins see them (docs/protocol.md). */
import type { Api } from './api';
import type { Card, Me } from './types';

export type Role = Me['role'];

export interface Account {
  card: Card;
  privateId: string;
  role: Role;
  createdAt: string;
  suspended?: { until: string; rule: string };
}

export class Place {
  constructor(private readonly api: Api) {}

  /** By all of an address or id; why is written down. */
  find(who: string, reason: string): Promise<Account> {
    return this.api.ask('POST', '/api/admin/users/find', { who, reason });
  }
  setRole(id: string, role: Role, reason: string): Promise<Account> {
    return this.api.ask('PUT', `/api/admin/users/${encodeURIComponent(id)}/role`, { role, reason });
  }
}
