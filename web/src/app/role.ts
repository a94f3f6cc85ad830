/** Somebody has given me another role, or taken it: this page shows what I may do from now on. */
import { api } from './account';
import { listen } from './socket';

listen({
  up() {},
  down() {},
  event({ name }) {
    // Should it fail: the next token says it.
    if (name === 'account-changed') void api.session.renew().catch(() => undefined);
  },
});
