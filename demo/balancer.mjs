// What a load balancer does for the nodes of `demo/run cluster`: asks each whether it is ready, sends requests to those
// that are, and to another one where one does not answer: `node balancer.mjs PORT NODE_PORT…`, all on 127.0.0.1.
import http from 'node:http';

const [listen, ...nodes] = process.argv.slice(2).map(Number);
const host = '127.0.0.1';
const ready = new Set(nodes);
let turn = 0;

function look(port) {
  const request = http.get({ host, port, path: '/readyz', agent: false, timeout: 2000 }, (answer) => {
    answer.resume();
    if (answer.statusCode === 200) ready.add(port);
    else ready.delete(port);
  });
  request.on('timeout', () => request.destroy(new Error('timeout')));
  request.on('error', () => ready.delete(port));
}
for (const port of nodes) setInterval(look, 500, port);

http
  .createServer(async (request, response) => {
    const { method, url, headers } = request;
    const body = [];
    for await (const chunk of request) body.push(chunk);
    const tried = new Set();
    const forward = () => {
      const left = nodes.filter((port) => ready.has(port) && !tried.has(port));
      if (left.length === 0) return response.writeHead(503).end();
      const port = left[turn++ % left.length];
      tried.add(port);
      const node = http.request({ host, port, method, path: url, headers, agent: false }, (answer) => {
        response.writeHead(answer.statusCode, answer.rawHeaders);
        answer.pipe(response);
        answer.on('close', () => answer.complete || response.destroy());
        answer.on('error', () => response.destroy());
      });
      node.on('error', (error) => {
        if (response.headersSent) return response.destroy();
        // What may have been done is not asked for twice.
        if (error.code === 'ECONNREFUSED' || method === 'GET') forward();
        else response.writeHead(502).end();
      });
      response.on('close', () => node.destroy());
      node.end(Buffer.concat(body));
    };
    forward();
  })
  .listen(listen, host);
