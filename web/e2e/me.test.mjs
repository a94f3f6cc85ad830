// What belongs to a person: how a call was.

import { after, before, describe, test } from 'node:test';

import { startServer } from '../../tests/node/lib/server.mjs';
import { accessible } from './lib/axe.mjs';
import { person } from './lib/people.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

describe('a random call', () => {
  test('is rated by whoever likes', { timeout: 120_000 }, async (t) => {
    const [carla, dan] = await Promise.all([person(t, server, 'carla'), person(t, server, 'dan')]);
    await Promise.all([carla, dan].map((one) => one.search()));
    await Promise.all([carla, dan].map((one) => one.reaches('live')));
    await carla.button('Stop').click();
    await carla.button('4 of 5 stars').click();
    await carla.page.getByText('Thank you.').waitFor();
    await carla.picture('chat-rated');
    await accessible(carla, 'rated');
    carla.assertNoProblems();
  });
});
