/** What can be asked for in a dialog. Report and block are about whoever was there when they were opened. */
import { block, report } from '../../app/random';
import type { Met } from '../../state/chat';
import { t } from '../../i18n';
import { Block, Report } from '../report';
import { Help, type KeyWords, MyDevices } from '../settings';

const KEYS: KeyWords[] = [
  ['Esc', 'keysEsc'], ['M', 'keysM'], ['V', 'keysV'], ['R', 'keysR'], ['T', 'keysT'], ['Enter', 'keysEnter'], ['?', 'keysHelp'],
];

export type Ask = 'report' | 'block' | 'devices' | 'help';
export type Open = { ask: 'report' | 'block'; about: Met } | { ask: 'devices' | 'help' } | null;

/** What opens for a wish: nothing if it is about somebody, and nobody was met. */
export function opened(ask: Ask, met: Met | null): Open {
  if (ask === 'devices' || ask === 'help') return { ask };
  return met && { ask, about: met };
}

export function Dialogs({ open, close }: { open: Open; close: () => void }) {
  switch (open?.ask) {
    case 'report': {
      const { about } = open;
      return <Report name={about.peer.displayName} intro="reportIntro" act={(reason, note) => report(about, reason, note)} close={close} />;
    }
    case 'block': {
      const { about } = open;
      return <Block name={about.peer.displayName} intro="blockIntro" act={() => block(about)} close={close} />;
    }
    case 'devices':
      return <MyDevices close={close} />;
    case 'help':
      return <Help keys={KEYS} words={t} close={close} />;
    case undefined:
      return null;
  }
}
