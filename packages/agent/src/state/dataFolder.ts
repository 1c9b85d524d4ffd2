import { join } from 'node:path'

/** Where everything of one device lies. Only `releases` and `work` are for the program's user, too. */
export interface DataFolder {
  readonly path: string
  /** Which instance this device belongs to, under which name. */
  readonly enrolment: string
  /** The client key, PKCS#8 PEM, mode 0600; made here and never sent. */
  readonly key: string
  /** The client certificate and its issuer, PEM. */
  readonly certificate: string
  /** Anchors and feed, as `@countersign/local` keeps them. */
  readonly trust: string
  readonly state: string
  /** One folder for each installed artifact, named by its SHA-256. */
  readonly releases: string
  /** What the programs write; theirs alone. */
  readonly work: string
  /** What the programs print. */
  readonly output: string
}

/** Names the files of the data folder `path`. Nothing is made or read. */
export function dataFolder(path: string): DataFolder {
  return {
    path,
    enrolment: join(path, 'enrolment.json'),
    key: join(path, 'device.key'),
    certificate: join(path, 'device.crt'),
    trust: join(path, 'trust'),
    state: join(path, 'state.json'),
    releases: join(path, 'releases'),
    work: join(path, 'work'),
    output: join(path, 'output'),
  }
}
