import { defineConfig } from 'vite';

// `npm run dev` talks to a server that `cargo xtask run` has started.
const SERVER = process.env['VISAVIS_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/api': SERVER, '/socket.io': { target: SERVER, ws: true } } },
});
