/** A browser's long name for itself, as a person would say it. */
const BROWSERS: [RegExp, string][] = [
  [/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/OPR\//, 'Opera'], [/Chrom(e|ium)\//, 'Chrome'], [/Safari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/Linux/, 'Linux'],
];

export function nameOf(agent: string): string {
  const find = (names: [RegExp, string][]): string => names.find(([like]) => like.test(agent))?.[1] ?? '';
  return [find(BROWSERS), find(SYSTEMS)].filter(Boolean).join(', ');
}
