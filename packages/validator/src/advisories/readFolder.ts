import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { MAX_ADVISORY_BYTES } from '@countersign/protocol/osv/advisory.ts'
import { advisoriesError } from './errors.ts'
import { MAX_ZIP_BYTES, readZip } from './readZip.ts'
import { isRecordName, MAX_RECORDS, RecordCollector, type SourceContent } from './sourceContent.ts'

/** A file of this name says that the data in its folder was made for a demonstration. */
export const SAMPLE_MARK = 'SAMPLE'

const ARCHIVE = 'all.zip'
const MAX_FOLDERS = 1000

/**
 * Reads a folder in the OSV bulk layout (`<ecosystem>/all.zip`), a folder of `<id>.json` files, one zip file or one JSON file.
 * A folder with `all.zip` is read from that alone. Anything else in it is ignored. Throws `advisories.source-missing`,
 * `advisories.not-osv`, `advisories.zip-malformed`, `advisories.too-large`.
 */
export async function readFolder(path: string): Promise<SourceContent> {
  const collector = new RecordCollector()
  const kind = await kindOf(path)
  if (kind === 'file') {
    const isRecord = path.endsWith('.json')
    if (isRecord) collector.add(basename(path), await readFile(path, MAX_ADVISORY_BYTES))
    else await readZip(await readFile(path, MAX_ZIP_BYTES), collector)
    collector.endFolder(basename(dirname(path)))
    const sample = existsSync(join(dirname(path), SAMPLE_MARK))
    // One record says nothing about which others its publisher has.
    return collector.finish(path, { sample, live: false, whole: !isRecord })
  }
  const names = (await readdir(path)).sort()
  if (!(await readFlat(path, names, collector))) {
    if (names.length > MAX_FOLDERS)
      throw advisoriesError('advisories.too-large', `${path} has more than ${MAX_FOLDERS} members`)
  }
  for (const name of names.slice(0, MAX_FOLDERS)) {
    const inner = join(path, name)
    if ((await kindOf(inner)) === 'folder') await readFlat(inner, (await readdir(inner)).sort(), collector)
  }
  return collector.finish(path, { sample: names.includes(SAMPLE_MARK), live: false, whole: true })
}

/** True where there was something to read. */
async function readFlat(folder: string, names: readonly string[], collector: RecordCollector): Promise<boolean> {
  if (names.includes(ARCHIVE)) {
    await readZip(await readFile(join(folder, ARCHIVE), MAX_ZIP_BYTES), collector)
    collector.endFolder(basename(folder))
    return true
  }
  const records = names.filter(isRecordName)
  if (records.length > MAX_RECORDS) throw advisoriesError('advisories.too-large', `${folder} has too many files`)
  for (const name of records) collector.add(name, await readFile(join(folder, name), MAX_ADVISORY_BYTES))
  collector.endFolder(basename(folder))
  return records.length > 0
}

async function readFile(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    return await readBounded(path, maxBytes)
  } catch (cause) {
    if (!hasCode(cause, 'files.too-large')) throw cause
    throw advisoriesError('advisories.too-large', `${path} is larger than ${maxBytes} bytes`, { cause })
  }
}

async function kindOf(path: string): Promise<'file' | 'folder'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (cause) {
    throw advisoriesError('advisories.source-missing', `${path} is not there or cannot be read`, { cause })
  }
}
