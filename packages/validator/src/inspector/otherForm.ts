import type { FileKind } from './listing.ts'

/** Tells by names inside of an archive what it is, first match first. */
const ARCHIVE_FORMS: readonly (readonly [form: string, isOne: (paths: readonly string[]) => boolean])[] = [
  ['a container image as OCI layout', (paths) => paths.includes('oci-layout')],
  [
    'a container image as docker save writes it',
    (paths) => paths.includes('manifest.json') && paths.some((path) => path.endsWith('layer.tar')),
  ],
  ['a Python source distribution', (paths) => paths.some((path) => /^[^/]+\/PKG-INFO$/.test(path))],
  ['a Rust crate', (paths) => paths.some((path) => /^[^/]+\/Cargo\.toml(?:\.orig)?$/.test(path))],
  ['a Ruby gem', (paths) => paths.includes('metadata.gz') && paths.includes('data.tar.gz')],
  ['an Alpine package', (paths) => paths.includes('.PKGINFO')],
]

/**
 * Names a form that is not read yet: for people, so that they learn which one it was. Looks at the first bytes and, in an
 * archive that could be read, at the names.
 */
export function otherForm(head: Uint8Array, paths: readonly string[], kind: FileKind): string {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1')
  if (paths.length > 0)
    return ARCHIVE_FORMS.find(([, isOne]) => isOne(paths))?.[0] ?? 'an archive without an npm package'
  if (text.startsWith('PK')) return zipForm(text)
  if (text.startsWith('!<arch>\ndebian-binary')) return 'a Debian package'
  if (text.startsWith('!<arch>')) return 'a static library'
  if (text.startsWith('\xed\xab\xee\xdb')) return 'an RPM package'
  if (/^(?:\x7fELF|MZ|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe)/.test(text)) return executableForm(text)
  if (text.startsWith('\0asm')) return 'a WebAssembly module'
  if (text.startsWith('\xca\xfe\xba\xbe')) return 'a Java class or a macOS program for several processors'
  if (/^\s*\{/.test(text)) return 'JSON that is no npm lockfile'
  if (kind === 'script' || kind === 'bundle') return 'a script'
  return kind === 'archive' ? 'an archive of another kind than .tar and .tar.gz' : 'a file of unknown form'
}

/** The names that a zip begins with; its directory is at the end and not looked at. */
function zipForm(text: string): string {
  if (/[\w.-]+\.dist-info\/(?:METADATA|WHEEL|RECORD)/.test(text)) return 'a Python wheel'
  if (text.includes('META-INF/')) return 'a Java archive'
  if (text.includes('AndroidManifest.xml')) return 'an Android package'
  if (text.includes('.nuspec')) return 'a NuGet package'
  return 'a zip archive, perhaps a Python wheel or a Java archive'
}

function executableForm(text: string): string {
  const format = text.startsWith('\x7fELF') ? 'Linux (ELF)' : text.startsWith('MZ') ? 'Windows (PE)' : 'macOS (Mach-O)'
  return /Go build ID: "|\xff Go buildinf:/.test(text) ? `a Go program for ${format}` : `a program for ${format}`
}
