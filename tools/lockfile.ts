/** One entry of package-lock.json, as far as it matters here. */
export interface LockEntry {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly engines?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** package-lock.json, version 3. */
export interface Lockfile {
  readonly packages: Readonly<Record<string, LockEntry>>
  readonly [field: string]: unknown
}

/**
 * Optional dependencies that the lockfile names and does not hold, with the entry that names them. npm leaves them out where a
 * registry does not carry every platform's package, and then `npm ci` refuses the lockfile on every machine.
 */
export function missingOptional(lock: Lockfile): { key: string; version: string; namedBy: LockEntry }[] {
  return Object.values(lock.packages).flatMap((namedBy) =>
    Object.entries(namedBy.optionalDependencies ?? {})
      .map(([name, version]) => ({ key: `node_modules/${name}`, version, namedBy }))
      .filter(({ key, version }) => lock.packages[key] === undefined && /^\d/.test(version)),
  )
}

/** The lockfile with an entry for each of them. Platform and processor are read from the name; such a package is never installed elsewhere. */
export function completeLock(lock: Lockfile): Lockfile {
  const added = missingOptional(lock).map(({ key, version, namedBy }): [string, LockEntry] => {
    const platform = /(android|darwin|freebsd|linux|win32)-(arm64|arm|ia32|x64)(?:-(musl))?$/.exec(key)
    if (platform === null) throw new Error(`${key} does not name its platform`)
    const [, os, cpu, libc] = platform
    const { license, engines, dev } = namedBy
    const kept = { ...(dev && { dev }), ...(license && { license }), ...(engines && { engines }) }
    return [key, { version, cpu: [cpu], ...kept, ...(libc && { libc: [libc] }), optional: true, os: [os] }]
  })
  const packages = Object.entries(lock.packages).concat(added)
  return { ...lock, packages: Object.fromEntries(packages.sort(([one], [other]) => (one < other ? -1 : 1))) }
}
