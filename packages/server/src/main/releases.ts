import { listReleasesRoute, publishReleaseRoute } from '@countersign/protocol/api/devices.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { digestOfFile } from './digestOfFile.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-server releases publish`: `artifact` is a file, or the SHA-256 of one. */
export async function publish(artifact: string, options: AdminOptions & { channel: string }): Promise<void> {
  const sha256 = /^[0-9a-f]{64}$/i.test(artifact) ? artifact.toLowerCase() : await digestOfFile(artifact)
  const body = { sha256, channel: options.channel }
  const published = await callAdmin(options.data, publishReleaseRoute, { body })
  if (options.json) return printJson(published)
  const { product, version, channel, counter, target } = published
  printLine(`${product} ${version} is released on ${channel} as number ${counter} (${target}).`)
}

/** `countersign-server releases list`. */
export async function list(options: AdminOptions): Promise<void> {
  const { releases } = await callAdmin(options.data, listReleasesRoute, {})
  if (options.json) return printJson({ releases })
  if (releases.length === 0)
    printLine('No release yet. `countersign-server releases publish <file>` makes the first one.')
  printTable(
    releases.map((one) => [
      one.product,
      one.channel,
      one.version,
      `number ${one.counter}`,
      one.state,
      one.publishedAt,
      one.sha256,
    ]),
  )
}
