import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, buildSync } from 'esbuild'
import { classifyFile, SAMPLE_BYTES } from './classifyFile.ts'
import { looksBundled } from './looksBundled.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** CommonJS packages and ES modules, as a product would use both. */
const ENTRY = `
import { Command } from 'commander'
import { SignJWT } from 'jose'
import yauzl from 'yauzl'
new Command().action(() => yauzl.open('a.zip', () => new SignJWT({}))).parse()`

function bundle(options: BuildOptions, contents = ENTRY): string {
  const stdin = { contents, resolveDir: root, loader: 'ts' as const }
  const built = buildSync({ stdin, bundle: true, platform: 'node', write: false, logLevel: 'error', ...options })
  return built.outputFiles?.[0]?.text ?? ''
}

/** As a formatter leaves it that knows nothing of the comments of a bundler. */
function spacedOut(text: string): string {
  const lines = text.split('\n').filter((line) => !/^\s*\/\/ (?:\.\.\/)*node_modules\//.test(line))
  return lines.join('\n').replace(/=>|===|!==|&&|\|\||(?<=[;{}])(?=\S)/g, ' $& ')
}

function kindOf(text: string, path = 'dist/server.js') {
  const bytes = Buffer.from(text)
  return classifyFile({ path, sample: bytes.subarray(0, SAMPLE_BYTES), sizeBytes: bytes.length, isExecutable: false })
}

describe('bundles of esbuild', () => {
  const short = { lineLimit: 80, legalComments: 'none' } as const
  const cases: readonly (readonly [string, BuildOptions])[] = [
    ['as it comes', {}],
    ['as an ES module', { format: 'esm' }],
    ['--minify', { minify: true }],
    ['--minify --line-limit=80 --legal-comments=none', { minify: true, ...short }],
    [
      '--minify with short lines, as an ES module behind a banner of a person',
      { minify: true, ...short, format: 'esm', banner: { js: '// Our own source, written by hand.\n'.repeat(100) } },
    ],
    ['--minify-whitespace --line-limit=80', { minifyWhitespace: true, ...short }],
    ['--minify-identifiers', { minifyIdentifiers: true, ...short }],
    ['--minify-syntax', { minifySyntax: true, ...short }],
  ]
  for (const [title, options] of cases) {
    it(title, () => {
      const text = bundle(options)
      assert.equal(kindOf(text), 'bundle')
      assert.equal(kindOf(spacedOut(text)), 'bundle', 'after a formatter')
      assert.equal(kindOf(text, 'dist/server'), 'bundle', 'under a name without an ending')
      assert.equal(kindOf(text, 'dist/server.dat'), 'bundle', 'under the name of data')
    })
  }

  it('of ES modules alone, minified', () => {
    const text = bundle({ minify: true, ...short }, "import { SignJWT } from 'jose'\nnew SignJWT({}).sign()")
    assert.equal(kindOf(text), 'bundle')
    assert.equal(kindOf(spacedOut(text)), 'bundle')
  })

  it('of which only the beginning is looked at', () => {
    const padding = `/* ${'our own source '.repeat(SAMPLE_BYTES / 15)} */\n`
    assert.equal(kindOf(padding + bundle({ minify: true, ...short })), 'bundle')
  })
})

describe('sources that people wrote', () => {
  const places = ['packages', 'tests', 'tools', 'bench', 'node_modules/oidc-provider/lib', 'node_modules/pino/lib']
  for (const place of places) {
    it(`none of ${place} is taken for a bundle`, () => {
      const sources = readdirSync(join(root, place), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((file) => !file.slice(root.length + place.length).includes('node_modules'))
        // These spell out what is looked for.
        .filter((file) => !/\/looksBundled(?:\.test)?\.ts$/.test(file))
      assert.ok(sources.length > 0)
      assert.deepEqual(
        sources.filter((file) => looksBundled(readFileSync(file, 'latin1'))),
        [],
      )
    })
  }

  it('nor what TypeScript or esbuild make of one file, nor text that is no program', () => {
    const source =
      "import { open } from 'yauzl'\nexport const read = (file: string) => open(file, { lazyEntries: true })\n"
    assert.equal(kindOf(bundle({ bundle: false, format: 'esm' }, source)), 'script')
    assert.equal(kindOf('(c) 2020 The authors. All rights reserved.\n'.repeat(2000), 'LICENSE'), 'data')
    assert.equal(kindOf(JSON.stringify({ sources: ['../node_modules/a/index.js'] }), 'server.js.map'), 'data')
    assert.equal(kindOf('#!/bin/sh\n[ "$a" = b ]&&c||d\n'.repeat(20), 'install'), 'script')
  })
})

it('module objects are recognised by what bundlers do with them, not by the word alone', () => {
  const loader = 'var c={},r=i=>c[i]?c[i].exports:(m[i](c[i]={exports:{}},c[i].exports,r),c[i].exports)'
  assert.equal(looksBundled(loader), true)
  assert.equal(looksBundled(loader.replaceAll(/[=?:,{}]/g, ' $& ')), true)
  assert.equal(looksBundled('const schema = { exports: {} }\nmodule.exports = schema\n'), false)
})
