import type { FileKind } from './listing.ts'
import { hasBundlerMarks, looksBundled } from './looksBundled.ts'
import { withoutHead } from './scriptShape.ts'

/** How much of a file `classifyFile` looks at. */
export const SAMPLE_BYTES: number = 1024 * 1024

/** What is known of a file when all of it has been read. */
export interface SampledFile {
  readonly path: string
  /** The first `SAMPLE_BYTES` bytes, or all. */
  readonly sample: Uint8Array
  readonly sizeBytes: number
  readonly isExecutable: boolean
}

const NATIVE_NAME =
  /\.(?:node|so(?:\.\d+)*|dylib|dll|exe|com|msi|jar|war|ear|aar|class|wasm|pyc|pyo|pyd|jsc|bc|dex|apk|o|a|lib)$/i
const ARCHIVE_NAME = /\.(?:zip|tar|tgz|t?gz|bz2|xz|zst|7z|rar|whl|egg|gem|nupkg|deb|rpm|crate|asar|cab|iso|br|lz4)$/i
const SCRIPT_NAME =
  /\.(?:[cm]?jsx?|[cm]?tsx?|vue|svelte|coffee|sh|bash|zsh|fish|ksh|csh|bat|cmd|ps1|psm1|vbs|wsf|hta|py|pyw|rb|pl|pm|php|phtml|lua|tcl|awk|groovy|r|jl|html?|xhtml|gyp|gypi|mk)$/i
const JAVASCRIPT_NAME = /\.[cm]?[jt]sx?$/i
const INSTALLED = /(?:^|\/)node_modules\//
const DECLARATIONS_NAME = /\.d\.[cm]?ts$/i
const SCRIPT_FILE = /^(?:makefile|rakefile|gemfile|jakefile|gruntfile|dockerfile|containerfile)$/i

// First bytes in hex. A Java class and a fat Mach-O share theirs.
const NATIVE_MAGIC =
  /^(?:7f454c46|4d5a|feedface|feedfacf|cefaedfe|cffaedfe|cafebabe|cafed00d|0061736d|4243c0de|1b4c7561|6465780a)/
const ARCHIVE_MAGIC =
  /^(?:504b0304|504b0506|1f8b|425a683[1-9]|fd377a585a00|28b52ffd|377abcaf271c|526172211a07|213c617263683e0a|04224d18|edabeedb|4d534346)/
const DATA_MAGIC =
  /^(?:89504e47|ffd8ff|474946383|52494646|49492a00|4d4d002a|424d|00000100|774f4646|774f4632|00010000|4f54544f|74746366|25504446|494433|fff[b3]|4f676753|664c6143|1a45dfa3|000000..66747970|53514c69746520666f726d61742033)/

/** How a JavaScript file begins behind its comments, whatever its name. */
const BEGINS_AS_CODE =
  /^(?:["']use strict["']|(?:var|let|const|function|class|async|import|export)\b|[(!;]|module\.exports\b|exports\.)/

/**
 * What a file is by name and first bytes. Which texts count as bundles says `looksBundled`; JavaScript that is larger than
 * what is looked at counts as one, because the rest of it could be. Text of no known name counts as data unless it is
 * executable, starts with `#!`, or is a bundle; so a program can still read source from a name that says nothing and run it.
 */
export function classifyFile(file: SampledFile): FileKind {
  const { path, sample, sizeBytes, isExecutable } = file
  if (sizeBytes === 0) return 'data'
  const name = path.slice(path.lastIndexOf('/') + 1)
  const magic = sample.subarray(0, 16).toHex()
  if (NATIVE_MAGIC.test(magic) && !isText(sample)) return 'native'
  if (ARCHIVE_MAGIC.test(magic)) return NATIVE_NAME.test(name) ? 'native' : 'archive'
  if (!isText(sample)) return binaryKind(name, magic)
  const isScript =
    (SCRIPT_NAME.test(name) && !DECLARATIONS_NAME.test(name)) ||
    SCRIPT_FILE.test(name) ||
    magic.startsWith('2321') ||
    isExecutable
  const text = Buffer.from(sample.buffer, sample.byteOffset, sample.length).toString('latin1')
  if (isScript) return isBundledScript(file, name, text) ? 'bundle' : 'script'
  if (NATIVE_NAME.test(name)) return 'unknown'
  const isCode = !INSTALLED.test(path) && BEGINS_AS_CODE.test(withoutHead(text))
  return isCode && looksBundled(text) ? 'bundle' : 'data'
}

function binaryKind(name: string, magic: string): FileKind {
  if (NATIVE_NAME.test(name)) return 'native'
  if (ARCHIVE_NAME.test(name)) return 'archive'
  // An engine runs text in other encodings too, and a name that ends in .js is enough for it.
  if (SCRIPT_NAME.test(name)) return 'script'
  return DATA_MAGIC.test(magic) ? 'data' : 'unknown'
}

/** No NUL in what is seen: every encoding of programs that engines read without being told has none. */
function isText(sample: Uint8Array): boolean {
  return !sample.includes(0)
}

function isBundledScript({ path, sizeBytes }: SampledFile, name: string, text: string): boolean {
  const isCode = isJavaScript(name, text)
  // What is below node_modules belongs to a package or is a gap, whatever it looks like.
  if (!isCode || INSTALLED.test(path)) return hasBundlerMarks(text, isCode)
  return sizeBytes > text.length || looksBundled(text)
}

/** Whether a script is for Node.js: by its name, by its first line, else by how it begins. */
function isJavaScript(name: string, text: string): boolean {
  if (SCRIPT_NAME.test(name) || SCRIPT_FILE.test(name)) return JAVASCRIPT_NAME.test(name)
  if (text.startsWith('#!')) return /^#![^\n]*\b(?:node|bun|deno)\b/.test(text)
  return !name.includes('.') || BEGINS_AS_CODE.test(withoutHead(text))
}
