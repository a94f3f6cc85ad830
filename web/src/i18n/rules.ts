/** The rules of the place in plain words, by the ids that decisions name. They come with their page. */
import { language } from '.';

type Words = Record<'en' | 'de', string>;

interface Rule {
  id: string;
  words: Words;
}

/** Of the terms, as decisions name it. */
export const VERSION = 'terms-1';

/** What people decide by. */
export const TERMS: Rule[] = [
  { id: 'terms-nudity', words: { en: 'No nudity and no sexual acts in calls with strangers.', de: 'Keine Nacktheit und keine sexuellen Handlungen in Gesprächen mit Fremden.' } },
  { id: 'terms-weapon', words: { en: 'Don’t show weapons, or what looks like one.', de: 'Zeig keine Waffen und nichts, was wie eine aussieht.' } },
  { id: 'terms-violence', words: { en: 'No violence: neither done nor shown.', de: 'Keine Gewalt: weder getan noch gezeigt.' } },
  { id: 'terms-harassment', words: { en: 'No insults, threats or hate.', de: 'Keine Beleidigungen, keine Drohungen, kein Hass.' } },
  { id: 'terms-spam', words: { en: 'No advertising and no fraud.', de: 'Keine Werbung, kein Betrug.' } },
  { id: 'terms-minor', words: { en: 'Nobody under 18. Whoever seems younger is suspended, and an appeal clears it up.', de: 'Niemand unter 18. Wer jünger scheint, wird gesperrt; ein Widerspruch klärt es.' } },
  { id: 'terms-other', words: { en: 'Nothing else that hurts others; whoever decides can say in a few words what it was.', de: 'Auch sonst nichts, was anderen schadet; wer entscheidet, kann in ein paar Worten sagen, was es war.' } },
];

/** What programs look for, and what follows. */
export const PROGRAMS: Rule[] = [
  { id: 'nudity-picture', words: { en: 'Pictures of camera or screen: nudity or sexual acts. Once: a warning, and others see you blurred. Twice within a minute: out of the call.', de: 'Bilder von Kamera oder Bildschirm: Nacktheit oder sexuelle Handlungen. Einmal: eine Warnung, und andere sehen dich unscharf. Zweimal in einer Minute: aus dem Gespräch.' } },
  { id: 'violence-picture', words: { en: 'Pictures: violence. Once: a warning and a blur. Twice within a minute: out of the call.', de: 'Bilder: Gewalt. Einmal: eine Warnung, und andere sehen dich unscharf. Zweimal in einer Minute: aus dem Gespräch.' } },
  { id: 'weapon-picture', words: { en: 'Pictures: something like a weapon. Once: a warning. Twice within a minute: a blur.', de: 'Bilder: etwas wie eine Waffe. Einmal: eine Warnung. Zweimal in einer Minute: Andere sehen dich unscharf.' } },
  { id: 'violence-sound', words: { en: 'Sounds as of shots or screams. Once: nothing. Twice within a minute: a warning.', de: 'Geräusche wie Schüsse oder Schreie. Einmal: nichts. Zweimal in einer Minute: eine Warnung.' } },
  { id: 'hostile-speech', words: { en: 'What is said: insults, threats or hate. Once: a warning. Twice within two minutes: muted.', de: 'Was gesagt wird: Beleidigungen, Drohungen oder Hass. Einmal: eine Warnung. Zweimal in zwei Minuten: stumm.' } },
  { id: 'hostile-text', words: { en: 'What is written: insults, threats or hate. Once: a warning. Twice within five minutes: out of the call.', de: 'Was geschrieben wird: Beleidigungen, Drohungen oder Hass. Einmal: eine Warnung. Zweimal in fünf Minuten: aus dem Gespräch.' } },
  { id: 'evasion-device', words: { en: 'A new account in the browser of somebody who is suspended: suspended until the same day.', de: 'Ein neues Konto im Browser von jemandem, der gesperrt ist: gesperrt bis zum selben Tag.' } },
  { id: 'evasion-network', words: { en: 'A new account in the network of somebody who was suspended in the last three days, and that others don’t use: suspended until the same day.', de: 'Ein neues Konto im Netz von jemandem, der in den letzten drei Tagen gesperrt wurde, und das andere nicht nutzen: gesperrt bis zum selben Tag.' } },
];

const WORDS = {
  intro: {
    en: 'They hold for everybody. Every decision names the rule that it rests on.',
    de: 'Sie gelten für alle. Jede Entscheidung nennt die Regel, auf der sie beruht.',
  },
  people: { en: 'What people decide by', de: 'Wonach Menschen entscheiden' },
  peopleHint: {
    en: 'Version {version}. A moderator warns, finds a removal right, or suspends for up to a year. Among friends people decide themselves, but nobody under 18 may be involved.',
    de: 'Fassung {version}. Wer moderiert, verwarnt, findet ein Herausnehmen richtig oder sperrt für bis zu ein Jahr. Unter Freunden entscheiden die Leute selbst, aber niemand unter 18 darf beteiligt sein.',
  },
  programs: { en: 'What programs look for', de: 'Wonach Programme suchen' },
  programsHint: {
    en: 'In calls that programs look at. Two signs count as two only if they are some seconds apart, or were noticed in two ways. Whoever is taken out again within 90 days is suspended: for a day, a week, thirty days.',
    de: 'In Gesprächen, die Programme ansehen. Zwei Zeichen zählen nur als zwei, wenn einige Sekunden dazwischen liegen oder sie auf zwei Arten bemerkt wurden. Wer in 90 Tagen wieder herausgenommen wird, wird gesperrt: einen Tag, eine Woche, dreißig Tage.',
  },
  own: {
    en: 'Whoever runs this place may have set these otherwise; the version in your decision says by which they went.',
    de: 'Wer diesen Ort betreibt, kann sie anders gesetzt haben; die Fassung in deiner Entscheidung sagt, nach welchen es ging.',
  },
  wrong: {
    en: 'Programs err, and people do. Every decision can be appealed for 184 days, free of charge, on your profile; somebody else looks at it.',
    de: 'Programme irren, Menschen auch. Jeder Entscheidung kannst du 184 Tage lang auf deinem Profil kostenlos widersprechen; jemand anderes sieht sie sich an.',
  },
} satisfies Record<string, Words>;

export const r = (key: keyof typeof WORDS): string => WORDS[key][language.value].replace('{version}', VERSION);
export const ruleWords = ({ words }: Rule): string => words[language.value];
