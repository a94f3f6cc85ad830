import './style/base.css';
import './style/away.css';
import './style/pages.css';
import './style/tiles.css';
import './style/chat.css';

import { render } from 'preact';

import { boot } from './app/account';
import { startClock } from './app/clock';
import './app/friends';
import './app/role';
import './app/sampling';
import { language, setLanguage } from './i18n';
import { App } from './ui/app';
import { keepFocus } from './ui/focus';

const root = document.getElementById('app');
if (root) {
  setLanguage(language.value);
  startClock();
  keepFocus();
  render(<App />, root);
  void boot();
}
