import { defineConfig, type ProxyOptions } from 'vite';

// `npm run dev` talks to a server that `cargo xtask run` has started.
const SERVER = process.env['VISAVIS_URL'] ?? 'http://127.0.0.1:8080';
// The server answers only pages of its own address.
const proxy: ProxyOptions = { target: SERVER, changeOrigin: true, headers: { origin: SERVER } };

export default defineConfig({
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/api': proxy, '/socket.io': { ...proxy, ws: true } } },
});
