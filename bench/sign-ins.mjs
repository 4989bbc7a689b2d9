// How long a good sign-in waits while strangers try 300 a second from many addresses. Against a running Mycorr that
// trusts this machine as a proxy (MYCORR_TRUSTED_PROXIES=127.0.0.1):
//   BASE=http://127.0.0.1:8420 EMAIL=ada@example.com PASSWORD=… node bench/sign-ins.mjs
const { BASE: base = 'http://127.0.0.1:8420', EMAIL: email, PASSWORD: password, RATE = '300', SECONDS = '20' } = process.env;

const signIn = async (as, secret, address) => {
  const began = performance.now();
  const answer = await fetch(`${base}/api/v1/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify({ email: as, password: secret }),
  });
  await answer.arrayBuffer();
  return { status: answer.status, milliseconds: performance.now() - began };
};

const home = '198.51.100.7';
const first = await signIn(email, password, home);
if (first.status !== 200) throw new Error(`the good sign-in is answered with ${first.status}`);

const counts = {};
let sent = 0;
const flood = setInterval(() => {
  for (let n = 0; n < Number(RATE) / 20; n += 1, sent += 1) {
    const address = `203.${(sent >> 16) & 255}.${(sent >> 8) & 255}.${sent & 255}`;
    signIn(`stranger-${sent}@example.com`, 'wrong', address).then(
      ({ status }) => (counts[status] = (counts[status] ?? 0) + 1),
      () => (counts.broken = (counts.broken ?? 0) + 1),
    );
  }
}, 50);

const good = [];
const end = performance.now() + 1000 * Number(SECONDS);
while (performance.now() < end) {
  good.push(await signIn(email, password, home));
  await new Promise((done) => setTimeout(done, 200));
}
clearInterval(flood);
const times = good.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
const at = (part) => Math.round(times[Math.min(times.length - 1, Math.floor(part * times.length))]);
console.log(`${good.length} good sign-ins, ${good.filter(({ status }) => status === 200).length} answered with 200`);
console.log(`median ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`);
console.log(`${sent} of strangers: ${JSON.stringify(counts)}`);
