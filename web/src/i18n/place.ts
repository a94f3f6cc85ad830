/** Words of the parts of the console that are for admins: they come with them. */
import { language } from '.';

const en = {
  range: 'Days',
  range_7: '7 days',
  range_30: '30 days',
  range_90: '90 days',
  span: '{from} to {to}, days in UTC. Today counts up to now.',
  few: 'Times are told from five values on, and are at most 5 % off.',
  table: 'As a table',
  day: 'Day',
  none: '–',
  noData: 'Nothing to show in these days.',
  of: '{title}: {unit}',
  arrows: 'Left and right go from day to day',
  p50: 'half within',
  p95: '95 of 100 within',
  calls: 'Calls',
  callsUnit: 'calls of two a day, by when they ended',
  random: 'with strangers',
  friends: 'among friends',
  groupStays: 'Stays in group rooms: {n}, {abrupt} of them ended abruptly',
  duration: 'Length of calls',
  durationUnit: 'from when both are in to the end',
  abrupt: 'Abrupt disconnects',
  abruptUnit: 'calls of a hundred that nobody meant to end',
  abruptOf: '{share} ({n} of {all})',
  reports: 'Reports',
  reportsUnit: 'per thousand calls of two',
  reportsOf: 'Reports in all: {n}, about calls of two: {calls}',
  wait: 'Wait for a match',
  waitUnit: 'search of those who were matched',
  byRules: 'Time to action: rules',
  byRulesUnit: 'from the first thing noticed to the act',
  byPeople: 'Time to action: people',
  byPeopleUnit: 'from the opening of a case to a decision',
  values: 'Values: {n}',
  stars: 'Ratings: {average} of 5 stars ({n})',
  starsFew: 'Ratings: {n}',
  overturned: 'Decisions taken back, by rule',
  overturnedUnit: 'of what was decided in these days, so far',
  rule: 'Rule',
  decisions: 'Decisions',
  takenBack: 'Taken back',
  share: 'Share',
  takenBackOf: '{n} of {all} ({share})',
  noRules: 'Nothing was decided in these days.',
  people: 'Users and roles',
  lookUp: 'Look somebody up',
  who: 'Email, private ID or ID',
  whole: 'All of it: a part finds nobody.',
  why: 'Why?',
  whyHint: 'Written down, with who looks, before anything is shown.',
  look: 'Look up',
  nobody: 'Nobody has that address or ID.',
  role: 'Role',
  role_user: 'User',
  role_moderator: 'Moderator',
  role_admin: 'Admin',
  may_user: 'No more than everybody may.',
  may_moderator: 'Sees cases, what people reported, and blurred pictures; decides about people.',
  may_admin: 'All that moderators may, and figures, look-ups and roles, yours too.',
  suspended: 'Suspended until {until} ({rule})',
  band: 'Reputation',
  since: 'Here since',
  privateId: 'Private ID',
  id: 'ID',
  ownRole: 'Your own role is changed by another admin.',
  change: 'Change role',
  sure: 'Change the role of {name} to “{role}”?',
  changed: '{name} is “{role}” from now on.',
} as const;

export type PlaceKey = keyof typeof en;

