import { boundedRequest } from './boundedRequest.ts'
import { anchorsError } from './errors.ts'
import type { Anchors } from './openAnchors.ts'
import { checkFile } from './tufMetadata.ts'

/** One release as the verified targets metadata lists it; what it holds is in the target's own bytes. */
export interface ListedRelease {
  /** `releases/<product>/<channel>/<counter>.json` (design 20). */
  readonly name: string
  readonly product: string
  readonly channel: string
  readonly counter: number
}

/** How the file of one release is fetched. */
export interface ReleaseDeps {
  /** 5 seconds where not given. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const MAX_RELEASE_BYTES = 64 * 1024
const pattern = /^releases\/([A-Za-z0-9][\w.-]{0,127})\/([A-Za-z0-9][\w.-]{0,127})\/([1-9]\d{0,14})\.json$/

/** Every release that the verified targets metadata of `anchors` lists, in no particular order. Other names are no releases. */
export function listReleaseTargets(anchors: Pick<Anchors, 'otherTargets'>): ListedRelease[] {
  return [...anchors.otherTargets.keys()].flatMap((name) => {
    const [, product, channel, counter] = pattern.exec(name) ?? []
    return product === undefined || channel === undefined ? [] : [{ name, product, channel, counter: Number(counter) }]
  })
}

/**
 * Fetches the target `name` and proves that its length and SHA-256 are the ones that the verified metadata lists.
 * Consistent snapshots (TUF 1.0, 5.7.3): the digest is the first part of the file's name, in the folder of the target.
 * Throws `anchors.tampered` for other bytes and for a name that is not listed with a digest; `anchors.unreachable`.
 */
export async function fetchReleaseTarget(
  anchors: Pick<Anchors, 'httpUrl' | 'otherTargets'>,
  name: string,
  { timeoutMs = 5_000, signal }: ReleaseDeps,
): Promise<Uint8Array> {
  const statement = anchors.otherTargets.get(name)
  if (statement?.sha256 === undefined) throw anchorsError('anchors.tampered', `${name} is not listed with SHA-256`)
  const slash = name.lastIndexOf('/') + 1
  const path = `targets/${name.slice(0, slash)}${statement.sha256}.${name.slice(slash)}`
  const { status, bytes } = await boundedRequest({
    url: `${anchors.httpUrl}/tuf/${path}`,
    maxBytes: MAX_RELEASE_BYTES,
    timeoutMs,
    ...(signal && { signal }),
    fail: (failure, message, cause) =>
      failure === 'too-large'
        ? anchorsError('anchors.tampered', message)
        : anchorsError('anchors.unreachable', message, { cause }),
  })
  if (status !== 200) throw anchorsError('anchors.unreachable', `${anchors.httpUrl}/tuf/${path} answered ${status}`)
  checkFile(name, bytes, statement)
  return bytes
}
