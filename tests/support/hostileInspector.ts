/** An inspector that an attacker took over: tries everything, and says on standard output what it got. Argument: see `attacks`. */
import { spawnSync } from 'node:child_process'
import { fstatSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs'
import { connect } from 'node:net'

const got: string[] = []

async function attempt(name: string, work: () => unknown): Promise<void> {
  try {
    const value = await work()
    if (value !== false) got.push(name)
  } catch {
    // Refused, which is what the test hopes for.
  }
}

function reach(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
  return promise
}

const input = Buffer.alloc(4096)
const order = JSON.parse(input.subarray(0, readSync(0, input)).toString()) as {
  attack: 'look around' | 'memory' | 'loop' | 'flood'
  keyPath: string
  port: number
  parent: number
}

switch (order.attack) {
  case 'memory': {
    const held: Uint8Array[] = []
    for (let megabytes = 0; megabytes < 4096; megabytes += 64) held.push(new Uint8Array(64 * 1024 * 1024).fill(1))
    got.push(`memory of ${held.length * 64} MB`)
    break
  }
  case 'loop':
    for (;;) Math.random()
  case 'flood':
    for (;;) writeSync(1, Buffer.alloc(1024 * 1024))
  default:
    await attempt('system file', () => readFileSync('/etc/passwd'))
    await attempt('key of the validator', () => readFileSync(order.keyPath))
    await attempt('folders', () => readdirSync('/'))
    await attempt('loopback', () => reach(order.port))
    await attempt('process', () => spawnSync('/bin/sh', ['-c', 'exit 0']).error === undefined)
    await attempt('parent', () => process.ppid > 1 && process.kill(process.ppid, 0))
    await attempt('validator by its id', () => process.kill(order.parent, 0))
    await attempt('environment', () =>
      Object.keys(process.env).some((name) => name !== 'PWD' && name !== '_' && name !== 'SHLVL' && name !== 'OLDPWD'),
    )
    for (let descriptor = 3; descriptor < 64; descriptor++) {
      await attempt(`descriptor ${descriptor}`, () => fstatSync(descriptor).isFile())
    }
}
writeSync(1, JSON.stringify({ got }))
