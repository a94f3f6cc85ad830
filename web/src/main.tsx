import './style/base.css';
import './style/pages.css';
import './style/chat.css';

import { render } from 'preact';

import { boot } from './app';
import { setLanguage, language } from './i18n';
import { App } from './ui/app';

const root = document.getElementById('app');
if (root) {
  setLanguage(language.value);
  render(<App />, root);
  void boot();
}
