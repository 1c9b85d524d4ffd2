import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, buildSync } from 'esbuild'
import { type Files, installPackages, packed, productFiles, type Unclean } from './product.ts'

/** How esbuild is asked: as it comes, and each time with more of what shows a bundle taken away. */
const FORMS: readonly (readonly [words: string, options: BuildOptions])[] = [
  ['', {}],
  [' (--minify)', { minify: true }],
  [' (--minify --line-limit=80 --legal-comments=none)', { minify: true, lineLimit: 80, legalComments: 'none' }],
  [
    ' (the same as an ES module, behind a banner)',
    {
      ...{ minify: true, lineLimit: 80, legalComments: 'none', format: 'esm' },
      banner: { js: '// Our own source, written by hand.\n'.repeat(50) },
    },
  ],
]

/**
 * http-server as it is published, put into one file by esbuild: declared as the product's own source, and not. `files` is a
 * product that would be certified, so the bundle is the one thing that is wrong. In the last row it is all there is.
 */
export async function bundledCode(files: Files, folder: string): Promise<Unclean[]> {
  await installPackages(folder, { 'http-server': '14.1.1' })
  const rows = FORMS.flatMap(([words, options]): Unclean[] => {
    const server = bundle(folder, options)
    const input = `http-server, bundled into one file by esbuild${words}`
    return [
      {
        input: `${input}, declared as first-party source`,
        expectedCode: 'gap.bundled-code',
        bytes: packed({ ...files, 'server.js': server }),
      },
      {
        input: `${input}, not declared`,
        expectedCode: 'gap.bundled-code',
        bytes: packed({ ...files, 'dist/http-server.js': server }),
      },
    ]
  })
  return [
    ...rows,
    {
      input: 'http-server, bundled into one file by esbuild, and no package beside it',
      expectedCode: 'gap.bundled-code gap.nothing-found',
      bytes: packed({ ...productFiles({}, 'pump', '1.0.0'), 'server.js': bundle(folder, {}) }),
    },
  ]
}

function bundle(folder: string, options: BuildOptions): Uint8Array {
  const { outputFiles = [] } = buildSync({
    entryPoints: [path.join(folder, 'node_modules', 'http-server', 'bin', 'http-server')],
    ...{ bundle: true, platform: 'node', write: false, logLevel: 'error', loader: { '': 'js' } },
    // An optional package of a dependency, which is not installed.
    external: ['spdy'],
    ...options,
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error('esbuild made nothing')
  return file.contents
}

/** The machine code of esbuild, as an addon that no package brought. */
export function nativeAddon(): Uint8Array {
  const program = `@esbuild/${process.platform}-${process.arch}/bin/esbuild`
  return readFileSync(fileURLToPath(import.meta.resolve(program))).subarray(0, 65_536)
}
