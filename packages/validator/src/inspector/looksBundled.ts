import { type ScriptShape, scriptShape } from './scriptShape.ts'

/** What bundlers and their loaders leave in a text as long as nobody renames or reformats it. */
const MARKS =
  /\b__commonJS\b|\b__toESM\b|\b__webpack_(?:require|modules)__\b|\bwebpackBootstrap\b|\b__nccwpck_require__\b|\bparcelRequire|(?:^|\n)[ \t]*(?:\/\/|\/\*\*?!?)[ \t]{0,9}(?:#region )?(?:\.\.?\/)*node_modules\/|\bcommonjsGlobal\b|\bgetDefaultExportFromCjs\b|function\s?\w{0,40}\(\w,\w,\w\)\{function \w\(\w,\w\)\{if\(!\w\[\w\]\)|\b__turbopack_|\/\*! For license information please see|sourceMappingURL=data:/

/**
 * A module object made by hand, and what a module put into it: every bundler that carries CommonJS packages has to do both,
 * and no minifier can shorten the name. esbuild, rolldown and Bun: `(m={exports:{}}).exports`; webpack, browserify, Metro:
 * `c[i]={exports:{}}`; rollup: `var lib={exports:{}}`.
 */
const MODULE_OBJECT = ' exports : { }'
/** How rollup reads the default of a CommonJS package; TypeScript's own helper asks differently. */
const ROLLUP_INTEROP = '. __esModule && Object . prototype . hasOwnProperty . call ('

// Lines that people write are far below; minifiers put everything on a few lines.
const MINIFIED_LINE = 1000
const MINIFIED_BYTES = 1024
// Of what was measured on 12,000 published sources: minified ones lie above, all others below (cryptography comes closest).
const SHORT_NAMES = 0.9
const SHORT_NAMES_OF_MINIFIED_SYNTAX = 0.5
const MIN_NAMES = 100
const SPACED_OPERATORS = 0.25
const MIN_OPERATORS = 10

/** Whether the text carries the marks of a bundler, or lines that only minifiers write. For text in any language. */
export function hasBundlerMarks(text: string, isJavaScript: boolean): boolean {
  return MARKS.test(text) || (isJavaScript && text.length >= MINIFIED_BYTES && hasCodeLine(text))
}

/**
 * Whether JavaScript or TypeScript was put together from several packages, or minified, so that nobody can tell what is in
 * it. Beyond the marks it looks at what a minifier and a formatter cannot take away: the module objects of CommonJS packages,
 * the shortness of names, constants written as `!0`, operators without spaces. Not recognised: packages that are ES modules
 * all of them, put together without minifying and without the comments that bundlers write (rollup does so); one package
 * copied into a source file; code that is kept as text or compressed and run later. Hand-written sources that hold a loader
 * of modules are recognised too.
 */
export function looksBundled(text: string): boolean {
  if (hasBundlerMarks(text, true)) return true
  const shape = scriptShape(text)
  return holdsModules(shape) || isMinified(shape)
}

function holdsModules({ code, moduleContents }: ScriptShape): boolean {
  return (moduleContents > 0 && code.includes(MODULE_OBJECT)) || code.includes(ROLLUP_INTEROP)
}

function isMinified(shape: ScriptShape): boolean {
  const { names, shortNames, booleans, negatedNumbers, operators, spacedOperators } = shape
  const share = names === 0 ? 0 : shortNames / names
  if (names >= MIN_NAMES && share >= SHORT_NAMES) return true
  if (negatedNumbers >= 2 && booleans === 0 && share >= SHORT_NAMES_OF_MINIFIED_SYNTAX) return true
  return operators >= MIN_OPERATORS && spacedOperators <= operators * SPACED_OPERATORS
}

/** A long line that is no single long text, number list or style sheet: much punctuation and the words of programs in it. */
function hasCodeLine(text: string): boolean {
  return text.split('\n').some((line) => {
    if (line.length < MINIFIED_LINE) return false
    const seen = line.slice(0, 20_000)
    const marks = seen.match(/[;{}()=]/g)?.length ?? 0
    const words = seen.match(/=>|&&|\|\||\b(?:function|return|var|let|const)\b/g)?.length ?? 0
    return marks > seen.length / 50 && words >= 3
  })
}
