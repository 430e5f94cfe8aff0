// Workers that share a port; threads, children and files on demand; who dies is started again
const cluster = require('cluster'), http = require('http'), fs = require('fs'), os = require('os'), path = require('path');
const { execFile } = require('child_process');
const { Worker, isMainThread, parentPort } = require('worker_threads');
if (!isMainThread) {
  parentPort.postMessage('thread');
} else if (cluster.isPrimary) {
  for (let i = 0; i < 2; i++) cluster.fork();
  cluster.on('exit', () => cluster.fork());
  process.on('SIGHUP', () => { for (const id in cluster.workers) cluster.workers[id].kill(); });
} else {
  const answers = {
    '/': (say) => say('node'),
    '/pid': (say) => say(process.pid),
    '/thread': (say) => new Worker(__filename).on('message', say).on('error', (e) => say(e.message)),
    '/child': (say) => execFile('id', ['-un'], (e, out) => say(e ? e.message : out.trim())),
    '/file': (say) => fs.writeFile('/data/part', 'kept', (e) => e ? say(e.message) : fs.rename('/data/part', '/data/file', (e) => say(e ? e.message : fs.readFileSync('/data/file', 'utf8')))),
    '/temporary': (say) => fs.mkdtemp(path.join(os.tmpdir(), 'x'), (e) => say(e ? e.message : 'made')),
    '/packed': (say) => say(require('zlib').gzipSync('x'.repeat(100000)).length < 1000),
    '/hash': (say) => require('crypto').pbkdf2('a', 'b', 1000, 16, 'sha256', (e, k) => say(k.length)),
    '/crash': () => process.exit(1),
  };
  http.createServer((request, reply) => {
    const answer = answers[request.url];
    answer ? answer((text) => reply.end(String(text))) : (reply.statusCode = 404, reply.end());
  }).listen(8080);
}
