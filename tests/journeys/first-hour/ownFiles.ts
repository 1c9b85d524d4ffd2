import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** The files that the guide asks its reader to bring, as their own tools lay them out. */
export function makeOwnFiles(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const scratch = mkdtempSync(path.join(tmpdir(), 'countersign-own-files-'))
  try {
    makeWheel(path.join(scratch, 'wheel'), path.join(folder, 'greet-1.0.0-py3-none-any.whl'))
    makeGoProgram(path.join(scratch, 'go'), path.join(folder, 'greet'))
    makeImage(path.join(scratch, 'image'), path.join(folder, 'greet-image.tar'))
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** A wheel (PEP 427): a zip of the module and its metadata. */
function makeWheel(folder: string, wheel: string): void {
  const information = 'greet-1.0.0.dist-info'
  const files = {
    'greet.py': "print('hello')\n",
    [`${information}/METADATA`]: 'Metadata-Version: 2.1\nName: greet\nVersion: 1.0.0\n',
    [`${information}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  }
  const record = Object.entries(files).map(
    ([name, text]) => `${name},sha256=${digest(text, 'base64url')},${text.length}`,
  )
  writeTree(folder, { ...files, [`${information}/RECORD`]: `${record.join('\n')}\n${information}/RECORD,,\n` })
  execFileSync('python3', ['-m', 'zipfile', '-c', wheel, 'greet.py', information], { cwd: folder })
}

function makeGoProgram(folder: string, program: string): void {
  writeTree(folder, {
    'go.mod': 'module example.org/greet\n\ngo 1.21\n',
    'main.go': 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n',
  })
  const env = {
    ...process.env,
    CGO_ENABLED: '0',
    GOFLAGS: '-mod=mod',
    GOTOOLCHAIN: 'local',
    GOCACHE: path.join(folder, 'cache'),
  }
  execFileSync('go', ['build', '-trimpath', '-o', program, '.'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

/** A container image as OCI layout archive (image-spec, image-layout.md): one layer with one file. */
function makeImage(folder: string, archive: string): void {
  writeTree(folder, { 'root/hello.txt': 'hello\n' })
  const pack = ['--sort=name', '--owner=0', '--group=0', '--mtime=@0']
  const layer = execFileSync('tar', [...pack, '-C', path.join(folder, 'root'), '-c', '.'])
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest(layer, 'hex')}`] },
  }
  const blobs: Record<string, string | Uint8Array> = {}
  const add = (mediaType: string, content: string | Uint8Array) => {
    const hex = digest(content, 'hex')
    blobs[`blobs/sha256/${hex}`] = content
    return { mediaType, digest: `sha256:${hex}`, size: content.length }
  }
  const type = (name: string) => `application/vnd.oci.image.${name}`
  const manifest = {
    schemaVersion: 2,
    mediaType: type('manifest.v1+json'),
    config: add(type('config.v1+json'), JSON.stringify(config)),
    layers: [add(type('layer.v1.tar'), layer)],
  }
  const index = { schemaVersion: 2, manifests: [add(type('manifest.v1+json'), JSON.stringify(manifest))] }
  const layout = path.join(folder, 'layout')
  writeTree(layout, { ...blobs, 'index.json': JSON.stringify(index), 'oci-layout': '{"imageLayoutVersion":"1.0.0"}' })
  execFileSync('tar', [...pack, '-C', layout, '-cf', archive, 'oci-layout', 'index.json', 'blobs'])
}

function writeTree(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
}

function digest(content: string | Uint8Array, encoding: 'hex' | 'base64url'): string {
  return createHash('sha256').update(content).digest(encoding)
}