const de: Record<PlaceKey, string> = {
  range: 'Tage',
  range_7: '7 Tage',
  range_30: '30 Tage',
  range_90: '90 Tage',
  span: '{from} bis {to}, Tage in UTC. Heute zählt bis jetzt.',
  few: 'Zeiten werden ab fünf Werten genannt und weichen höchstens 5 % ab.',
  table: 'Als Tabelle',
  day: 'Tag',
  none: '–',
  noData: 'In diesen Tagen gibt es nichts zu zeigen.',
  of: '{title}: {unit}',
  arrows: 'Links und rechts gehen von Tag zu Tag',
  p50: 'die Hälfte binnen',
  p95: '95 von 100 binnen',
  calls: 'Gespräche',
  callsUnit: 'Gespräche zu zweit am Tag, nach ihrem Ende',
  random: 'mit Fremden',
  friends: 'unter Freunden',
  groupStays: 'Aufenthalte in Gruppenräumen: {n}, davon {abrupt} jäh beendet',
  duration: 'Länge der Gespräche',
  durationUnit: 'von dem Moment, da beide da sind, bis zum Ende',
  abrupt: 'Abgerissene Verbindungen',
  abruptUnit: 'Gespräche von hundert, die niemand beenden wollte',
  abruptOf: '{share} ({n} von {all})',
  reports: 'Meldungen',
  reportsUnit: 'auf tausend Gespräche zu zweit',
  reportsOf: 'Meldungen insgesamt: {n}, zu Gesprächen zu zweit: {calls}',
  wait: 'Warten auf jemanden',
  waitUnit: 'Suche derer, die jemanden fanden',
  byRules: 'Zeit bis zur Handlung: Regeln',
  byRulesUnit: 'vom ersten Bemerken bis zur Handlung',
  byPeople: 'Zeit bis zur Handlung: Menschen',
  byPeopleUnit: 'vom Öffnen eines Falls bis zur Entscheidung',
  values: 'Werte: {n}',
  stars: 'Bewertungen: {average} von 5 Sternen ({n})',
  starsFew: 'Bewertungen: {n}',
  overturned: 'Zurückgenommene Entscheidungen, nach Regel',
  overturnedUnit: 'von dem, was in diesen Tagen entschieden wurde, bisher',
  rule: 'Regel',
  decisions: 'Entscheidungen',
  takenBack: 'Zurückgenommen',
  share: 'Anteil',
  takenBackOf: '{n} von {all} ({share})',
  noRules: 'In diesen Tagen wurde nichts entschieden.',
  people: 'Personen und Rollen',
  lookUp: 'Jemanden nachschlagen',
  who: 'E-Mail, private ID oder ID',
  whole: 'Ganz: Ein Teil findet niemanden.',
  why: 'Warum?',
  whyHint: 'Wird aufgeschrieben, auch wer nachschlägt, bevor etwas gezeigt wird.',
  look: 'Nachschlagen',
  nobody: 'Niemand hat diese Adresse oder ID.',
  role: 'Rolle',
  role_user: 'Nutzer',
  role_moderator: 'Moderator',
  role_admin: 'Admin',
  may_user: 'Nicht mehr, als alle dürfen.',
  may_moderator: 'Sieht Fälle, Meldungen und unscharfe Bilder; entscheidet über Leute.',
  may_admin: 'Alles, was Moderatoren dürfen, und Zahlen, Nachschlagen und Rollen, auch deine.',
  suspended: 'Gesperrt bis {until} ({rule})',
  band: 'Ruf',
  since: 'Hier seit',
  privateId: 'Private ID',
  id: 'ID',
  ownRole: 'Deine eigene Rolle ändert ein anderer Admin.',
  change: 'Rolle ändern',
  sure: 'Die Rolle von {name} zu „{role}“ ändern?',
  changed: '{name} ist ab jetzt „{role}“.',
};

/** In every language, for the tests. */
export const PLACE: Record<'en' | 'de', Record<PlaceKey, string>> = { en, de };

export function p(key: PlaceKey, values: Record<string, string | number> = {}): string {
  return PLACE[language.value][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

const number = (options: Intl.NumberFormatOptions): Intl.NumberFormat => new Intl.NumberFormat(language.value, options);

export const count = (n: number): string => number({ maximumFractionDigits: 1 }).format(n);
export const percent = (of100: number): string => number({ style: 'percent', maximumFractionDigits: 1 }).format(of100 / 100);

const STEPS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** How long something took, in the unit in which it is a small number: `3.1 sec`, `12 min`. */
export function span(ms: number): string {
  const [unit, of] = STEPS.find(([, of]) => ms >= of) ?? STEPS[3];
  const value = ms / of;
  return number({ style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

/** `29 Nov`. */
export const dayWords = (day: string): string =>
  new Intl.DateTimeFormat(language.value, { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
