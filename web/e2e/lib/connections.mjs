// Which way a visitor's media goes, by the page's own connections.

/** Runs in the page, before its own scripts: `window.connections` are all that it makes. */
export const CONNECTIONS = () => {
  const Real = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
};

/** The ways that a visitor's media has: each connection that isn't closed. */
export const ways = ({ page }) =>
  page.evaluate(() =>
    window.connections.filter((pc) => pc.connectionState !== 'closed').map((pc) => (pc.getTransceivers().length > 2 ? 'server' : 'direct')),
  );

/** What the newest connection's packets go by: `udp` or `tcp`. Only Chromium tells. */
export const carrier = ({ page }) =>
  page.evaluate(async () => {
    const all = [...(await window.__visavisPc.getStats()).values()];
    const of = (id) => all.find((report) => report.id === id);
    const pair = of(all.find(({ type }) => type === 'transport')?.selectedCandidatePairId);
    return of(pair?.localCandidateId)?.protocol;
  });
