import { documentedExports, documentedMethods } from './docstrings.ts'
import { namedCrashPoints, writesInOnePlace } from './durability.ts'
import { importOrder, noCycles, pureProtocol } from './importOrder.ts'
import { liveLinks } from './links.ts'
import { namedExports, noLeftovers, noMachinePaths, shortFiles, testsStayOutside } from './manners.ts'
import type { Rule } from './sourceText.ts'

/** The rules of the tree, by the sentence that a failure shows. */
export const rules: Readonly<Record<string, Rule>> = {
  'a file imports only from folders listed before its own': importOrder,
  'no import cycles': noCycles,
  'protocol is pure': pureProtocol,
  'every export of protocol is documented': documentedExports,
  'every interface method is documented': documentedMethods,
  'durable writes happen in one place': writesInOnePlace,
  'every durable write names its own crash point': namedCrashPoints,
  'nothing is unfinished, skipped or silenced': noLeftovers,
  'exports have names': namedExports,
  'no file is longer than 400 lines': shortFiles,
  'the product imports nothing that is for tests': testsStayOutside,
  'links in documents lead somewhere': liveLinks,
  'nothing names a place of one machine': noMachinePaths,
}
