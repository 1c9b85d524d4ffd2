/** The fields of a package.json that packing reads or writes. */
export interface PackageJson {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * The package.json that is published. Imports of `x.ts` across packages lead to the built `dist/x.js`, so sources and built
 * files import each other by the same names. Programs install on any Node.js from 20 on, because they bring their own runtime.
 */
export function publishedPackage(source: PackageJson): Record<string, unknown> {
  return {
    name: source.name,
    version: source.version,
    description: source.description,
    license: source.license,
    type: 'module',
    engines: { node: source.bin === undefined ? '>=26' : '>=20' },
    files: ['bin', 'dist'],
    exports: { './*.ts': { types: './dist/*.d.ts', default: './dist/*.js' } },
    ...(source.bin && { bin: source.bin }),
    ...(source.dependencies && { dependencies: source.dependencies }),
    ...(source.optionalDependencies && { optionalDependencies: source.optionalDependencies }),
  }
}
