import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { completeLock, missingOptional } from './lockfile.ts'
import { treeRoot } from './tidy/tree.ts'

const incomplete = {
  lockfileVersion: 3,
  packages: {
    'node_modules/a': {
      version: '1.0.0',
      dev: true,
      license: 'MIT',
      optionalDependencies: { 'a-linux-x64': '1.0.0', 'a-linux-x64-musl': '1.0.0', 'a-win32-arm64': '1.0.0' },
    },
    'node_modules/a-linux-x64': { version: '1.0.0', integrity: 'sha512-x' },
  },
}

test('npm ci takes the lockfile: every optional dependency that it names is in it', () => {
  const lock = JSON.parse(readFileSync(path.join(treeRoot, 'package-lock.json'), 'utf8'))
  const missing = missingOptional(lock).map(({ key }) => key)
  assert.deepEqual(missing, [], 'run: node tools/completeLock.ts')
})

test('packages of other platforms are completed from their names, and what is there stays', () => {
  const { packages } = completeLock(incomplete)
  assert.deepEqual(packages['node_modules/a-linux-x64'], incomplete.packages['node_modules/a-linux-x64'])
  assert.deepEqual(packages['node_modules/a-linux-x64-musl'], {
    version: '1.0.0',
    cpu: ['x64'],
    dev: true,
    license: 'MIT',
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  })
  assert.deepEqual(missingOptional(completeLock(incomplete)), [])
})
