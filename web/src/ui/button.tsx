/** Buttons with a sign and a name: something to do, and something that is on or off. */
import type { LucideIcon } from 'lucide-preact';

interface ActionProps {
  icon: LucideIcon;
  name: string;
  press: () => void;
  primary?: boolean;
  off?: boolean;
}

export function Action({ icon: Icon, name, press, primary = false, off = false }: ActionProps) {
  return (
    <button type="button" class={primary && !off ? 'primary' : ''} disabled={off} onClick={press}>
      <Icon aria-hidden="true" />
      {name}
    </button>
  );
}

interface SwitchProps {
  on: boolean;
  icons: [LucideIcon, LucideIcon];
  name: string;
  press: () => void;
}

/** Its name stays the same; whether it is on is told by the pressed state and the sign. */
export function Switch({ on, icons: [On, Off], name, press }: SwitchProps) {
  const Icon = on ? On : Off;
  return (
    <button type="button" class={on ? 'switch' : 'switch is-off'} aria-pressed={on} onClick={press}>
      <Icon aria-hidden="true" />
      <span class="on-wide">{name}</span>
    </button>
  );
}

interface IconProps {
  icon: LucideIcon;
  name: string;
  press: () => void;
  class?: string;
}

/** For what is rarely needed: the sign alone, its name on demand. */
export function IconButton({ icon: Icon, name, press, class: more = '' }: IconProps) {
  return (
    <button type="button" class={`icon ${more}`} aria-label={name} title={name} onClick={press}>
      <Icon aria-hidden="true" />
    </button>
  );
}

interface ToggleProps {
  on: boolean;
  icon: LucideIcon;
  name: string;
  press: () => void;
  off?: boolean;
  class?: string;
  /** How many there are, or wait. */
  count?: number;
}

/** Something that isn't on most of the time: its being off is no warning. */
export function Toggle({ on, icon: Icon, name, press, off = false, class: more = '', count = 0 }: ToggleProps) {
  return (
    <button
      type="button"
      class={`icon toggle ${on ? 'is-on' : ''} ${more}`}
      aria-pressed={on}
      aria-label={name}
      title={name}
      data-count={count || undefined}
      disabled={off}
      onClick={press}
    >
      <Icon aria-hidden="true" />
    </button>
  );
}
