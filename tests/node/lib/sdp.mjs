// Session descriptions and candidates as browsers make them, written for these tests: every place where an address
// can hide has one.

/** Addresses that belong to nobody the server sees (documentation and private ranges). */
export const HIDDEN = ['192.168.77.5', '10.99.0.3', '172.20.30.40', '198.51.100.77', 'fd12:3456::7', '2001:db8:77::9'];
/** Addresses that may be told: of a relay, and the reflexive one. */
export const SRFLX = '203.0.113.9';
export const RELAY = '198.51.100.200';

const PRIO = { host: 2122260223, srflx: 1686052607, relay: 41885439 };

export const host = (address, port = 50_001, tcp = false) =>
  tcp
    ? `candidate:1467250027 1 tcp 1518280447 ${address} 9 typ host tcptype active generation 0 ufrag Vq1x network-id 1`
    : `candidate:842163049 1 udp ${PRIO.host} ${address} ${port} typ host generation 0 ufrag Vq1x network-id 1 network-cost 10`;
export const srflx = (address, base, port = 50_001) =>
  `candidate:3350409123 1 udp ${PRIO.srflx} ${address} ${port} typ srflx raddr ${base} rport ${port} generation 0 ufrag Vq1x network-id 1`;
export const relay = (address, base, port = 61_000) =>
  `candidate:2157334355 1 udp ${PRIO.relay} ${address} ${port} typ relay raddr ${base} rport 50001 generation 0 ufrag Vq1x network-id 1`;

/** An audio and video description of a browser with several networks. */
export function description({ setup = 'actpass', candidates = everyKind(), origin = '192.168.77.5' } = {}) {
  const media = (kind, mid, payloads, lines) => [
    `m=${kind} 50001 UDP/TLS/RTP/SAVPF ${payloads}`,
    `c=IN IP4 ${SRFLX}`,
    `a=rtcp:9 IN IP4 10.99.0.3`,
    ...(mid === '0' ? candidates.map((candidate) => `a=${candidate}`) : []),
    'a=ice-ufrag:Vq1x',
    'a=ice-pwd:x3mW7kq0cS2Jg9TtB1nYp5Ld',
    'a=ice-options:trickle',
    'a=fingerprint:sha-256 8F:1C:52:9E:0B:77:D4:A0:3E:69:5C:12:FB:84:2D:90:C7:38:E1:4A:66:9B:05:F3:7E:21:AD:58:BC:10:94:EF',
    `a=setup:${setup}`,
    `a=mid:${mid}`,
    'a=sendrecv',
    'a=rtcp-mux',
    ...lines,
  ];
  return [
    'v=0',
    `o=- 4215775240449105457 2 IN IP4 ${origin}`,
    's=-',
    't=0 0',
    'a=group:BUNDLE 0 1',
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS 6f1f0c6e',
    ...media('audio', '0', '111 63', [
      'a=msid:6f1f0c6e 0a7a5e0e',
      'a=rtpmap:111 opus/48000/2',
      'a=fmtp:111 minptime=10;useinbandfec=1',
      'a=rtpmap:63 red/48000/2',
      'a=fmtp:63 111/111',
      'a=ssrc:2713465191 cname:kQ0Zr1v6',
    ]),
    ...media('video', '1', '96 97', [
      'a=msid:6f1f0c6e b93fd8a0',
      'a=rtpmap:96 VP8/90000',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtcp-fb:96 transport-cc',
      'a=rtpmap:97 rtx/90000',
      'a=fmtp:97 apt=96',
      'a=ssrc-group:FID 1338218741 2094102330',
      'a=ssrc:1338218741 cname:kQ0Zr1v6',
      'a=ssrc:2094102330 cname:kQ0Zr1v6',
    ]),
    '',
  ].join('\r\n');
}

export const everyKind = () => [
  ...HIDDEN.map((address) => host(address)),
  host('192.168.77.5', 9, true),
  host('3f0f6d2e-6d0b-4c7e-9d0c-2d9d4ad2b4f1.local'),
  srflx(SRFLX, '192.168.77.5'),
  relay(RELAY, SRFLX),
];

/** Every address literal in a text: IPv4 (also inside IPv6) and IPv6. Times and fingerprints aren't taken for one. */
export function literals(text) {
  const v4 = text.match(/(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/g) ?? [];
  const v6 = text
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('a=fingerprint') && !line.startsWith('a=msid'))
    .flatMap((line) => line.match(/(?<![\w:.])[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:.]*(?![\w:])/gi) ?? [])
    .filter((word) => word.length > 2);
  return [...v4, ...v6];
}
