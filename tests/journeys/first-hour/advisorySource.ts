/**
 * Serves a zip of OSV records as their publisher does: `https://<host>/npm/all.zip`. Arguments: the folder with `all.zip`,
 * `tls.pem` and `tls.key`. Says `ready` once it answers.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import path from 'node:path'

const folder = process.argv[2] ?? ''
const read = (name: string) => readFileSync(path.join(folder, name))
const zip = read('all.zip')

createServer({ cert: read('tls.pem'), key: read('tls.key') }, (asked, answer) => {
  if (asked.url !== '/npm/all.zip') {
    answer.writeHead(404).end()
    return
  }
  answer.writeHead(200, { 'content-type': 'application/zip', 'content-length': zip.length }).end(zip)
}).listen(443, '0.0.0.0', () => console.log('ready'))
